"""Measurements as CSV: a row for each component, units in the names of the columns."""

import csv
import io
from typing import Any

from core.export.case import Case
from core.export.measure import table
from core.system.csv_cells import safe_row

_SLICES = ("slice", "first_slice", "behind_slice", "centroid_slice_px")
"""Counted from 1, as the viewer and the report do; rows and columns are pixels from 0."""
_POINTS = {"longest_ends_px": "longest", "perpendicular_ends_px": "perpendicular"}


def measurements(case: Case) -> bytes:
    """UTF-8 with a header line; what is unknown is empty, a case of nothing has the header only."""
    rows = [_flat(row) for row in table(case.components)]
    for row in rows:
        row |= {name: row[name] + 1 for name in _SLICES if row.get(name) is not None}
    head = {"picture": case.name, "threshold": case.threshold, "model": case.model.name}
    head["made_by"] = case.made_by
    columns = list(rows[0]) if rows else ["number"]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*head, *columns], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(safe_row({**head, **row}))
    return stream.getvalue().encode()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Lists as columns of their own: ``first_row``, ``centroid_row_px`` and so on."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name in _POINTS:
            for n, (y, x) in enumerate(value, start=1):
                flat |= {
                    f"{_POINTS[name]}_end{n}_row_px": y,
                    f"{_POINTS[name]}_end{n}_column_px": x,
                }
        elif name == "bounding_box_px":
            axes = ("slice", "row", "column")[-len(value) // 2 :]
            names = [*(f"first_{axis}" for axis in axes), *(f"behind_{axis}" for axis in axes)]
            flat |= dict(zip(names, value, strict=True))
        elif name == "centroid_px":
            axes = ("slice", "row", "column")[-len(value) :]
            flat |= {f"centroid_{axis}_px": v for axis, v in zip(axes, value, strict=True)}
        else:
            flat[name] = value
    return {key: round(v, 6) if isinstance(v, float) else v for key, v in flat.items()}
