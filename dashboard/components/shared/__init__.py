"""What the viewers have in common: JavaScript modules, the style sheet and the threshold's markup.

The browser gets ``bundle.js`` of a component, made by ``make js`` from its ``src`` folder and the
modules here; markup and style are put together when Python starts.
"""

from pathlib import Path

HERE = Path(__file__).parent


def read(file: Path) -> str:
    """The text of a file of a component."""
    return file.read_text(encoding="utf-8")


def markup(file: Path) -> str:
    """A component's markup, with the threshold's track and number field where it wants them."""
    return read(file).replace("<!-- tuner -->", read(HERE / "tuner.html"))


def style(*files: Path) -> str:
    """The style sheet of all viewers, then what a component adds to it."""
    return "\n".join(read(file) for file in (HERE / "viewer.css", *files))
