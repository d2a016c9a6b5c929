"""What a person brought stays theirs: through other pages, and beside an example examined.

Streamlit forgets an uploader's files when another page is shown. They are kept in the session,
which ends when the browser's tab is closed.
"""

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.imaging.names import clean_name
from dashboard.common.foreign_text import as_text

WIDGET, KEPT, LOOKS_AT = "uploads", "uploads-kept", "looks-at-upload"


def look_at_example() -> None:
    """An example was chosen: what was brought waits."""
    st.session_state[LOOKS_AT] = False


def ask(words: str) -> tuple[UploadedFile, ...]:
    """The uploader, and the files that are shown; none where an example is.

    Args:
        words: What can be brought, for its help.
    """
    given = st.file_uploader(
        "or your own image",
        accept_multiple_files=True,
        key=WIDGET,
        on_change=_changed,
        help=words,
    )
    cached: tuple[UploadedFile, ...] = tuple(given) or st.session_state.get(KEPT, ())
    if not cached:
        return ()
    st.session_state[KEPT] = cached
    looked_at: bool = st.session_state.setdefault(LOOKS_AT, True)
    if not given or not looked_at:
        _row(cached, looked_at=looked_at, listed=bool(given))
    return cached if looked_at else ()


def _row(cached: Sequence[UploadedFile], *, looked_at: bool, listed: bool) -> None:
    """What waits or is no longer listed in the uploader, and what can be done with it."""
    name = clean_name(cached[0].name)
    words = as_text(name if len(cached) == 1 else f"{name} and {len(cached) - 1} more")
    with st.container(horizontal=True, vertical_alignment="center"):
        if looked_at:
            st.caption(f"{words}, brought before", width="stretch")
        else:
            st.button(
                f"Back to {words}", icon=":material/undo:", type="tertiary", on_click=_look_at_it
            )
        if not listed:
            st.button("Forget", type="tertiary", on_click=_forget)


def _changed() -> None:
    """Files were added or taken away manually."""
    files = tuple(st.session_state[WIDGET] or ())
    st.session_state[KEPT], st.session_state[LOOKS_AT] = files, True


def _look_at_it() -> None:
    st.session_state[LOOKS_AT] = True


def _forget() -> None:
    st.session_state.pop(KEPT, None)
    st.session_state.pop(LOOKS_AT, None)
