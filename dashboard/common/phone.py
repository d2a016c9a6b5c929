"""On a phone columns stand below one another: what can wait comes after the image."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

_LATER, _PAIRS, _HALVES = "later-on-a-phone", "pairs-on-a-phone", "halves-on-a-phone"
_ROW = '[data-testid="stHorizontalBlock"]'
_COLUMN = '[data-testid="stColumn"]'
_STACK = '[data-testid="stVerticalBlock"]'
# The parts of both columns become parts of one, in which the later ones are last.
_STYLE = f"""<style>@media (max-width: 640px) {{
  {_ROW}:has(.st-key-{_LATER}) {{ flex-flow: column nowrap; align-items: stretch; gap: 1rem; }}
  {_ROW}:has(.st-key-{_LATER}) > {_COLUMN},
  {_ROW}:has(.st-key-{_LATER}) > {_COLUMN} > {_STACK} {{ display: contents; }}
  :has(> .st-key-{_LATER}) {{ order: 1; }}
  [class*="st-key-{_PAIRS}"] {_ROW} {{ flex-wrap: nowrap; }}
  [class*="st-key-{_PAIRS}"] {_ROW} > {_COLUMN} {{ flex: 1 1 0; min-width: 0; }}
  [class*="st-key-{_HALVES}"] > * {{ max-width: calc(50% - 0.5rem); }}
  [class*="st-key-{_HALVES}"] > * * {{ max-width: 100%; }}
}}</style>"""


@contextmanager
def later() -> Iterator[None]:
    """Within a page's first column, once: what comes after the second column on a phone."""
    st.html(_STYLE)
    with st.container(key=_LATER):
        yield


@contextmanager
def pairs(name: str) -> Iterator[None]:
    """Columns in here stay beside one another on a phone; its name is its own on the page."""
    st.html(_STYLE)
    with st.container(key=f"{_PAIRS}-{name}"):
        yield


@contextmanager
def halves(name: str) -> Iterator[None]:
    """A row of images that stand two by two on a phone; its name is its own on the page."""
    st.html(_STYLE)
    with st.container(horizontal=True, gap="small", key=f"{_HALVES}-{name}"):
        yield
