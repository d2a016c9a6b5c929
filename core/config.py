"""What a run is: one frozen document that travels with its checkpoints and its numbers."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, get_origin

from core.errors import InputError, choose, in_words

OPTIMIZERS = {
    "adam": "Adam",
    "adamw": "Adam with decoupled weight decay",
    "sgd": "SGD with momentum",
}
SCHEDULES = {
    "constant": "the same rate to the end",
    "cosine": "half a cosine down to zero",
    "poly": "(1 − t)^0.9 down to zero",
    "one_cycle": "up from 1/25 over the first 30 %, then half a cosine down to 1/250,000",
    "plateau": "times plateau_factor after plateau_patience epochs without a better value",
}
PRECISIONS = {
    "auto": "bf16 where the device has it",
    "bf16": "bfloat16",
    "fp16": "float16 with a scaled loss, on a GPU",
    "fp32": "float32",
}
MONITORS = {
    "dice": "largest pooled Dice over the thresholds",
    "iou": "largest pooled IoU over the thresholds",
    "dice_at_half": "pooled Dice at the threshold 0.5",
    "soft_dice": "pooled Dice of the probabilities, no threshold",
    "loss": "validation loss",
}
TARGETS = {
    "foreground": "one map: a pixel of any class counts",
    "classes": "a map for each class of the data set",
    "regions": "a map for each region that the data set declares; regions may overlap",
}


LARGEST = {
    "members": 32,
    "batch_size": 65_536,
    "accumulate": 65_536,
    "crops_per_image": 100_000,
    "epochs": 10_000_000,
    "keep_best": 10_000,
    "size": 16_384,
    "tile": 16_384,
    "slices": 4096,
    "seed": 2**63 - 1,
    "split_seed": 2**63 - 1,
}
"""Beyond these no machine trains; refused before a network of that size is built."""
VOLUMES: dict[str, Any] = {"batch_size": 2, "tile": 128}
"""What suits 3-D networks where nothing else is reported: two crops of 32 x 128 x 128."""


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """How far a training image may be moved; zero or False switches a part off."""

    flips: bool = True
    """Mirror along each axis with probability one half."""
    upside_down: bool = True
    """Whether mirroring also swaps top and bottom, which no ultrasound or chest image does."""
    rotation_degrees: float = 180.0
    """Largest rotation, either way."""
    shift: float = 0.05
    """Largest shift as a share of the side."""
    zoom: float = 0.1
    """Largest change of scale; 0.1 draws from 0.9 to 1.1."""
    elastic_px: float = 10.0
    """Standard deviation of the control points' displacement, in pixels."""
    elastic_spacing_px: int = 64
    """Distance of the control points, in pixels."""
    contrast: float = 0.1
    """Largest change of contrast about the mean."""
    brightness: float = 0.1
    """Largest change of brightness, as a share of the grey range; what leaves the range is cut, so
    that a faint image can go black: ``grey_range`` cuts nothing."""
    shear_degrees: float = 0.0
    """Largest shear along either axis, either way."""
    gamma: float = 0.0
    """Largest change of the exponent of the intensities; 0.2 draws from 1/1.2 to 1.2."""
    blur_px: float = 0.0
    """Largest standard deviation of a Gaussian blur, in pixels."""
    noise: float = 0.0
    """Largest standard deviation of added noise, as a share of the grey range."""
    speckle: float = 0.0
    """Largest standard deviation of multiplied noise, as in ultrasound."""
    grey_range: float = 0.0
    """How far black may rise and white may fall; 0.3 shows 0 to 1 as anything up to 0.3 to 0.7."""
    margin: float = 0.0
    """Probability of margins of one grey, up to a quarter of the side, that hold no foreground."""

    def __post_init__(self) -> None:
        _check_types(self)
        if not 0 <= self.zoom < 1 or not 0 <= self.shift <= 1:
            raise InputError("augmentation needs a zoom from 0 to below 1 and a shift from 0 to 1")
        if any(getattr(self, f.name) < 0 for f in fields(self)):
            raise InputError("augmentation amounts cannot be negative")
        if self.shear_degrees > 40 or self.blur_px > 8:
            raise InputError("augmentation takes shear up to 40 degrees and blur up to 8 pixels")
        if self.grey_range > 0.45 or self.margin > 1:
            raise InputError("augmentation takes a grey_range up to 0.45 and a margin up to 1")
        if self.elastic_spacing_px < 8:
            raise InputError("elastic_spacing_px must be at least 8")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a training, apart from the machine."""

    dataset: str
    """Key of ``DATASETS``."""
    data: str | None = None
    """Where the data set lies; None for synthetic data."""
    model: str = "unet"
    """Key of ``MODELS``."""
    model_options: dict[str, Any] = field(default_factory=dict)
    """Options of the network, see ``python -m core models list``."""
    start_from: str = ""
    """Shipped model or run whose weights it begins with; empty for random ones."""
    members: int = 1
    """How many such networks learn side by side and answer together, with their mean."""
    target: str = "foreground"
    """What is learned: ``foreground``, ``classes`` or ``regions``."""
    size: int | None = None
    """Resize every image to this square before training; None keeps the native size."""
    aspect: str = "stretch"
    """How images are resized: ``stretch``, or ``pad``, which keeps their shape."""
    tile: int | None = None
    """Train on random crops of this side; None trains on whole images."""
    slices: int = 32
    """For 3-D networks: slices of a crop, at least 8."""
    crops_per_image: int = 1
    """Random crops of each training image in one epoch; of a volume, of each ``slices`` slices."""
    oversample: float = 0.0
    """Share of the crops or images that is drawn so that it holds foreground, rare classes too."""
    loss: str = "bce"
    """Key of ``LOSSES``."""
    loss_options: dict[str, Any] = field(default_factory=dict)
    """Options of the loss, see ``LOSSES[loss].options``."""
    deep_supervision: bool = False
    """Whether the network's coarser outputs learn too; weights halve with each step away."""
    optimizer: str = "adam"
    """``adam``, ``adamw`` or ``sgd``."""
    learning_rate: float = 1e-3
    """Learning rate, at its largest."""
    schedule: str = "constant"
    """Schedule: ``constant``, ``cosine``, ``poly``, ``one_cycle`` or ``plateau``."""
    warmup_epochs: float = 0.0
    """Epochs over which the learning rate first rises from zero."""
    plateau_patience: int = 10
    """For ``plateau``: epochs without a better validation value before the step gets smaller."""
    plateau_factor: float = 0.1
    """For ``plateau``: what the learning rate is then multiplied by."""
    momentum: float = 0.99
    """For SGD; 0.99 in Ronneberger (2015)."""
    weight_decay: float = 0.0
    """L2 penalty; with ``adamw`` the share that a weight loses, times the learning rate."""
    clip_norm: float = 0.0
    """Largest norm of the gradient, above which it is shortened; 0 leaves it."""
    ema: float = 0.0
    """Decay of the average of weights that is validated and kept, e.g. 0.999; 0 for none."""
    batch_size: int = 8
    """Images or crops in one step, of all processes together."""
    accumulate: int = 1
    """Parts in which a batch goes through the network; saves memory, the step stays one."""
    allow_accumulation: bool = False
    """Whether a batch that does not fit into memory may be cut into parts, or the run refused."""
    epochs: int = 50
    """Passes over the training split, at most."""
    patience: int = 0
    """Stop after this many epochs without a better validation value; 0 never stops early."""
    monitor: str = "dice"
    """What stopping, best checkpoints and ``plateau`` look at; key of ``MONITORS``."""
    keep_best: int = 1
    """How many of the best epochs keep a checkpoint."""
    samples_every: int = 5
    """Epochs between predictions of fixed validation images; 0 for none."""
    augment: bool = True
    """Whether training images are augmented."""
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    """How far."""
    precision: str = "auto"
    """``auto``, ``bf16``, ``fp16`` or ``fp32``; validation and prediction are always float32."""
    compile: bool = False
    """Whether ``torch.compile`` builds the network anew: a minute or more before the first step."""
    sync_batch_norm: bool = False
    """Whether several processes share the statistics of batch normalization."""
    seed: int = 0
    """Initial weights, order of samples, augmentation."""
    split_seed: int = 0
    """Of the split; apart from ``seed``, so that seeds can be compared."""
    folds: int = 0
    """Cross-validation with this many folds; 0 for one split."""
    fold: int = 0
    """The test fold."""
    share_group: bool = False
    """Whether validation and test share one of two groups, where there are no more."""
    leave_out: list[str] = field(default_factory=list)
    """Images or patients that are not used, by id: damaged, doubtful, or there twice."""
    extensions: list[dict[str, Any]] = field(default_factory=list)
    """How the run was trained longer: ``after`` so many epochs, anew from ``learning_rate``."""

    def __post_init__(self) -> None:
        _check_types(self)
        choose("optimizer", self.optimizer, OPTIMIZERS)
        choose("precision", self.precision, PRECISIONS)
        choose("monitor", self.monitor, MONITORS)
        choose("aspect", self.aspect, {"stretch": "", "pad": ""})
        choose("schedule", self.schedule, SCHEDULES)
        choose("target", self.target, TARGETS)
        self._check_amounts()
        if self.slices < 8:
            raise InputError(f"slices must be at least 8, found {self.slices}")
        if self.learning_rate <= 0:
            raise InputError(f"learning_rate must be above 0, found {self.learning_rate}")
        if not 0 <= self.momentum < 1 or self.weight_decay < 0:
            raise InputError("momentum must be from 0 to below 1 and weight_decay 0 or more")
        if min(self.patience, self.seed, self.split_seed, self.folds, self.fold) < 0:
            raise InputError("patience, seeds and folds cannot be negative")
        self._check_step()
        if self.loss_options:
            from core.losses import (
                check_loss_options,
            )  # imports torch, which a config can do without

            check_loss_options(self.loss, self.loss_options)

    def _check_amounts(self) -> None:
        """Refuse what is too small to mean anything or beyond every machine."""
        for name in (
            "batch_size",
            "epochs",
            "crops_per_image",
            "accumulate",
            "keep_best",
            "members",
        ):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, found {getattr(self, name)}")
        for name, most in LARGEST.items():
            if (getattr(self, name) or 0) > most:
                raise InputError(f"{name} can be at most {most:,}; choose a smaller one")
        for name in ("size", "tile"):
            side = getattr(self, name)
            if side is not None and side < 16:
                raise InputError(f"{name} must be at least 16, found {side}")

    def _check_step(self) -> None:
        """Refuse what cannot be or contradicts itself in how a step is taken."""
        if self.members > 1 and self.deep_supervision:
            raise InputError("several members have one output each; leave deep_supervision false")
        for name in ("warmup_epochs", "clip_norm", "samples_every"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} cannot be negative, found {getattr(self, name):g}")
        if not 0 <= self.oversample <= 1:
            raise InputError(f"oversample is a share from 0 to 1, found {self.oversample:g}")
        if not 0 <= self.ema < 1:
            raise InputError(f"ema must be from 0 to below 1, found {self.ema:g}")
        if not 0 < self.plateau_factor < 1 or self.plateau_patience < 1:
            raise InputError("plateau takes a factor between 0 and 1 and a patience of 1 or more")
        if self.warmup_epochs >= self.epochs:
            raise InputError(
                f"warmup_epochs of {self.warmup_epochs:g} leave none of {self.epochs} epochs; "
                "choose fewer"
            )
        if self.warmup_epochs and self.schedule == "one_cycle":
            raise InputError("one_cycle warms up by itself; leave warmup_epochs at 0")
        if self.accumulate > self.batch_size:
            raise InputError(
                f"accumulate cuts a batch into parts: at most batch_size ({self.batch_size}), "
                f"found {self.accumulate}"
            )

    def document(self) -> dict[str, Any]:
        """The config as it is written to ``config.json``."""
        return asdict(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Read back what ``document`` wrote.

        Raises:
            InputError: A key is unknown or a value does not fit.
        """
        values = dict(document)
        for name in values:
            choose("setting", name, _names(cls))
        if isinstance(values.get("augmentation"), Mapping):
            settings = values["augmentation"]
            for name in settings:
                choose("augmentation setting", name, _names(AugmentationConfig))
            values["augmentation"] = AugmentationConfig(**settings)
        if "dataset" not in values:
            raise InputError("a run needs a data set; name one with --dataset")
        return cls(**values)

    def with_settings(self, settings: Mapping[str, Any], model_options: Mapping[str, Any]) -> Self:
        """A copy with ``key: value`` changes, as ``--set key=value`` gives them.

        Args:
            settings: Keys are fields of the run, ``augmentation.<field>``, ``loss.<option>`` or
                model options. Another loss starts from its own defaults.
            model_options: The network's options; what is not a field must be one of these.

        Raises:
            InputError: A key is none of these; the message lists the choices.
        """
        document = self.document()
        nested = ("augmentation", "model_options", "loss_options", "extensions")
        own = [name for name in document if name not in nested]
        if settings.get("loss", self.loss) != self.loss:
            document["loss_options"] = {}
        augmentation = {f"augmentation.{name}": name for name in document["augmentation"]}
        places: dict[str, tuple[dict[str, Any], str]] = {
            **{name: (document["model_options"], name) for name in model_options},
            **{key: (document["augmentation"], name) for key, name in augmentation.items()},
            **{name: (document, name) for name in own},
        }
        for key, value in settings.items():
            if key.startswith("loss."):  # which options there are is the loss's affair
                document["loss_options"][key.removeprefix("loss.")] = value
                continue
            place, name = choose("setting", key, places)
            place[name] = _ids(value) if name == "leave_out" else value
        return self.of_document(document)


def parse_setting(text: str) -> tuple[str, Any]:
    """``key=value`` with the value read as JSON, or as plain text where it is not JSON.

    Raises:
        InputError: There is no ``=``.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"--set takes key=value, found '{text}'")
    if value in ("None", "True", "False"):
        value = {"None": "null", "True": "true", "False": "false"}[value]
    try:
        return key.strip(), json.loads(value)
    except (ValueError, RecursionError):  # no JSON, or thousands of digits or brackets
        return key.strip(), value


def _ids(value: Any) -> list[str]:  # noqa: ANN401 - what JSON or the command line gave
    """A list of ids, or text with commas between them."""
    several = value if isinstance(value, list) else str(value).split(",")
    return [one for text in several if (one := str(text).strip())]


def _names(config: type[AugmentationConfig] | type[RunConfig]) -> dict[str, object]:
    return {f.name: f.type for f in fields(config)}


def _check_types(config: "AugmentationConfig | RunConfig") -> None:
    """Refuse text where a number belongs; JSON and the command line bring both."""
    for f in fields(config):
        value = getattr(config, f.name)
        wanted: Any = f.type
        if get_origin(wanted) in (dict, list):
            wanted = get_origin(wanted)
        if wanted is float and type(value) is int:
            object.__setattr__(config, f.name, float(value))
        elif not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise InputError(f"{f.name} takes {in_words(wanted)}, found {value!r}")
        elif isinstance(value, float) and not math.isfinite(value):  # JSON has no such number
            raise InputError(f"{f.name} must be a number, found {value}")
