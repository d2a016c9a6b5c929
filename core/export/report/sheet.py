"""The report as PDF on A4 (reportlab): text stays text, numbers and diameters are vectors."""

import io
from typing import TYPE_CHECKING, Any

from core.export.measure import Point
from core.export.report.content import Mark, Report

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

_GREY, _INK, _RULE, _ALERT = "#57606a", "#1b1f23", "#d0d7de", "#d55e00"
_MM = 72 / 25.4
_TEXT_WIDTH = 180 * _MM
_PICTURE_WIDTH, _PICTURE_HEIGHT = 108 * _MM, 130 * _MM
_FRAME = 6  # points that reportlab keeps free inside a margin


def pdf_of(report: Report) -> bytes:
    """PDF in its standard fonts: letters beyond Windows-1252 are printed as ``?``."""
    # 0.3 s; only where a PDF is written
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import CondPageBreak, Paragraph, SimpleDocTemplate, Spacer

    stream = io.BytesIO()
    page = SimpleDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=15 * _MM - _FRAME,
        rightMargin=15 * _MM - _FRAME,
        topMargin=14 * _MM,
        bottomMargin=16 * _MM,
        title=_plain(report.title),
        author="Isoline",
        subject=report.disclaimer,
        creator="Isoline",
    )
    style = _styles()
    story: list[Flowable] = [
        Paragraph(_text(report.title), style["title"]),
        Paragraph(_text(report.made), style["quiet"]),
        Paragraph(_text(report.disclaimer), style["alert"]),
        *(Paragraph(_text(sentence), style["alert"]) for sentence in report.warnings),
        _side_by_side(
            [_picture(report), Paragraph(_text(report.caption), style["quiet"])],
            [
                part
                for section in report.facts[:2]
                for part in _section(*section, style, stacked=True)
            ],
        ),
    ]
    for section in report.facts[2:]:
        story += _section(*section, style)
    story += [CondPageBreak(30 * _MM), Paragraph("Measurements", style["heading"])]
    if report.rows:
        story.append(_table(report, style))
    story += [Spacer(1, 1 * _MM), Paragraph(_text(report.note), style["quiet"])]
    if report.limits:
        story += [CondPageBreak(20 * _MM), Paragraph("Limits", style["heading"])]
        story += [Paragraph(f"• {_text(limit)}", style["body"]) for limit in report.limits]

    def foot(canvas: Any, document: Any) -> None:  # noqa: ANN401 - reportlab's callbacks
        canvas.setFont("Helvetica", 8)
        canvas.setFillColor(_GREY)
        canvas.drawString(15 * _MM, 9 * _MM, f"Isoline. {report.disclaimer}")
        canvas.drawRightString(A4[0] - 15 * _MM, 9 * _MM, f"{document.page}")

    page.build(story, onFirstPage=foot, onLaterPages=foot)
    return stream.getvalue()


def _styles() -> dict[str, Any]:
    from reportlab.lib.colors import toColor
    from reportlab.lib.styles import ParagraphStyle

    body = ParagraphStyle(
        "body", fontName="Helvetica", fontSize=9.5, leading=13, textColor=toColor(_INK)
    )
    return {
        "body": body,
        "quiet": ParagraphStyle(
            "quiet", body, fontSize=8.5, leading=11.5, textColor=toColor(_GREY)
        ),
        "title": ParagraphStyle(
            "title", body, fontName="Helvetica-Bold", fontSize=16, leading=20, spaceAfter=1 * _MM
        ),
        "heading": ParagraphStyle(
            "heading",
            body,
            fontName="Helvetica-Bold",
            spaceBefore=4 * _MM,
            spaceAfter=1 * _MM,
        ),
        "alert": ParagraphStyle(
            "alert",
            body,
            fontName="Helvetica-Bold",
            textColor=toColor(_ALERT),
            spaceBefore=2 * _MM,
            spaceAfter=3 * _MM,
        ),
    }


