"""Shipped models: ``weights/<name>/`` holds all that someone needs to use and to judge one.

``model.safetensors`` (float16), ``config.json``, ``operating_point.json``, ``split.json``,
``evaluation/val.json`` and ``test.json``, ``card.md``, ``failures.jpg``, and ``manifest.json`` with
the SHA-256 of each. Every load checks the manifest: a flipped byte in tensor data would load
without a word.
"""

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.checkpoint import load_checkpoint
from core.classical import classical_predictor
from core.cleanup import clean
from core.config import RunConfig
from core.data import Dataset, DatasetInfo, Sample, open_dataset
from core.data.splits import PARTS, Split
from core.device import pick_device
from core.errors import InputError
from core.evaluate import HasTruth, summarize, sweep_samples
from core.evaluate.assess import Assessment, assess, choose_on_validation
from core.evaluate.class_figures import class_point, summarize_classes, sweep_classes
from core.files import read_json, sha256
from core.heads import FOREGROUND, Head, build_network, head_of
from core.home import ROOT
from core.levels import mask_at
from core.models import parameter_count
from core.models.folding import folded
from core.operating_point import OperatingPoint
from core.predict import Predictor
from core.prediction.class_view import SEPARATOR, ClassPredictor, ClassTruths, split_name
from core.runs import Run, open_run

NEEDED = ("model.safetensors", "config.json", "operating_point.json", "split.json")
"""Files that a manifest must name."""


