"""A network with its threshold, whatever it came from: predicts, is evaluated, shows one class."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import RunConfig
from core.data import Dataset, DatasetInfo, Sample, info_of
from core.data.splits import SUBSETS, Split
from core.errors import InputError
from core.imaging.intensities import IntensityMapping
from core.inference.classes import SEPARATOR, ClassTruths, class_predictor
from core.inference.heads import Head, build_network, head_of
from core.inference.predictor import LabelledImages, Predictor
from core.levels import mask_at
from core.models.training_facts import TrainingFacts
from core.networks import parameter_count
from core.threshold.operating_point import OperatingPoint, class_point
from core.threshold.postprocessing import clean


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
    facts: TrainingFacts | None = None
    """What its training images are like; None where that is not known."""
    of: str = ""
    """The class it is restricted to, see ``of_class``; empty for all it segments."""

    @property
    def intensities(self) -> IntensityMapping:
        """How values of more than 8 bits became the intensities of its training images."""
        dataset = self.config.dataset
        return info_of(dataset).intensities if dataset else IntensityMapping()

    @property
    def class_names(self) -> tuple[str, ...]:
        """What can be examined alone; nothing where there is one map."""
        return self.predictor.classes if len(self.predictor.classes) > 1 else ()

    def of_class(self, name: str) -> "TrainedModel":
        """The model as if it marked one class alone, with that class's operating point.

        Raises:
            InputError: It segments no such class.
        """
        if name not in self.class_names:
            choice = (
                f"choose one of {', '.join(self.class_names)}"
                if self.class_names
                else f"it segments one kind of foreground, so name it without a class: {self.name}"
            )
            raise InputError(f"{self.name} has no class '{name}'; {choice}")
        return replace(
            self,
            name=f"{self.name}{SEPARATOR}{name}",
            predictor=class_predictor(self.predictor, self.predictor.classes.index(name)),
            operating_point=class_point(self.operating_point, name),
            of=name,
        )

    def truths(self, opened: Dataset) -> LabelledImages:
        """The data set with the truth of what the model segments.

        Raises:
            InputError: The data set has no such class.
        """
        if not self.of:
            return opened
        head, place = self._place(opened.info)
        if place is None:
            raise InputError(
                f"{opened.info.name} has no class '{self.of}', which {self.name} marks; it has "
                + ", ".join(head.names)
            )
        return ClassTruths(opened, head, place)

    def truth(self, labels: NDArray[np.uint8], info: DatasetInfo) -> NDArray[np.bool_] | None:
        """What of a reference it should mark, shape (H, W); None where the data set has no such."""
        if not self.of:
            return labels > 0
        head, place = self._place(info)
        return None if place is None else np.asarray(head.truths(labels)[place], np.bool_)

    def _place(self, info: DatasetInfo) -> tuple[Head, int | None]:
        """The maps on a data set, and which of them is of the class; None where none is."""
        head = head_of(self.config, info)
        return head, head.names.index(self.of) if self.of in head.names else None

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

    @property
    def nbytes(self) -> int:
        """Memory of the weights and buffers; 0 where no network is here."""
        if not hasattr(self.predictor, "model"):
            return 0
        network = self.predictor.model
        return sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))

    def outcome(
        self, opened: Dataset, identity: str
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
        """An image, its mask at the operating point and its truth, each (H, W, …)."""
        sample = next(sample for sample in opened.samples if sample.id == identity)
        image, point = opened.image(sample), self.operating_point
        mask = clean(
            mask_at(self.predictor.sample_levels(opened, sample), point.k), point.post_processing
        )
        return image, mask, self.truths(opened).truth(sample) > 0

    def head(self, opened: Dataset) -> Head | None:
        """What the maps are; None where there is one class, or the data set has others."""
        names, info = self.predictor.classes, opened.info
        declared = info.regions if self.config.target == "regions" else info.classes
        if len(names) == 1 or tuple(declared) != names:
            return None
        return head_of(self.config, info)

    def samples(self, opened: Dataset, split: str) -> list[Sample]:
        """The images of a subset of the split it was trained on.

        Raises:
            InputError: There is no such part, or the opened data set does not hold its images.
        """
        if split not in SUBSETS:
            raise InputError(f"unknown split '{split}'; choose one of {', '.join(SUBSETS)}, all")
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
