"""The model card of a shipped model, written from its documents and so never at odds with them."""

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
"""Training patients; with fewer the card lists their number among the limits."""
LONGEST_NAME = 20
"""Characters before the colon of a paper's title that still are the network's name."""


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
        evaluations: Of the splits ``val`` and ``test``.
        patients: Patients or specimens in each split.
        grey: From ``core.evaluation.intensity_baseline``, of the test split.
        perturbed: From ``core.evaluation.robustness``, of the test split.
        origin: Where its initial weights come from, whole lines; empty for random ones.
    """
    network = card_of(config.model)
    options = ", ".join(f"{key} = {value}" for key, value in config.model_options.items())
    test = evaluations["test"]
    ranking, calibration = test["threshold_free"], test["calibration"]
    return f"""# {name}

**Research use only. Not a medical device.**

{_network_name(config.model)} for {_task(info.foreground)} in {info.modality}. {_input(config)}, \
threshold {point.threshold:.3f} ({point.name[:1].lower()}{point.name[1:]}).

- Network: `{config.model}` ([{network.authors} {network.year}]({network.link})), \
{options or "default options"}.
{_ensemble(config)}- Output: a probability per pixel; pixels at or above the threshold are the mask.

## Data

- {". ".join(filter(None, (f"{info.title}: {info.citation}".rstrip(": "), info.homepage)))}
- Licence of the data: {info.license}.
- Split ({split.method}): {len(split.train)} training, {len(split.val)} validation and \
{len(split.test)} test images{_patients(split, patients)}. SHA-256 of the split: `{split.hash}`.
- Weights were fitted on the training images, epoch and threshold chosen on the validation images; \
nothing was chosen on the test images.
{_left_out(config)}
## Results

Threshold {point.threshold:.3f}, chosen on {point.n_images} validation images; \
{test["resolution"]} resolution. *Pooled*: {test["conventions"]["pooled"]}. \
*Mean over images*: with a 95 % interval ({test["conventions"]["ci95"]}); \
{test["empties"].partition(": ")[2]}.

{_table(evaluations)}

Baselines, pooled Dice on test: segmenting every pixel scores \
{_number(test["baseline_all_foreground"]["dice"])}; {_grey(grey, test)}

All thresholds, pooled over all test pixels: AUROC {_number(ranking["auroc"])}, average precision \
{_number(ranking["average_precision"])}. Calibration ({calibration["convention"]}): expected \
calibration error {_number(calibration["ece"])}, Brier score \
{_number(calibration["brier"])}{_scaled(calibration)}.
{_by_label(test["images"])}
Implementation: {test["conventions"]["implementation"]}. To reproduce: \
`python -m core evaluate --weights {name} --split test --data PATH`

## Training

Loss {config.loss}, optimizer {config.optimizer}, learning rate {config.learning_rate:g} \
({config.schedule}), batch size {config.batch_size}, up to {config.epochs} epochs, best epoch by \
validation {config.monitor}, seed {config.seed}. Weights are stored as float16 and were evaluated \
as stored.
{origin}
## Failure cases

![The test images with the lowest scores](failures.jpg)

{_failures(test["images"])}
Prediction outlined in yellow, reference mask in sky blue.

## Robustness

{_robustness(name, perturbed)}

## Limits

