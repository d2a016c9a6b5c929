"""The command line; every command is thin and every ``--json`` prints one document on stdout.

python -m core --help
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands import ablation, compare, jobs, papers, runs, serve, uncertainty
from core.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
datasets = typer.Typer(no_args_is_help=True, help="Data sets: what there is and how it is split.")
models = typer.Typer(no_args_is_help=True, help="Networks that can be trained.")
app.add_typer(datasets, name="datasets")
app.add_typer(models, name="models")
app.add_typer(runs.group, name="runs")
app.add_typer(jobs.group, name="jobs")
app.add_typer(papers.group, name="papers")
app.add_typer(ablation.group, name="ablation")
app.command("serve")(serve.serve)
app.command("compare")(compare.compare)
app.command("uncertainty")(uncertainty.uncertainty)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Queue = Annotated[bool, typer.Option("--queue", help="Train it when its turn comes.")]
Data = Annotated[Path | None, typer.Option(help="The data set in its published layout.")]
RunName = Annotated[str | None, typer.Option("--run", help="A run by name.")]
WeightsName = Annotated[str | None, typer.Option("--weights", help="A shipped model by name.")]


@app.callback()
def about() -> None:
    """Isoline trains, compares and tunes U-Nets for medical images. Research use only."""


@datasets.command("list")
def datasets_list(*, as_json: AsJson = False) -> None:
    """Data sets that can be read."""
    from dataclasses import asdict

    from core.data import DATASETS

    rows = [asdict(kind.info) for kind in DATASETS.values()]
    _print(rows, as_json, [f"{row['name']:20} {row['title']}; {row['layout']}" for row in rows])


@datasets.command("import")
def datasets_import(
    name: str,
    path: Path,
    *,
    link: Annotated[bool, typer.Option("--link", help="Remember the place, do not copy.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a data set, folder or zip as downloaded, so that its name alone is enough."""
    from core.data.importing import import_dataset

    facts = import_dataset(name, path, link=link)
    _print(facts, as_json, [f"{name}: {facts['images']} images at {facts['path']}"])


@datasets.command("download")
def datasets_download(
    name: str,
    *,
    url: Annotated[str, typer.Option(help="A mirror instead of the publisher.")] = "",
    as_json: AsJson = False,
) -> None:
    """Fetch an openly downloadable data set; for the others say where to get it."""
    from core.data.download import download_dataset

    shown = 0

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if done - shown >= 32 << 20 or done == total:
            shown = done
            _say(f"{done >> 20} of {total >> 20} MB" if total else f"{done >> 20} MB")

    facts = download_dataset(name, url=url, progress=progress)
    _print(facts, as_json, [f"{name}: {facts['images']} images, SHA-256 {facts['sha256']}"])


