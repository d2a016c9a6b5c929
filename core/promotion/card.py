"""The card of a shipped model, written from its documents: it cannot say other than they do."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.config import RunConfig
from core.data.base import DatasetInfo
from core.data.splits import SUBSETS, Split
from core.evaluation.intensity_baseline import SIDES
from core.inference.volumetric import inference_mode
from core.networks import card_of
from core.promotion.failures import worst_images
from core.threshold.operating_point import OperatingPoint

FIGURES = ("dice", "iou", "precision", "recall", "specificity", "accuracy")
FEW = 5
"""Patients; from fewer a model has not learned how they differ."""


def model_card(
    name: str,
    *,
    config: RunConfig,
    info: DatasetInfo,
    split: Split,
    point: OperatingPoint,
    evaluations: dict[str, dict[str, Any]],
    patients: Mapping[str, int],
    grey: Mapping[str, Any],
    perturbed: Mapping[str, Any],
    origin: str = "",
) -> str:
    """Markdown: what the model is, its data and licence, numbers with conventions, limits.

    Args:
        name: Of the model.
        config: It was trained with.
        info: Of its data set.
        split: Of its data.
        point: Its frozen threshold.
        evaluations: Of the parts ``val`` and ``test``.
        patients: Patients or specimens that each part is of.
        grey: From ``core.evaluation.intensity_baseline``, of the test split.
        perturbed: From ``core.evaluation.robustness``, of the test split.
        origin: What its weights began with, whole lines; empty for random ones.
    """
    network = card_of(config.model)
    source = f"arXiv {network.arxiv}" if network.arxiv else f"doi {network.doi}"
    paper = f"{network.authors} {network.year}, {source}"
    options = ", ".join(f"{key} = {value}" for key, value in config.model_options.items())
    together = (
        f"{config.members} networks of this kind learned side by side from different initial\n"
        "weights and answer with the mean of their logits.\n"
        if config.members > 1
        else ""
    )
    test, few = evaluations["test"], _few(patients)
    ranking, calibration = test["threshold_free"], test["calibration"]
    return f"""# {name}

**Research use only. Not a medical device.**

A {config.model} ({paper}; {options or "default options"}) that segments the
{info.foreground} in {info.modality}.
{together}It sees an image {inference_mode(config)},
and returns a probability for every pixel; the mask is a decision at the threshold
{point.threshold:.3f} ({point.name}).

## Data

- {". ".join(filter(None, (f"{info.title}: {info.citation}".rstrip(": "), info.homepage)))}
- Licence of the data: {info.license}.
- Split ({split.method}): {len(split.train)} training, {len(split.val)} validation and
  {len(split.test)} test images{_patients(split, patients)}. SHA-256 of the split: `{split.hash}`.
- The weights come from the training images alone; epoch and threshold from the validation images;
  the test images chose neither.
{_left_out(config)}
## Numbers

Threshold {point.threshold:.3f}, chosen on {point.n_images} validation images, {test["resolution"]}
resolution. *Pooled*: {test["conventions"]["pooled"]}. *Mean over images*: with a 95 % interval
({test["conventions"]["ci95"]}); {test["empties"]}.

{_table(evaluations)}

For comparison: marking every pixel as foreground scores a pooled test Dice of
{_number(test["baseline_all_foreground"]["dice"])},
{_grey(grey, test)}
Test, pooled over all pixels and all thresholds: AUROC {_number(ranking["auroc"])}, average
precision {_number(ranking["average_precision"])}. Calibration ({calibration["convention"]}):
expected error {_number(calibration["ece"])}, Brier score
{_number(calibration["brier"])}{_scaled(calibration)}.
{_by_label(test["images"])}
Implementation: {test["conventions"]["implementation"]}. The same scores again:
`python -m core evaluate --weights {name} --split test --data PATH`

## Training

{config.loss} loss, {config.optimizer}, learning rate {config.learning_rate:g} ({config.schedule}),
batch {config.batch_size}, {config.epochs} epochs at most, best epoch by {config.monitor} on
validation, seed {config.seed}. Weights are stored as float16 and were evaluated as stored.
{origin}
## Where it fails

![The test images on which it does worst](failures.jpg)

{_failures(test["images"])}
The prediction is outlined in yellow, the truth in sky blue.

## When images differ

{_robustness(name, perturbed)}

## Limits

- {len(split.test)} test images from the same source as the training images say little about other
  laboratories, devices or preparations; the intervals above do not cover that, and perturbed images
  of one source are no images of another.
{few}- Neighbouring images of one specimen are alike, so the effective number of test images is
  smaller than it looks.