- All {len(split.test)} test images come from the same source as the training images. The \
intervals above do not cover other laboratories, devices or preparations; \
perturbed images are no substitute.
{_few(patients)}- Neighbouring images of one specimen are similar, so the effective number of test \
images is smaller than it looks.
- The network returns a mask for any image. Where the image differs in kind from the training \
images, that mask means nothing.
"""


def _network_name(model: str) -> str:
    """``U-Net`` from a title like ``U-Net: Convolutional …``; else the key of ``MODELS``."""
    name, colon, _ = card_of(model).title.partition(":")
    return name if colon and len(name) <= LONGEST_NAME else model


def _task(foreground: str) -> str:
    """``lesion segmentation``; ``segmentation of nuclei, lesion or lung`` for several."""
    if "," in foreground or " or " in foreground:
        return f"segmentation of {foreground}"
    return f"{foreground} segmentation"


def _input(config: RunConfig) -> str:
    """The size at which the network runs, as the start of a sentence."""
    if config.size and card_of(config.model).dimensions == 2:
        return f"Input {config.size} × {config.size}"
    return f"Input {inference_mode(config)}"


def _ensemble(config: RunConfig) -> str:
    if config.members == 1:
        return ""
    return (
        f"- Ensemble of {config.members} networks trained from different initial weights; their "
        "logits are averaged.\n"
    )


def _grey(grey: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """What a threshold on the intensity scores, and plainly where the network scores no more."""
    ours, its = test["pooled"]["dice"], grey["dice"]
    words = (
        f"segmenting intensities of {grey['grey']} {SIDES[grey['side']]} (0 to 255; best on "
        f"validation, where it scores {_number(grey['val_dice'])}) scores {_number(its)}."
    )
    if its is not None and ours is not None and its >= ours:
        words += " **On these images the network is no better than that.**"
    return words


def _patients(split: Split, patients: Mapping[str, int]) -> str:
    """Number of patients in each split, where there are fewer than images."""
    if all(patients[part] == len(getattr(split, part)) for part in SUBSETS):
        return ""
    train, val, test = (patients[part] for part in SUBSETS)
    return f", of {train}, {val} and {test} patients or specimens"


def _left_out(config: RunConfig) -> str:
    if not config.leave_out:
        return ""
    return f"- Excluded manually: {', '.join(f'`{one}`' for one in config.leave_out)}.\n"


def _few(patients: Mapping[str, int]) -> str:
    """A limit where training or test images come from too few patients to show their variation."""
    if patients["train"] >= FEW:
        return ""
    return (
        f"- Few patients or specimens: {patients['train']} for training, {patients['test']} for "
        "test. The intervals do not cover variation between patients.\n"
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
    """Pooled Dice on perturbed test images, and the change."""
    taken = perturbed["n_images"]
    lines = [
        (
            f"Pooled Dice on {taken} of {perturbed['of_images']} test images with one perturbation "
            "each; threshold and post-processing unchanged. In brackets the 95 % interval "
            f"({perturbed['conventions']['ci95']})."
        ),
        "",
        "| perturbation | Dice | difference |",
        "|---|---|---|",
        f"| None | {_number(perturbed['as_is']['pooled'])} | |",
    ]
    for row in perturbed["perturbations"]:
        change, band = row["pooled_difference"], row["pooled_difference_ci95"]
        words = "" if change is None else f"{change:+.3f}"
        words += f" ({band[0]:+.3f} to {band[1]:+.3f})" if band else ""
        lines.append(f"| {row['title']} | {_number(row['pooled'])} | {words} |")
    lines += ["", "To reproduce:"]
    lines += [
        f"`python -m core robustness --weights {name} --split test --images {taken} --data PATH`"
    ]
    return "\n".join(lines)


def _scaled(calibration: Mapping[str, Any]) -> str:
    if not (scaled := calibration.get("scaled")):
        return ""
    return (
        f"; with logits divided by the temperature {scaled['temperature']:.3f}, fitted on "
        f"validation, {_number(scaled['ece'])} and {_number(scaled['brier'])}"
    )


def _by_label(images: Sequence[Mapping[str, Any]]) -> str:
    """Pooled Dice of every label, and false positives on images without foreground."""
    labels = sorted({str(row["label"]) for row in images if row["label"]})
    if len(labels) < 2:
        return ""
    lines = [
        "",
        "| label | test images | Dice, pooled | images without foreground: false positives |",
    ]
    lines.append("|---|---|---|---|")
    for label in labels:
        rows = [row for row in images if row["label"] == label]
        tp, fp, fn, _ = (sum(row["counts"][n] for row in rows) for n in range(4))
        dice = f"{2 * tp / (2 * tp + fp + fn):.4f}" if tp + fn else "no foreground"
        empty = [row for row in rows if not row["counts"][0] + row["counts"][2]]
        alarms = [int(row["counts"][1]) for row in empty]
        marked = f"{sum(map(bool, alarms))} of {len(empty)} images" if empty else ""
        marked += f", {sum(alarms) / len(empty):.0f} px on average" if empty else ""
        lines.append(f"| {label} | {len(rows)} | {dice} | {marked} |")
    return "\n".join([*lines, ""])


def _failures(images: Sequence[Mapping[str, Any]]) -> str:
    """Caption of the failure cases, from left to right."""
    rows = {str(row["id"]): row for row in images}
    words = []
    for identity in worst_images(images):
        tp, fp, fn, _ = rows[identity]["counts"]
        dice = f"Dice {rows[identity]['dice']:.3f}" if tp + fn else f"{fp} false-positive px"
        words.append(f"`{identity}` ({dice})")
    return f"From left to right: {', '.join(words)}."


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(ci95: list[float] | None) -> str:
    return "" if ci95 is None else f"({ci95[0]:.4f}–{ci95[1]:.4f})"
