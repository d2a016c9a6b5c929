"""Does an image look like what a model was trained on? If not: what differs, and what to do.

A model answers on any image; on one of another kind its answer means nothing.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.imaging import Image, Volume
from core.models.training_facts import (
    COLOURED,
    STATISTICS,
    TrainingFacts,
    distance,
    is_coloured,
    statistics_of,
)

_MODALITY_WORDS = {
    "CT": r"\bct\b|computed tomography",
    "MR": r"\bmri?\b|magnetic resonance",
    "US": r"ultrasound|sonograph",
    "CR": r"x-ray|radiograph",
    "DX": r"x-ray|radiograph",
    "MG": r"mammogra|x-ray",
    "SM": r"microscop|histolog",
    "GM": r"microscop|histolog",
    "XC": r"photo|dermoscop",
    "ES": r"endoscop|colonoscop",
    "OP": r"fundus|retina|ophthalm",
    "PT": r"\bpet\b|positron",
}


@dataclass(frozen=True, kw_only=True)
class FitWarning:
    """One way in which an image is unlike the training images."""

    kind: str
    """``modality``, ``channels``, ``colour``, ``contrast``, ``intensity``, ``spacing`` or
    ``size``."""
    what: str
    """What was found."""
    why: str
    """Why it matters."""
    advice: str
    """What to do."""

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return f"{self.what}: {self.why}; {self.advice}"


def fit_warnings(image: Image, facts: TrainingFacts) -> list[FitWarning]:
    """What a person should know before trusting a model's answer on an image.

    Args:
        image: The image, in the grey window in which the model will see it.
        facts: Of the model's training images.

    Returns:
        The gravest first; empty where the image looks like the training images.
    """
    found = [*_kind_warnings(image, facts)]
    grey = image.grey8()
    if int(grey.max()) - int(grey.min()) < 8:
        found.append(
            FitWarning(
                kind="contrast",
                what="the image has hardly any contrast",
                why="there is nothing to distinguish",
                advice="choose a grey window or another image",
            )
        )
    elif warning := _intensity_warning(grey, image, facts):
        found.append(warning)
    return [*found, *_scale_warnings(image, facts)]


def warnings_of(found: Image | Volume, facts: TrainingFacts | None) -> tuple[str, ...]:
    """What to know before an answer is trusted, a sentence each: of the file, then of the fit.

    Args:
        found: An image, or a volume, of which the middle slice is used.
        facts: Of the model's training images; None where they are not known.
    """
    if facts is None or (isinstance(found, Volume) and found.array.ndim != 3):
        return found.warnings
    image = found.image(len(found.slices()) // 2) if isinstance(found, Volume) else found
    return (*found.warnings, *(warning.sentence for warning in fit_warnings(image, facts)))


def _kind_warnings(image: Image, facts: TrainingFacts) -> list[FitWarning]:
    found = []
    words = _MODALITY_WORDS.get(image.facts.modality)
    if words and not re.search(words, facts.modality.lower()):
        found.append(
            FitWarning(
                kind="modality",
                what=f"the image is {image.facts.modality}, the model saw {facts.modality}",
                why="what it learned does not carry over",
                advice="choose a model for this kind of image",
            )
        )
    coloured = is_coloured(image.image8())
    if facts.channels not in {1, 3}:
        found.append(
            FitWarning(
                kind="channels",
                what=f"the model needs {facts.channels} images of one place at once",
                why=f"it was trained on {facts.modality}",
                advice="choose a model for single images",
            )
        )
    elif coloured and facts.colour_share < COLOURED:
        found.append(
            FitWarning(
                kind="colour",
                what=f"the image is coloured, the model saw only grey ones ({facts.modality})",
                why="colours are turned to grey before it sees them",
                advice="upload the original rather than a photo of a screen, or another model",
            )
        )
    elif not coloured and facts.colour_share > 1 - COLOURED:
        found.append(
            FitWarning(
                kind="colour",
                what=f"the image is grey, the model saw only coloured ones ({facts.modality})",
                why="it goes by colours that are not there",
                advice="upload the coloured original, or choose another model",
            )
        )
    return found


def _intensity_warning(
    grey: NDArray[np.uint8], image: Image, facts: TrainingFacts
) -> FitWarning | None:
    far = distance(grey, facts)
    if far <= facts.limit:
        return None
    values = statistics_of(grey)
    outside = np.maximum(np.asarray(facts.low) - values, values - np.asarray(facts.high))
    worst = int(np.argmax(outside / np.asarray(facts.spread)))
    windows = image.pixels.dtype != np.uint8
    return FitWarning(
        kind="intensity",
        what=(
            f"the intensities differ from those of the training images ("
            f"{far / facts.limit:.1f} times "
            f"the limit; most so the {STATISTICS[worst]}: {values[worst]:.0f}, usually "
            f"{facts.low[worst]:.0f} to {facts.high[worst]:.0f})"
        ),
        why=f"the model saw {facts.modality}",
        advice=(
            "choose the grey window it was trained in, or a model for this kind of image"
            if windows
            else "check that it is this kind of image, not cropped to a detail or inverted"
        ),
    )


def _scale_warnings(image: Image, facts: TrainingFacts) -> list[FitWarning]:
    found = []
    if image.spacing_mm and facts.spacing_mm:
        height = math.sqrt(image.spacing_mm[0] * image.spacing_mm[1])
        low, high = facts.spacing_mm
        if not low / 1.5 <= height <= high * 1.5:
            typical = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
            found.append(
                FitWarning(
                    kind="spacing",
                    what=f"a pixel is {height:.3g} mm wide, in training {typical} mm",
                    why="things have another size in pixels than those the model knows",
                    advice="resample the image, or choose a model for this resolution",
                )
            )
    side = math.sqrt(image.pixels.shape[0] * image.pixels.shape[1])
    low, high = facts.side_px
    if not low / 2 <= side <= high * 2:
        typical = f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"
        found.append(
            FitWarning(
                kind="size",
                what=(
                    f"the image is {image.pixels.shape[1]} x {image.pixels.shape[0]} pixels, "
                    f"training images were {typical} a side"
                ),
                why="things have another size in pixels than those the model knows",
                advice="crop or scale it to what the model was trained on",
            )
        )
    return found
