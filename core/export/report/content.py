"""What a case report says; the HTML and the PDF print the same content and cannot disagree."""

from dataclasses import dataclass
from datetime import UTC, datetime

from core.export.case import DISCLAIMER, Case
from core.export.images import overlay
from core.export.measure import Component, Line, Point

MOST_ROWS = 50
"""Components in the table; the smaller ones are summed up in a line."""
MOST_MARKED = 12
"""Components numbered in the image."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A number and two diameters, drawn over the image; points as (row, column) in pixels."""

    number: int
    place: Point
    longest: tuple[Point, Point]
    perpendicular: tuple[Point, Point]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The content of a report, in the order it is printed."""

    title: str
    disclaimer: str
    warnings: tuple[str, ...]
    """What to know before the mask is trusted."""
    image_png: bytes
    height: int
    """Of the image, in pixels."""
    width: int
    """Of the image, in pixels."""
    caption: str
    marks: tuple[Mark, ...]
    letters: tuple[tuple[str, Point], ...]
    """What of the patient lies there: a letter and its (row, column), 0…1, for each side."""
    facts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """Sections: heading, then pairs of label and value."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    """Below the table: conventions, and what the table leaves out."""
    limits: tuple[str, ...]
    made: str
    """When, UTC."""


def report_of(case: Case) -> Report:
    """The content for a case."""
    found = case.components
    height, width = case.levels.shape[-2:]
    shown = [c for c in found if not case.is_volume or c.slice == case.fullest_slice]
    return Report(
        title=case.name,
        disclaimer=DISCLAIMER,
        warnings=tuple(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in case.warnings),
        image_png=overlay(case),
        height=height,
        width=width,
        caption=_caption(case),
        marks=tuple(
            Mark(
                number=c.number,
                place=(c.centroid[-2], c.centroid[-1]),
                longest=c.longest.ends,
                perpendicular=c.perpendicular.ends,
            )
            for c in shown[:MOST_MARKED]
        ),
        letters=tuple(zip(case.shown_sides, _EDGES, strict=False)),
        facts=(("Result", _result(case)), ("Threshold", _threshold(case)), ("Model", _model(case))),
        columns=_columns(case),
        rows=tuple(_row(case, component) for component in found[:MOST_ROWS]),
        note=_note(case),
        limits=case.model.limits,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


_EDGES = ((0.5, 0.0), (0.5, 1.0), (0.0, 0.5), (1.0, 0.5))
_SIDES = {
    "R": "right", "L": "left", "A": "anterior", "P": "posterior", "S": "superior", "I": "inferior",
}  # fmt: skip


def _orientation(case: Case) -> str:
    if not case.shown_sides:
        return "not stated in the file"
    left, top = (_SIDES[case.shown_sides[n]] for n in (0, 2))
    return f"the patient's {left} side is at the left, {top} is at the top"


def _caption(case: Case) -> str:
    parts = [f"Prediction outlined in yellow at threshold {case.threshold:.3f}"]
    if case.truth is not None:
        parts.append("reference in sky blue")
    if case.is_volume:
        parts.append(
            f"slice {case.fullest_slice + 1} of {len(case.levels)}, where most is segmented"
        )
    return ", ".join(parts) + "."


def _result(case: Case) -> tuple[tuple[str, str], ...]:
    row = case.row
    foreground = row["foreground_px"]
    share = f"{100 * foreground / case.levels.size:.2f} % of the image"
    if case.is_volume:
        amount = f"{foreground:,} voxels"
        if row["volume_ml"] is not None:
            amount = f"{row['volume_ml']:.3f} ml ({amount})"
    else:
        amount = f"{foreground:,} px"
        if row["area_mm2"] is not None:
            amount = f"{row['area_mm2']:,.2f} mm² ({amount})"
    size = " × ".join(str(n) for n in reversed(case.levels.shape))
    spacing = (
        " × ".join(f"{mm:g}" for mm in reversed(case.spacing_mm)) + " mm"
        if case.spacing_mm
        else "unknown, so sizes are in pixels"
    )
    return (
        ("Marked", f"{amount}, {share}"),
        ("Components", f"{row['components']:,}"),
        ("Image", f"{size} pixels"),
        ("Pixel spacing", spacing),
        ("Orientation", _orientation(case)),
    )


def _threshold(case: Case) -> tuple[tuple[str, str], ...]:
    corrected = (("Correction", "the mask was corrected manually"),)
    return (
        ("Threshold", f"{case.threshold:.3f}"),
        ("Where it came from", case.threshold_source),
        ("Post-processing", ", ".join(case.post_processing.phrases) or "none"),
        *(corrected if case.corrected is not None else ()),
    )


def _model(case: Case) -> tuple[tuple[str, str], ...]:
    model = case.model
    pairs = (
        ("Model", model.name),
        ("Network", model.architecture),
        ("Segments", model.marks),
        ("Sees an image", model.sees),
        ("Trained on", model.trained_on),
        ("Performance", model.performance),
        ("SHA-256", model.sha256),
    )
    return tuple((label, value) for label, value in pairs if value)


def _columns(case: Case) -> tuple[str, ...]:
    length = "mm" if case.spacing_mm else "px"
    if case.is_volume:
        size = "volume, ml" if case.spacing_mm else "volume, voxels"
        return "no.", size, "slice", f"longest, {length}", f"across, {length}", "probability"
    size = "area, mm²" if case.spacing_mm else "area, px"
    border = f"to border, {length}"
    around = f"perimeter, {length}"
    return (
        *("no.", size, f"longest, {length}", f"across, {length}", around),
        *("probability", border),
    )


def _row(case: Case, component: Component) -> tuple[str, ...]:
    sure = "" if component.mean_probability is None else f"{component.mean_probability:.3f}"
    longest, across = _length(component.longest), _length(component.perpendicular)
    if case.is_volume:
        ml = component.volume_ml
        size = f"{component.size:,}" if ml is None else f"{ml:.3f}"
        return str(component.number), size, str((component.slice or 0) + 1), longest, across, sure
    mm2, around = component.area_mm2, component.perimeter_mm
    border = component.border_px if component.border_mm is None else component.border_mm
    return (
        str(component.number),
        f"{component.size:,}" if mm2 is None else f"{mm2:,.2f}",
        longest,
        across,
        f"{component.perimeter_px if around is None else around:.1f}",
        sure,
        "touches" if component.border_px == 0 else f"{border:.1f}",
    )


def _length(line: Line) -> str:
    return f"{line.px if line.mm is None else line.mm:.1f}"


def _note(case: Case) -> str:
    left = case.components[MOST_ROWS:]
    how = (
        "Components are connected across edges and corners. Longest: longest diameter of the "
        "outline; across: longest at right angles to it; probability: mean over the component."
    )
    words = [how]
    if case.is_volume:
        words.append("Diameters are taken in the slice where the first is longest.")
    if left:
        pixels = sum(component.size for component in left)
        words.append(f"{len(left):,} smaller components, {pixels:,} pixels in all, are not listed.")
    if not case.components:
        words = ["Nothing is segmented at this threshold."]
    return " ".join(words)
