"""Which of the uploaded images is looked at, as files come and go."""

import pytest

from dashboard.common.cache import ItemKey
from dashboard.common.uploads import Seen, shown_next

SERIES: ItemKey = (("c", "d"), 0)
FIRST, SECOND = (("z",), 0), (("z",), 1)
A: ItemKey = (("a",), 0)


@pytest.mark.parametrize(
    ("keys", "files", "seen", "shown"),
    [
        ([A], "a", Seen(), A),
        ([SERIES, A], "acd", Seen(files=frozenset("a"), shown=A), SERIES),
        ([SERIES, A], "cda", Seen(files=frozenset("cd"), shown=SERIES), A),
        ([FIRST, SECOND, A], "az", Seen(files=frozenset("a"), shown=A), FIRST),
        ([FIRST, SECOND, A], "aze", Seen(files=frozenset("az"), shown=SECOND), SECOND),
        ([FIRST, SECOND, A], "az", Seen(files=frozenset("azc"), shown=SECOND), SECOND),
        ([SERIES, A], "cda", Seen(files=frozenset("bcda"), shown=(("b", "c", "d"), 0)), SERIES),
        ([SERIES, A], "acd", Seen(files=frozenset("bacd"), shown=(("b",), 0)), SERIES),
        ([SERIES, A], "cda", Seen(files=frozenset("bcda"), shown=(("b",), 0)), A),
    ],
    ids=[
        "the first",
        "a series is added",
        "an image is added, listed after the series",
        "of a zip the first",
        "what is added cannot be read",
        "another is removed",
        "the series on show lost a slice",
        "what was on show is removed, the series is the newest",
        "what was on show is removed, the image is the newest",
    ],
)
def test_what_was_brought_last_is_shown_and_a_choice_stays(
    keys: list[ItemKey], files: str, seen: Seen, shown: ItemKey
) -> None:
    assert keys[shown_next(keys, list(files), seen)] == shown
