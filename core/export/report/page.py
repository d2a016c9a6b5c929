"""The report as one HTML file that needs nothing else and prints to A4.

The text of the page is in ``page.html``; the picture is embedded, numbers and diameters are drawn
over it as vectors.
"""

import base64
import html
from pathlib import Path
from string import Template

from core.export.measure import Point
from core.export.report.content import Mark, Report

_TEMPLATE = Path(__file__).with_name("page.html")


def html_of(report: Report) -> bytes:
    """UTF-8 HTML; every text is escaped, no script and no address of the net is in it."""
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    image = base64.b64encode(report.picture_png).decode()
    return template.substitute(
        title=_text(report.title),
        disclaimer=_text(report.disclaimer),
        warnings="".join(f'<p class="only">{_text(sentence)}</p>' for sentence in report.warnings),
        image=f"data:image/png;base64,{image}",
        width=report.width,
        height=report.height,
        marks="".join(_mark(mark, report) for mark in report.marks) + _letters(report),
        caption=_text(report.caption),
        beside="".join(_section(*section) for section in report.facts[:2]),
        sections="".join(_section(*section) for section in report.facts[2:]),
        table=_table(report),
        note=_text(report.note),
        limits="".join(f"<li>{_text(limit)}</li>" for limit in report.limits),
        made=_text(report.made),
    ).encode()


def _section(heading: str, pairs: tuple[tuple[str, str], ...]) -> str:
    listed = "".join(f"<dt>{_text(label)}</dt><dd>{_text(value)}</dd>" for label, value in pairs)
    return f"<section><h2>{_text(heading)}</h2><dl>{listed}</dl></section>"


def _table(report: Report) -> str:
    if not report.rows:
        return ""
    head = "".join(f'<th scope="col">{_text(column)}</th>' for column in report.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in report.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _mark(mark: Mark, report: Report) -> str:
    """Pixel centres lie half a pixel inside the picture's corner."""
    lines = "".join(
        f'<line x1="{a[1] + 0.5:.2f}" y1="{a[0] + 0.5:.2f}" '
        f'x2="{b[1] + 0.5:.2f}" y2="{b[0] + 0.5:.2f}"/>'
        for a, b in (mark.longest, mark.perpendicular)
    )
    return f"<g>{lines}{_label(str(mark.number), mark.place, report)}</g>"


def _letters(report: Report) -> str:
    return "".join(
        _label(letter, (y * report.height, x * report.width), report)
        for letter, (y, x) in report.letters
    )


def _label(words: str, place: Point, report: Report) -> str:
    """Text at a (row, column) in pixels, moved inside where it would reach out."""
    size = max(report.width, report.height) / 34
    (y, x), half = place, size / 2
    x, y = min(max(x, half), report.width - half), min(max(y, size), report.height - half)
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:.2f}" '
        f'stroke-width="{size / 6:.2f}">{words}</text>'
    )


def _text(value: str) -> str:
    return html.escape(value)
