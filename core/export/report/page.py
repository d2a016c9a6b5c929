"""The report as one HTML file that needs nothing else and prints to A4.

The page is the Jinja2 template ``page.html``; the image is embedded, numbers and diameters are
drawn over it as vectors.
"""

import base64
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.export.report.content import Report

if TYPE_CHECKING:
    from jinja2 import Template


def html_of(report: Report) -> bytes:
    """UTF-8 HTML; every text is escaped, no script and no address of the net is in it."""
    image = base64.b64encode(report.image_png).decode()
    return _template().render(report=report, image=image).encode()


@lru_cache(maxsize=1)
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only where one is written

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clamp"] = _clamp
    return environment.get_template("page.html")


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