@dataclass(frozen=True)
class TrainedModel:
    """A network ready to predict, with its threshold and where it comes from."""

    name: str
    """Of the run or of the folder in ``weights/``."""
    config: RunConfig
    """How it was trained and how it sees."""
    predictor: Predictor
    """Image to level map."""
    operating_point: OperatingPoint
    """The frozen threshold."""
    split: Split
    """The split it was trained on."""
    of: str = ""
    """The class that it is looked at for, see ``of_class``; empty for all it marks."""

    def evaluate(self, split: str, *, data: Path | None, dataset: str | None = None) -> Any:  # noqa: ANN401 - a JSON document
        """Evaluation document for a part of a data set at the frozen threshold.

        Args:
            split: ``val`` or ``test`` of the data set it was trained on; ``all`` of any.
            data: Where the data set lies.
            dataset: Key of ``DATASETS``; None takes the one it was trained on.

        Raises:
            InputError: The data set does not hold the split's images.
        """
        point = self.operating_point
        if (
            self.of
            or point.clean_up
            or any(class_point(point, name).clean_up for name in point.classes)
        ):
            return self.assess(split, data=data, dataset=dataset).document
        opened, chosen, facts = self._part(split, data, dataset)
        document = summarize(
            sweep_samples(self.predictor, opened, chosen),
            chosen,
            k=point.k,
            threshold_source=point.name,
            temperature=point.temperature,
            **facts,
        )
        return document | self._classes(opened, chosen, facts)

    def assess(
        self,
        split: str,
        *,
        data: Path | None,
        dataset: str | None = None,
        **asked: Any,  # noqa: ANN401 - handed on
    ) -> Assessment:
        """Evaluate by another convention; arguments as ``evaluate`` and ``assess`` there.

        Raises:
            InputError: As both.
        """
        opened, chosen, facts = self._part(split, data, dataset)
        seen = self.truths(opened)
        whole = assess(self.predictor, seen, chosen, point=self.operating_point, **asked, **facts)
        if head := self.head(opened):
            whole.document["classes"] = {
                name: assess(
                    ClassPredictor(self.predictor, place),
                    ClassTruths(opened, head, place),
                    chosen,
                    point=class_point(self.operating_point, name),
                    **asked,
                    **facts,
                ).document
                for place, name in enumerate(head.names)
            }
        return whole

    @property
    def class_names(self) -> tuple[str, ...]:
        """What can be looked at alone; nothing where there is one map."""
        return self.predictor.classes if len(self.predictor.classes) > 1 else ()

    def of_class(self, name: str) -> "TrainedModel":
        """The model as if it marked one class alone, with that class's operating point.

        Raises:
            InputError: It marks no such class.
        """
        if name not in self.class_names:
            marks = f"one of {', '.join(self.class_names)}" if self.class_names else "none"
            raise InputError(f"{self.name} marks no class '{name}'; choose {marks}")
        return replace(
            self,
            name=f"{self.name}{SEPARATOR}{name}",
            predictor=ClassPredictor(self.predictor, self.predictor.classes.index(name)),
            operating_point=class_point(self.operating_point, name),
            of=name,
        )

    def truths(self, opened: Dataset) -> HasTruth:
        """The data set with the truth of what the model marks.

        Raises:
            InputError: The data set has no such class.
        """
        if not self.of:
            return opened
        head = head_of(self.config, opened.info)
        if self.of not in head.names:
            raise InputError(
                f"{opened.info.name} has no class '{self.of}', which {self.name} marks; it has "
                + ", ".join(head.names)
            )
        return ClassTruths(opened, head, head.names.index(self.of))

    def truth(self, labels: NDArray[np.uint8], info: DatasetInfo) -> NDArray[np.bool_] | None:
        """What of a reference it should mark, shape (H, W); None where the data set has no such."""
        if not self.of:
            return labels > 0
        head = head_of(self.config, info)
        if self.of not in head.names:
            return None
        truth: NDArray[np.bool_] = head.truths(labels)[head.names.index(self.of)]
        return truth

    @property
    def parameters(self) -> int:
        """Weights as they were trained; 0 where no network is here."""
        if not hasattr(self.predictor, "model"):
            return 0
        whole = getattr(self.predictor, "whole", self.predictor)
        outputs = Head(names=whole.classes, softmax=whole.softmax).outputs
        with torch.device("meta"):  # what predicts is folded, and has fewer
            network = build_network(
                self.config, in_channels=self.predictor.in_channels, outputs=outputs, fresh=False
            )
        return parameter_count(network)

    def _part(
        self, split: str, data: Path | None, dataset: str | None
    ) -> tuple[Dataset, list[Sample], dict[str, Any]]:
        """The opened data set, the images of a part, and what an evaluation says of them."""
        if split != "all" and not any(getattr(self.split, part) for part in PARTS):
            raise InputError(
                f"{self.name} was not trained and has no {split} split; use --split all"
            )
        name = dataset or self.config.dataset
        if not name:
            raise InputError(f"{self.name} belongs to no data set; name one with --dataset")
        opened = open_dataset(name, data)
        if split == "all":
            chosen = [sample for sample in opened.samples if sample.has_truth]
        else:
            chosen = self.samples(opened, split)
        facts: dict[str, Any] = {
            "model": self.name,
            "dataset": name,
            "split": split,
            "split_hash": "" if split == "all" else self.split.hash,
        }
        return opened, chosen, facts

    def outcome(
        self, opened: Dataset, identity: str
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
        """An image, its mask at the operating point and its truth, each (H, W, …)."""
        sample = next(sample for sample in opened.samples if sample.id == identity)
        image, point = opened.image(sample), self.operating_point
        mask = clean(mask_at(self.predictor.levels(image), point.k), point.clean_up)
        return image, mask, self.truths(opened).truth(sample) > 0

    def head(self, opened: Dataset) -> Head | None:
        """What the maps are; None where there is one class, or the data set has others."""
        names, info = self.predictor.classes, opened.info
        declared = info.regions if self.config.target == "regions" else info.classes
        if len(names) == 1 or tuple(declared) != names:
            return None
        return head_of(self.config, info)

    def _classes(
        self, opened: Dataset, chosen: list[Sample], facts: dict[str, Any]
    ) -> dict[str, Any]:
        """The class level of an evaluation; nothing where there is one class, or others there."""
        head = self.head(opened)
        if head is None:
            return {}
        sweeps = sweep_classes(self.predictor, opened, chosen, head)
        return summarize_classes(sweeps, head.names, chosen, self.operating_point, **facts)

    def samples(self, opened: Dataset, split: str) -> list[Sample]:
        """The images of a part of the split it was trained on.

        Raises:
            InputError: There is no such part, or the opened data set does not hold its images.
        """
        if split not in PARTS:
            raise InputError(f"unknown split '{split}'; choose one of {', '.join(PARTS)}, all")
        if opened.info.name != self.config.dataset:
            raise InputError(
                f"{self.name} was trained on {self.config.dataset}, its splits say nothing about "
                f"{opened.info.name}; use --split all"
            )
        found = {sample.id: sample for sample in opened.samples if sample.has_truth}
        ids: tuple[str, ...] = getattr(self.split, split)
        missing = [identity for identity in ids if identity not in found]
        if missing:
            raise InputError(
                f"{opened.path}: {len(missing)} images of the {split} split are not there, "
                f"for example {missing[0]}; give the data that {self.name} was trained on"
            )
        return [found[identity] for identity in ids]


def weights_folder() -> Path:
    """Where shipped models live; ``ISOLINE_WEIGHTS`` moves it."""
    return Path(os.environ.get("ISOLINE_WEIGHTS") or ROOT / "weights")


def list_weights() -> list[str]:
    """Names of the shipped models."""
    return sorted(file.parent.name for file in weights_folder().glob("*/manifest.json"))


def load_weights(name: str) -> TrainedModel:
    """A shipped model, or a method that needs no training: ``classical/otsu``.

    Args:
        name: Of the model; ``NAME:CLASS`` for one class of it.

    Raises:
        InputError: Unknown name, or a file that differs from the manifest.
    """
    if name.startswith("classical/"):
        return _classical(name)
    if SEPARATOR in name:
        model, one = split_name(name)
        return load_weights(model).of_class(one)
    if name not in list_weights():
        raise InputError(f"no shipped model '{name}'; choose one of {', '.join(list_weights())}")
    folder = weights_folder() / name
    digests = read_json(folder / "manifest.json")["files"]
    for file, digest in {**dict.fromkeys(NEEDED, ""), **digests}.items():
        if not (folder / file).is_file() or sha256(folder / file) != digest:
            raise InputError(
                f"{folder / file}: missing or changed since it was shipped (SHA-256 differs); "
                "restore it with: git checkout -- weights"
            )
    from safetensors.torch import load_file  # only where weights are read

    document = read_json(folder / "config.json")
    in_channels, head = document.pop("in_channels"), document.pop("head", None)
    config = RunConfig.of_document(document)
    state = {
        name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()
    }
    return TrainedModel(
        name,
        config,
        restored(config, in_channels, state, head),
        OperatingPoint(**read_json(folder / "operating_point.json")),
        Split.of_document(read_json(folder / "split.json")),
    )


def _classical(name: str) -> TrainedModel:
    """A classical method in the place of a trained network: no data set, no split, 0.5."""
    untrained = "nothing was trained"
    point = OperatingPoint(
        threshold=0.5,
        rule="fixed",
        name=f"fixed at 0.5, {untrained}",
        value=math.nan,
        dataset="",
        split="",
        split_hash="",
        n_images=0,
    )
    split = Split(train=(), val=(), test=(), method=untrained)
    config = RunConfig(dataset="", model=name)
    return TrainedModel(name, config, classical_predictor(name), point, split)


def load_run_named(name: str) -> TrainedModel:
    """As ``load_run``, by the run's name; ``NAME:CLASS`` for one class of it."""
    model, one = split_name(name)
    trained = load_run(open_run(model))
    return trained.of_class(one) if one else trained


def load_run(run: Run) -> TrainedModel:
    """The best checkpoint of a run.

    Raises:
        InputError: The run has none yet.
    """
    point = run.operating_point
    if point is None:
        raise InputError(
            f"run {run.name} has no operating point yet; let it finish: "
            f"python -m core resume {run.name}"
        )
    checkpoint = load_checkpoint(run.checkpoint("best"))
    predictor = restored(
        run.config, checkpoint["in_channels"], checkpoint["model"], checkpoint.get("head")
    )
    return TrainedModel(run.name, run.config, predictor, point, run.split)


def tune(name: str, rule: str, *, clean_up: str = "") -> dict[str, Any]:
    """Choose a run's threshold anew on its validation split; kept with the run.

    Args:
        name: Of the run.
        rule: One of ``RULES``; several classes choose by it each.
        clean_up: As ``parse_clean_up``, or ``search``.

    Raises:
        InputError: The rule or the clean-up is unknown, no threshold keeps it or the data has
            changed.
    """
    run = open_run(name)
    trained = load_run(run)
    opened = open_dataset(run.config.dataset, Path(run.config.data) if run.config.data else None)
    samples = trained.samples(opened, "val")
    part = {"dataset": run.config.dataset, "split": "val", "split_hash": trained.split.hash}
    asked = {"rule": rule, "clean_up": clean_up, **part}
    point, sweep = choose_on_validation(trained.predictor, opened, samples, **asked)
    facts: dict[str, Any] = {"model": name, **part}
    if head := trained.head(opened):
        point = replace(point, classes=_choose_classes(trained, opened, samples, head, asked))
    trained = replace(trained, operating_point=point)
    if head or point.clean_up:
        document = trained.evaluate("val", data=opened.path)
    else:
        document = summarize(
            sweep,
            samples,
            k=point.k,
            threshold_source=point.name,
            temperature=point.temperature,
            **facts,
        )
    run.save_operating_point(point)
    run.save_evaluation(document)
    return point.document()


def _choose_classes(
    trained: TrainedModel,
    opened: Dataset,
    samples: list[Sample],
    head: Head,
    asked: dict[str, str],
) -> dict[str, Any]:
    """A point for each class by the same rule; one that validation does not hold keeps its own."""
    points = {}
    for place, name in enumerate(head.names):
        view, truths = ClassPredictor(trained.predictor, place), ClassTruths(opened, head, place)
        held = any(truths.truth(sample).any() for sample in samples)
        points[name] = (
            choose_on_validation(view, truths, samples, **asked)[0].document()
            if held
            else trained.operating_point.classes[name]
        )
    return points


def weights_document(name: str, document: str) -> Any:  # noqa: ANN401 - JSON is any of six types
    """A JSON document of a shipped model, for example ``evaluation/test``."""
    return read_json(weights_folder() / name / f"{document}.json")


def restored(
    config: RunConfig,
    in_channels: int,
    state: dict[str, torch.Tensor],
    document: dict[str, Any] | None,
) -> Predictor:
    """The predictor of some weights; ``document`` is of their head, None for one map.

    Its batch normalizations are folded, see ``core.models.folding``.
    """
    classes = tuple(document["classes"]) if document else FOREGROUND
    softmax = bool(document and document["softmax"])
    outputs = Head(names=classes, softmax=softmax).outputs
    model = build_network(config, in_channels=in_channels, outputs=outputs, fresh=False)
    model.load_state_dict(state)
    return Predictor(
        folded(model.eval()),
        in_channels=in_channels,
        size=config.size,
        aspect=config.aspect,
        device=pick_device(),
        classes=classes,
        softmax=softmax,
    )