- On images of another kind the network still answers; the answer then means nothing.
"""


def _grey(grey: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """What one grey level alone would have, and plainly where the network has less."""
    ours, its = test["pooled"]["dice"], grey["dice"]
    words = (
        f"and marking what is of grey {grey['grey']} {SIDES[grey['side']]}, the best single grey "
        f"level on validation\n(of 0 to 255, pooled Dice there {_number(grey['val_dice'])}), "
        f"scores {_number(its)}."
    )
    if its is not None and ours is not None and its >= ours:
        words += " **On these images the network is no better than that.**"
    return words


def _patients(split: Split, patients: Mapping[str, int]) -> str:
    """How many patients the parts are of, where images are more than these."""
    if all(patients[part] == len(getattr(split, part)) for part in SUBSETS):
        return ""
    train, val, test = (patients[part] for part in SUBSETS)
    return f", of {train}, {val} and {test} patients or specimens"


def _left_out(config: RunConfig) -> str:
    if not config.leave_out:
        return ""
    return (
        f"- Left out of the data manually: {', '.join(f'`{one}`' for one in config.leave_out)}.\n"
    )


def _few(patients: Mapping[str, int]) -> str:
    """A limit that is reported first where a model has seen too few to know how people differ."""
    if patients["train"] >= FEW:
        return ""
    return (
        f"- Patients or specimens are few: {patients['train']} for training, {patients['test']} "
        "to be evaluated on. How others differ it has not seen, and no interval here holds that.\n"
    )


def _table(evaluations: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| metric | validation, pooled | test, pooled | test, mean over images (95 % interval) |",
        "|---|---|---|---|",
    ]
    for figure in FIGURES:
        test = evaluations["test"]
        spread = test["per_image"][figure]
        lines.append(
            f"| {figure} | {_number(evaluations['val']['pooled'][figure])} "
            f"| {_number(test['pooled'][figure])} | {_number(spread['mean'])} "
            f"{_interval(spread['ci95'])}, n = {spread['n']} |"
        )
    return "\n".join(lines)


def _robustness(name: str, perturbed: Mapping[str, Any]) -> str:
    """What is left of Dice where test images are perturbed."""
    taken = perturbed["n_images"]
    lines = [
        f"Pooled Dice on {taken} of {perturbed['of_images']} test images, as they are and",
        "perturbed one way at a time; threshold and post-processing unchanged. In brackets 95 %",
        f"({perturbed['conventions']['ci95']}).",
        "",
        "| the images | Dice | difference |",
        "|---|---|---|",
        f"| As they are | {_number(perturbed['as_is']['pooled'])} | |",
    ]
    for row in perturbed["perturbations"]:
        change, band = row["pooled_difference"], row["pooled_difference_ci95"]
        words = "" if change is None else f"{change:+.3f}"
        words += f" ({band[0]:+.3f} to {band[1]:+.3f})" if band else ""
        lines.append(f"| {row['title']} | {_number(row['pooled'])} | {words} |")
    lines += ["", "The same scores again:"]
    lines += [
        f"`python -m core robustness --weights {name} --split test --images {taken} --data PATH`"
    ]
    return "\n".join(lines)


def _scaled(calibration: Mapping[str, Any]) -> str:
    if not (scaled := calibration.get("scaled")):
        return ""
    return (
        f";\nwith logits divided by {scaled['temperature']:.3f}, fitted on validation, "
        f"{_number(scaled['ece'])} and {_number(scaled['brier'])}"
    )


def _by_label(images: Sequence[Mapping[str, Any]]) -> str:
    """Pooled Dice of every label, and false alarms where there is nothing to find."""
    labels = sorted({str(row["label"]) for row in images if row["label"]})
    if len(labels) < 2:
        return ""
    lines = [
        "",
        "| label | test images | Dice, pooled | what is segmented though nothing is there |",
    ]
    lines.append("|---|---|---|---|")
    for label in labels:
        rows = [row for row in images if row["label"] == label]
        tp, fp, fn, _ = (sum(row["counts"][n] for row in rows) for n in range(4))
        dice = f"{2 * tp / (2 * tp + fp + fn):.4f}" if tp + fn else "nothing to find"
        empty = [row for row in rows if not row["counts"][0] + row["counts"][2]]
        alarms = [int(row["counts"][1]) for row in empty]
        marked = f"{sum(map(bool, alarms))} of {len(empty)} images" if empty else ""
        marked += f", {sum(alarms) / len(empty):.0f} px on average" if empty else ""
        lines.append(f"| {label} | {len(rows)} | {dice} | {marked} |")
    return "\n".join([*lines, ""])


def _failures(images: Sequence[Mapping[str, Any]]) -> str:
    """What the image of the worst images shows, from left to right."""
    rows = {str(row["id"]): row for row in images}
    words = []
    for identity in worst_images(images):
        tp, fp, fn, _ = rows[identity]["counts"]
        dice = f"Dice {rows[identity]['dice']:.3f}" if tp + fn else f"{fp} px on nothing"
        words.append(f"`{identity}` ({dice})")
    return f"From left to right: {', '.join(words)}."


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(ci95: list[float] | None) -> str:
    return "" if ci95 is None else f"({ci95[0]:.4f}–{ci95[1]:.4f})"
