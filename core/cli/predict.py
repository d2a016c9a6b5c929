"""``python -m core predict``: masks and more of a person's own files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.options import RunName, WeightsName, chosen_model
from core.cli.output import AsJson, say, show


def predict(
    inputs: Annotated[list[Path], typer.Argument(help="Images, volumes, folders or zips.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")],
    run: RunName = None,
    weights: WeightsName = None,
    threshold: Annotated[float | None, typer.Option(help="0 to 1 in steps of 0.001.")] = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            help="Any of mask, label, overlay, probability, probability-nifti, nifti, dicom-seg, "
            "coco, contours, csv, report, report-pdf, with commas.",
        ),
    ] = "mask",
    post_processing: Annotated[
        str | None,
        typer.Option(
            help="Instead of the model's own: minimum_area_px=N, fill_holes, largest_component, "
            "with commas, or none."
        ),
    ] = None,
    intensities: Annotated[
        str,
        typer.Option(
            help="What the model sees of a file of more than 8 bits: as-trained (as its training "
            "images), opened (as the file says), or a window of a CT: brain, lung, bone, abdomen."
        ),
    ] = "as-trained",
    components: Annotated[
        bool, typer.Option("--components", help="Measure every component.")
    ] = False,
    archive: Annotated[bool, typer.Option("--zip", help="One zip of everything, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a mask, and more, for every image, page of a stack and volume; results.csv sums up."""
    from core.export.model_facts import model_facts
    from core.levels import threshold_index
    from core.predict.batch import PredictionOptions, predict_files
    from core.threshold.postprocessing import parse_post_processing

    wanted = PredictionOptions(
        formats=tuple(dict.fromkeys(formats.replace(" ", "").split(","))),
        k=None if threshold is None else threshold_index(threshold),
        post_processing=None if post_processing is None else parse_post_processing(post_processing),
        intensities=intensities,
        measurements=components,
        archive=archive,
    )
    trained = chosen_model(run, weights)
    facts = model_facts(trained, origin="run" if run else "weights")
    rows = predict_files(trained, inputs, out, wanted=wanted, facts=facts, report=say)
    show(rows, [line for row in rows for line in _prediction_lines(row)], as_json=as_json)


def _prediction_lines(row: dict[str, Any]) -> list[str]:
    if row["threshold"] is None:
        return [f"left out: {row['problems'][0]}"]
    written = row["mask"] or ", ".join(row["files"].values())
    lines = [f"{written}: {row['foreground_px']} px at {row['threshold']:.3f}"]
    for part in row.get("measurements", []):
        size = next(
            f"{part[name]:.4g} {unit}"
            for name, unit in (
                ("area_mm2", "mm²"),
                ("volume_ml", "ml"),
                ("area_px", "px"),
                ("volume_voxels", "voxels"),
            )
            if part.get(name) is not None
        )
        unit = "px" if part["longest_diameter_mm"] is None else "mm"
        long, wide = (part[f"{n}_diameter_{unit}"] for n in ("longest", "perpendicular"))
        lines.append(f"  {part['number']:>4}  {size:>14}  {long:.1f} x {wide:.1f} {unit}")
    return lines