@datasets.command("check")
def datasets_check(
    name: str,
    *,
    data: Data = None,
    log: Annotated[Path | None, typer.Option(help="Folder for the metadata log.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is in a data set and what is wrong with it."""
    from core.data.importing import open_where_it_lies
    from core.data.metadata import write_log
    from core.data.quality import check_dataset

    check = check_dataset(open_where_it_lies(name, data))
    if log is not None:
        write_log(check, log)
    document = check.document()
    counts = ", ".join(f"{label or 'unlabelled'} {n}" for label, n in document["classes"].items())
    lines = [
        f"{name}: {document['images']} images, {document['masks']} masks"
        + (f", {document['instances']} instances" if document["instances"] else "")
        + (f" ({counts})" if counts else "")
    ]
    for finding in document["findings"]:
        lines += [
            f"{finding['severity']:8} {finding['kind']} x {finding['count']}: {finding['advice']}",
            f"         for example {', '.join(map(str, finding['examples'][:3]))}",
        ]
    _print(document, as_json, lines)


@datasets.command("split")
def datasets_split(
    name: str,
    *,
    data: Data = None,
    seed: int = 0,
    folds: Annotated[int, typer.Option(help="Cross-validation with this many folds.")] = 0,
    fold: Annotated[int, typer.Option(help="The fold that judges.")] = 0,
    share_group: Annotated[
        bool, typer.Option("--share-group", help="Of two groups, one trains, one is shared.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The train, val and test split of a data set: no group and no near-duplicate on two sides."""
    from core.data.duplicates import duplicate_groups
    from core.data.importing import open_where_it_lies
    from core.data.splits import PARTS, leaks, make_split

    dataset = open_where_it_lies(name, data)
    clusters = duplicate_groups(dataset)
    split = make_split(
        dataset.samples,
        seed=seed,
        clusters=clusters,
        folds=folds,
        fold=fold,
        share_group=share_group,
    )
    counts = {part: len(getattr(split, part)) for part in PARTS}
    found = leaks(dataset.samples, split, clusters)
    words = ", ".join(f"{part} {count}" for part, count in counts.items())
    _print(
        {**split.document(), "counts": counts, "leaks": found},
        as_json,
        [f"{name}: {words}; {split.method}; hash {split.hash}", *found],
    )


@models.command("list")
def models_list(*, as_json: AsJson = False) -> None:
    """Networks with their papers, options and sizes (default options, one channel, one class)."""
    from core.models import MODELS, costs

    rows = []
    for name, card in MODELS.items():
        numbers = costs()[name]
        rows.append(
            {
                "name": name,
                "title": card.title,
                "paper": f"{card.authors} {card.year}",
                "year": card.year,
                "arxiv": card.arxiv,
                "link": card.link,
                "dimensions": card.dimensions,
                "implementation": card.implementation,
                "options": card.options,
                **numbers,
                "receptive_field_px": numbers.get("receptive_field_px"),
                "training_bytes_how": "estimated from the tensors kept for the gradient, with Adam",
            }
        )
    _print(rows, as_json, [f"{r['name']:16} {r['parameters']:>12,}  {r['title']}" for r in rows])


@app.command()
def train(
    dataset: Annotated[str | None, typer.Option(help="A data set by name.")] = None,
    *,
    preset: Annotated[
        str | None, typer.Option(help="Settings of a paper's experiment: papers list.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A network by name; unet where none.")] = None,
    data: Data = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value: a setting of the run or an option of the network."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    queue: Queue = False,
    as_json: AsJson = False,
) -> None:
    """Train a network on a data set; the best epoch and its threshold are kept."""
    from dataclasses import replace

    from core.config import AugmentationConfig, RunConfig, parse_setting
    from core.data import DATASETS, open_dataset
    from core.data.importing import imported_path
    from core.distributed import from_leader, joined
    from core.errors import choose
    from core.heads import check_head
    from core.losses import build_loss
    from core.models import card_of
    from core.presets import load_preset
    from core.runs import create_run

    chosen = load_preset(preset) if preset else None
    if chosen and model:
        raise InputError(f"{preset} names its network; leave --model out, or --preset")
    if not chosen and not dataset:
        raise InputError("name what to train on with --dataset, or an experiment with --preset")
    dataset = dataset or (chosen.config.dataset if chosen else "")
    choose("data set", dataset, DATASETS)
    path = data.resolve() if data else imported_path(dataset)
    where = str(path) if path else None
    config = (
        replace(chosen.config, dataset=dataset, data=where)
        if chosen
        else RunConfig(
            dataset=dataset,
            data=where,
            model=model or "unet",
            size=DATASETS[dataset].info.size,
            augmentation=AugmentationConfig(**DATASETS[dataset].info.augmentation),
        )
    )
    card = card_of(config.model)
    if card.dimensions != 2:
        raise InputError(f"{model} is a network for volumes, and the data sets here are images")
    config = config.with_settings(dict(map(parse_setting, settings or [])), card.options)
    build_loss(config.loss)  # refuse what is wrong before a run folder exists
    check_head(config, open_dataset(dataset, path).info)

    def made() -> str:
        run = create_run(config, name=name)
        if chosen:
            run.say_about(tags=(chosen.tag,))
        return run.name

    if queue:
        _queue(made(), as_json)
        return
    with joined() as team:
        _train(from_leader(team, made), as_json)


@app.command()
def resume(
    run: str,
    *,
    epochs: Annotated[
        int | None, typer.Option(help="Train longer: epochs in all, beyond what was planned.")
    ] = None,
    queue: Queue = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a run from its last checkpoint; under torchrun with several processes."""
    from core.distributed import from_leader, joined
    from core.extension import extend
    from core.runs import UNDER_WAY, open_run

    if queue:
        if epochs is not None:
            extend(open_run(run), epochs)
        _queue(run, as_json)
        return
    with joined() as team:
        if epochs is not None:
            from_leader(team, lambda: extend(open_run(run), epochs).epochs)
        if team.leads and open_run(run).saved_state not in UNDER_WAY:  # by hand, after a stop
            open_run(run).wish_to_stop(wish=False)
        _train(run, as_json)


@app.command()
def evaluate(
    *,
    split: Annotated[str, typer.Option(help="val, test or all.")],
    run: RunName = None,
    weights: WeightsName = None,
    dataset: Annotated[str | None, typer.Option(help="A data set other than its own.")] = None,
    data: Data = None,
    empties: Annotated[
        str, typer.Option(help="What an undefined figure counts as: skip, 1 or 0.")
    ] = "skip",
    resized: Annotated[
        bool, typer.Option("--resized", help="At the size the network sees, as papers report.")
    ] = False,
    tta: Annotated[
        str, typer.Option(help="Mean over the image flipped (flips) or also turned (turns).")
    ] = "",
    clean_up: Annotated[
        str | None, typer.Option(help="Instead of the frozen one: minimum_area_px=50,fill_holes, …")
    ] = None,
    curves: Annotated[
        Path | None, typer.Option(help="Write all figures at all thresholds to this JSON file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Numbers of a trained network at its frozen threshold."""
    from core.cleanup import parse_clean_up
    from core.files import write_json
    from core.runs import open_run

    trained = _trained(run, weights)
    path = data or (Path(trained.config.data) if trained.config.data and not dataset else None)
    steps = None if clean_up is None else parse_clean_up(clean_up)
    asked = {"empties": empties, "resized": resized, "views": tta, "clean_up": steps}
    usual = asked == {"empties": "skip", "resized": False, "views": "", "clean_up": None}
    if usual and curves is None:
        document = trained.evaluate(split, data=path, dataset=dataset)
    else:
        assessment = trained.assess(split, data=path, dataset=dataset, **asked)
        document = assessment.document
        if curves is not None:
            write_json(curves, assessment.curves().document())
    if run and not trained.of and not dataset and split != "all" and usual:
        open_run(run).save_evaluation(document)
    _print(document, as_json, _evaluation_lines(document))


@app.command()
def tune(
    run: str,
    *,
    rule: Annotated[
        str,
        typer.Option(
            help="dice, iou, f2, mcc, 'sensitivity>=0.95', 'precision>=0.9', 'fppi<=0.5', "
            "'fnr<=0.1' (guaranteed), …"
        ),
    ],
    clean_up: Annotated[
        str,
        typer.Option(help="minimum_area_px=50,fill_holes,largest_component, or search for one."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Choose the threshold anew by a rule, on the validation split, and keep it with the run."""
    from core.weights import tune as choose_anew

    point = choose_anew(run, rule, clean_up=clean_up)
    _print(point, as_json, _point_lines(point))


@app.command()
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
    clean_up: Annotated[
        str | None,
        typer.Option(
            help="Instead of the model's own: minimum_area_px=N, fill_holes, largest_component, "
            "with commas, or none."
        ),
    ] = None,
    components: Annotated[
        bool, typer.Option("--components", help="Measure every component.")
    ] = False,
    archive: Annotated[bool, typer.Option("--zip", help="One zip of everything, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a mask, and more, for every image, page of a stack and volume; results.csv sums up."""
    from core.batch import Wanted, predict_files
    from core.cleanup import parse_clean_up
    from core.export.model_facts import model_facts
    from core.levels import threshold_index

    wanted = Wanted(
        formats=tuple(dict.fromkeys(formats.replace(" ", "").split(","))),
        k=None if threshold is None else threshold_index(threshold),
        clean_up=None if clean_up is None else parse_clean_up(clean_up),
        measurements=components,
        archive=archive,
    )
    trained = _trained(run, weights)
    facts = model_facts(trained, origin="run" if run else "weights")
    rows = predict_files(trained, inputs, out, wanted=wanted, facts=facts, report=_say)
    _print(rows, as_json, [line for row in rows for line in _prediction_lines(row)])


@app.command()
def promote(
    run: str,
    *,
    name: Annotated[str, typer.Option("--as", help="Name of the shipped model.")],
    as_json: AsJson = False,
) -> None:
    """Make a shipped model of a finished run, evaluated on its test split."""
    from core.promotion import promote as ship
    from core.runs import open_run
    from core.weights import weights_document

    folder = ship(open_run(run), name)
    test = weights_document(name, "evaluation/test")
    _print(
        {"weights": name, "folder": str(folder), "test": test["pooled"]},
        as_json,
        [str(folder), *_evaluation_lines(test)],
    )


def _queue(name: str, as_json: bool) -> None:  # noqa: FBT001
    from core.jobs import start
    from core.runs import open_run

    job = start(open_run(name))
    follow = f"watch it with: python -m core jobs show {job.id}"
    _print({"run": name, "job": job.id}, as_json, [f"{name} is queued as job {job.id}; {follow}"])


def _train(name: str, as_json: bool) -> None:  # noqa: FBT001
    from core.heartbeat import Stopped
    from core.progress import training_progress
    from core.runs import open_run
    from core.train import train as fit

    try:
        with training_progress() as report:
            summary = fit(open_run(name), report=report)
    except Stopped:
        raise InputError(f"stopped; go on with: python -m core resume {name}") from None
    best = summary["best"]
    if int(os.environ.get("RANK", "0")):  # under torchrun the first process speaks for all
        return
    _print(
        summary,
        as_json,
        [
            (
                f"{name}: best epoch {summary['best_epoch']} of {summary['epochs']}, pooled "
                f"Dice on validation {best['dice']:.4f} at threshold {best['threshold']:.3f}"
            ),
            (
                f"{summary['seconds']:.0f} s, {summary['images_per_second']:.1f} images/s; "
                f"{summary['checkpoint']}"
            ),
        ],
    )


def _prediction_lines(row: dict[str, Any]) -> list[str]:
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


def _evaluation_lines(document: dict[str, Any]) -> list[str]:
    pooled, mean = document["pooled"]["dice"], document["per_image"]["dice"]
    head = f"{document['model']} on {document['dataset']} {document['split']}"
    point = f"threshold {document['threshold']:.3f} ({document['threshold_source']})"
    lines = [f"{head}: n = {document['n_images']}, {point}, {document['resolution']} resolution"]
    if pooled is None or mean["mean"] is None:
        return [*lines, "Dice undefined: neither truth nor prediction has foreground"]
    low, high = mean["ci95"]
    spread = f"{mean['mean']:.4f} ({low:.4f}–{high:.4f}, 95 %)"
    return [*lines, f"Dice pooled {pooled:.4f}, mean over images {spread}"]


def _point_lines(point: dict[str, Any]) -> list[str]:
    lines = [f"{point['name']}: {point['threshold']:.3f}, Dice {point['value']:.4f}"]
    if point["threshold_ci95"]:
        low, high = point["threshold_ci95"]
        drawn = f"bootstrap over {point['interval_over']}"
        lines.append(f"interval of the threshold {low:.3f}–{high:.3f} (95 %, {drawn})")
    if point["flat"]:
        low, high = point["flat"]
        lines.append(f"as good within 0.005 from {low:.3f} to {high:.3f}")
    if point["area_change_percent"] is not None:
        lines.append(f"area {point['area_change_percent']:+.2f} % for a threshold 0.01 higher")
    steps = [name for name, value in point["clean_up"].items() if value]
    lines += [f"clean-up: {', '.join(steps)}"] if steps else []
    return lines + ([point["note"]] if point["note"] else [])


def _trained(run: str | None, weights: str | None) -> Any:  # noqa: ANN401 - named only in core.weights
    from core.weights import load_run_named, load_weights

    if (run is None) == (weights is None):
        raise InputError("give either --run RUN or --weights NAME")
    return load_run_named(run) if run else load_weights(str(weights))


def _print(document: object, as_json: bool, lines: list[str]) -> None:  # noqa: FBT001
    print(json.dumps(document, indent=2, allow_nan=False) if as_json else "\n".join(lines))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Run the command line and return its exit code: 0 done, 2 wrong input, 1 our fault."""
    try:
        result = app(standalone_mode=False)
    except InputError as wrong:
        return _refuse(str(wrong))
    except OSError as wrong:
        return _refuse(f"{wrong.filename or ''}: {wrong.strerror or wrong}".removeprefix(": "))
    except Exception as wrong:
        usage = getattr(wrong, "format_message", None)  # click's errors, whoever bundles click
        if usage is None:
            raise
        if type(wrong).__name__ == "NoArgsIsHelpError":  # the message is the help page
            _say(usage())
            return 2
        return _refuse(f"{usage()} (python -m core --help lists the commands)")
    return result if isinstance(result, int) else 0


def _refuse(sentence: str) -> int:
    print("error: " + " ".join(sentence.split()), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
