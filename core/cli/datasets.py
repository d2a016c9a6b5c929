"""``python -m core datasets``: what there is, what is wrong with it, how it is split."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import Data, RunNames, WeightsNames, chosen_models
from core.cli.output import AsJson, say, show
from core.errors import InputError

Masks = Annotated[
    str,
    typer.Option(
        help="What the masks are: binary, graded, classes or instances; decided where left out."
    ),
]
group = typer.Typer(no_args_is_help=True, help="Data sets: what there is and how it is split.")


@group.command("list")
def datasets_list(*, as_json: AsJson = False) -> None:
    """Data sets that can be read."""
    from dataclasses import asdict

    from core.data import DATASETS, info_of
    from core.data.importing import own_datasets

    rows = [asdict(info_of(name)) for name in (*DATASETS, *own_datasets())]
    show(
        rows, [f"{row['name']:20} {row['title']}; {row['layout']}" for row in rows], as_json=as_json
    )


@group.command("import")
def datasets_import(
    name: str,
    path: Path,
    *,
    own: Annotated[
        str, typer.Option("--as", help="A name of its own, to have several of a kind.")
    ] = "",
    link: Annotated[bool, typer.Option("--link", help="Remember the place, do not copy.")] = False,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="name=value: what a value of the masks, a #colour or a part of a mask's path is.",
        ),
    ] = None,
    masks: Masks = "",
    as_json: AsJson = False,
) -> None:
    """Keep a data set, folder or zip as downloaded, so that its name alone is enough."""
    from core.data.importing import import_dataset
    from core.data.masks.classes import parse_classes

    name = f"{name}:{own}" if own else name
    facts = import_dataset(name, path, link=link, classes=parse_classes(classes or []), masks=masks)
    named = facts["classes"]
    words = f", classes {', '.join(named)}" if len(named) > 1 else ""
    lines = [f"{name}: {facts['images']} images{words} at {facts['path']}"]
    lines += [f"masks: {facts['masks']}"] if facts["masks"] else []
    show(facts, lines, as_json=as_json)


@group.command("remove")
def datasets_remove(name: str, *, as_json: AsJson = False) -> None:
    """Forget an imported data set and delete the copy; what was linked stays where it lies."""
    from core.data.importing import remove_import

    remove_import(name)
    show({"removed": name}, [f"{name} is no longer imported"], as_json=as_json)


@group.command("download")
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
            say(f"{done >> 20} of {total >> 20} MB" if total else f"{done >> 20} MB")

    facts = download_dataset(name, url=url, progress=progress)
    show(facts, [f"{name}: {facts['images']} images, SHA-256 {facts['sha256']}"], as_json=as_json)


@group.command("check")
def datasets_check(
    name: str,
    *,
    data: Data = None,
    masks: Masks = "",
    log: Annotated[Path | None, typer.Option(help="Folder for the metadata log.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is in a data set and what is wrong with it."""
    from core.data.file_dataset import AnyImages
    from core.data.importing import open_where_it_lies
    from core.data.metadata import write_log
    from core.data.quality.check import check_dataset

    dataset = open_where_it_lies(name, data)
    if masks:
        if not isinstance(dataset, AnyImages):
            raise InputError(f"{name} says itself what its masks mean; leave --masks out")
        dataset.take_masks_for(masks)
    check = check_dataset(dataset)
    if log is not None:
        write_log(check, log)
    document = check.document()
    counts = ", ".join(f"{label or 'unlabelled'} {n}" for label, n in document["classes"].items())
    lines = [
        f"{name}: {document['images']} images, {document['masks']} masks"
        + (f", {document['instances']} instances" if document["instances"] else "")
        + (f" ({counts})" if counts else "")
    ]
    if decided := document["mask_values"]:
        lines.append(f"masks: {decided['kind']}; {decided['decided']}")
    for finding in document["findings"]:
        lines += [
            f"{finding['severity']:8} {finding['kind']} x {finding['count']}: {finding['advice']}",
            f"         for example {', '.join(map(str, finding['examples'][:3]))}",
        ]
    show(document, lines, as_json=as_json)


@group.command("label")
def datasets_label(
    out: Annotated[Path, typer.Argument(help="The folder to make; read it as a folder.")],
    *,
    runs: RunNames = None,
    weights: WeightsNames = None,
    way: Annotated[
        str, typer.Option(help="mirror, flips or turns: mean of such views of each.")
    ] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give the images that have no mask those that models predict, to be trained on them too."""
    from core.training.self_training import label_unlabelled

    models = chosen_models(runs, weights)
    own = models[0].config.data
    facts = label_unlabelled(
        models,
        out,
        data=data or (Path(own) if own else None),
        method=way,
        progress=lambda done, total: say(f"image {done} of {total}"),
    )
    parts = ", ".join(f"{part} {count}" for part, count in facts["images"].items())
    line = (
        f"{out}: {parts}; {facts['labelled']} masks predicted at threshold "
        f"{facts['threshold']:.3f}, pooled Dice on validation {facts['val_dice']:.4f}"
    )
    show(facts, [line, f"train on it with: --dataset folder --data {out}"], as_json=as_json)


@group.command("split")
def datasets_split(
    name: str,
    *,
    data: Data = None,
    seed: int = 0,
    folds: Annotated[int, typer.Option(help="Cross-validation with this many folds.")] = 0,
    fold: Annotated[int, typer.Option(help="The test fold.")] = 0,
    share_group: Annotated[
        bool, typer.Option("--share-group", help="Of two groups, one trains, one is shared.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The train, val and test split of a data set: no group and no near-duplicate on two sides."""
    from core.data.importing import open_where_it_lies
    from core.data.quality.duplicates import duplicate_groups
    from core.data.splits import SUBSETS, leaks, make_split

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
    counts = {part: len(getattr(split, part)) for part in SUBSETS}
    found = leaks(dataset.samples, split, clusters)
    words = ", ".join(f"{part} {count}" for part, count in counts.items())
    show(
        {**split.document(), "counts": counts, "leaks": found},
        [f"{name}: {words}; {split.method}; hash {split.hash}", *found],
        as_json=as_json,
    )