def _section(
    heading: str,
    pairs: tuple[tuple[str, str], ...],
    style: dict[str, Any],
    *,
    stacked: bool = False,
) -> "list[Flowable]":
    """A heading, then label and value side by side, or below each other where it is narrow."""
    from reportlab.platypus import Paragraph, Table

    head = Paragraph(_text(heading), style["heading"])
    cells = [
        (Paragraph(_text(label), style["quiet"]), Paragraph(_text(value), style["body"]))
        for label, value in pairs
    ]
    if stacked:
        return [head, *(cell for pair in cells for cell in pair)]
    layout = [("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding()]
    widths = [34 * _MM, _TEXT_WIDTH - 34 * _MM]
    return [head, Table(cells, colWidths=widths, style=layout)]


def _side_by_side(left: "list[Flowable]", right: "list[Flowable]") -> Any:  # noqa: ANN401
    from reportlab.platypus import Table

    layout = [("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding()]
    return Table(
        [[left, right]],
        colWidths=[_PICTURE_WIDTH + 6 * _MM, _TEXT_WIDTH - _PICTURE_WIDTH - 6 * _MM],
        style=layout,
        splitByRow=0,
    )


def _table(report: Report, style: dict[str, Any]) -> Any:  # noqa: ANN401 - reportlab's class
    from reportlab.platypus import Table

    cells = [[_plain(cell) for cell in row] for row in (report.columns, *report.rows)]
    layout = [
        ("FONT", (0, 0), (-1, -1), "Helvetica", 8.5),
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 8.5),
        ("TEXTCOLOR", (0, 0), (-1, 0), _GREY),
        ("TEXTCOLOR", (0, 1), (-1, -1), style["body"].textColor),
        ("ALIGN", (0, 0), (-1, -1), "RIGHT"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
        *_padding(right=4),
    ]
    width = _TEXT_WIDTH / len(report.columns)
    return Table(cells, colWidths=[width] * len(report.columns), style=layout, repeatRows=1)


def _padding(*, right: float = 0) -> list[Any]:
    everywhere = ((0, 0), (-1, -1))
    return [
        ("LEFTPADDING", *everywhere, 0),
        ("RIGHTPADDING", *everywhere, right),
        ("TOPPADDING", *everywhere, 1.5),
        ("BOTTOMPADDING", *everywhere, 1.5),
    ]


def _picture(report: Report) -> Any:  # noqa: ANN401 - reportlab's class
    """The overlay, with numbers and diameters in the coordinates of its pixels."""
    from reportlab.lib.utils import ImageReader
    from reportlab.platypus import Flowable

    scale = min(_PICTURE_WIDTH / report.width, _PICTURE_HEIGHT / report.height)

    class Picture(Flowable):
        def wrap(self, *_room: float) -> tuple[float, float]:
            self.width, self.height = report.width * scale, report.height * scale
            return self.width, self.height

        def draw(self) -> None:
            image = ImageReader(io.BytesIO(report.image_png))
            self.canv.drawImage(image, 0, 0, self.width, self.height)
            for mark in report.marks:
                _draw_mark(self.canv, mark, report, scale)
            for letter, (y, x) in report.letters:
                _draw_label(self.canv, letter, (y * report.height, x * report.width), report, scale)

    return Picture()


def _draw_mark(canvas: Any, mark: Mark, report: Report, scale: float) -> None:  # noqa: ANN401
    canvas.saveState()
    canvas.setStrokeColor("#ffffff")
    canvas.setLineWidth(0.7)
    canvas.setDash(3, 2)
    for a, b in (mark.longest, mark.perpendicular):
        # pixel centres lie half a pixel inside the image's corner; PDF counts upwards
        ends = [((x + 0.5) * scale, (report.height - y - 0.5) * scale) for y, x in (a, b)]
        canvas.line(*ends[0], *ends[1])
    canvas.restoreState()
    _draw_label(canvas, str(mark.number), mark.place, report, scale)


def _draw_label(canvas: Any, words: str, place: Point, report: Report, scale: float) -> None:  # noqa: ANN401
    """Text at a (row, column) in pixels, moved inside where it would reach out."""
    size = 8.0
    x = min(max(place[1] * scale, size / 2), report.width * scale - size / 2)
    y = min(max((report.height - place[0]) * scale, size), report.height * scale - size)
    for mode, colour in ((1, "#000000"), (0, "#ffffff")):  # a dark rim, then the digits
        canvas.saveState()  # how letters are painted outlives the text object
        text = canvas.beginText()
        text.setFont("Helvetica-Bold", size)
        text.setTextOrigin(x - canvas.stringWidth(words, "Helvetica-Bold", size) / 2, y - size / 3)
        text.setTextRenderMode(mode)
        canvas.setLineWidth(1.6)
        canvas.setStrokeColor(colour)
        canvas.setFillColor(colour)
        text.textOut(words)
        canvas.drawText(text)
        canvas.restoreState()


def _plain(value: str) -> str:
    return value.encode("cp1252", errors="replace").decode("cp1252")


def _text(value: str) -> str:
    """For a paragraph, whose markup looks like XML."""
    return _plain(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
