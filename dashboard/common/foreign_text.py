"""Text from outside as text: what a link, a file or a run says is shown and never interpreted.

Streamlit reads Markdown in captions, messages and labels: an image in the name of a file would
make the browser of whoever looks at it call another host, and a link could lead anywhere.
"""

import re

MOST = 1000
"""Characters that are shown; a sentence needs no more."""
_JOINER = "\u2060"  # no width: a backslash does not stop what Streamlit replaces after parsing
_MARKS = re.compile(r"[\\`*\[\]{}<>~$|&!#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LINKS = re.compile(r"(?i)(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=ftp:)(?=//)|(?<=www)(?=\.)|(?<=@)")
_DIRECTIVES = re.compile(r"(?<=:)(?=[\w/+-]+:)")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def as_text(text: object) -> str:
    r"""Markdown that shows a text as it is, in one line.

    ``![x](http://host)`` becomes ``\!\[x\](http://host)``, with a character of no width after
    the colon. Control characters and those that turn the direction of writing become spaces.
    """
    plain = _UNSEEN.sub(" ", str(text)).strip()
    if len(plain) > MOST:
        plain = f"{plain[: MOST - 1]}…"
    plain = _DIRECTIVES.sub(_JOINER, _LINKS.sub(_JOINER, plain))
    return _MARKS.sub(r"\\\g<0>", plain)
