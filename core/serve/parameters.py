"""The parameters of ``POST /predict``, checked; what is wrong with them is one sentence."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.errors import choose
from core.export import EXPORTS
from core.imaging.intensities import AS_TRAINED, CHOICES
from core.levels import threshold_index
from core.threshold.postprocessing import parse_post_processing

FORMATS = ("json", "levels", *EXPORTS)
"""``json`` is threshold, area and components; ``levels`` the level map as 16-bit grey PNG."""
MAX_CHARACTERS = 255
MAX_PAGE = 1_000_000

_KINDS = {
    "page": f"a whole number from 1 to {MAX_PAGE}",
    "threshold": "a number from 0 to 1 in steps of 0.001",
}
"""What a parameter has to be; the others are text."""


def _on_grid(threshold: float) -> float:
    threshold_index(threshold)
    return threshold


def _known_steps(steps: str) -> str:
    parse_post_processing(steps)
    return steps


def _format(name: str) -> str:
    choose("format", name, dict.fromkeys(FORMATS))
    return name


def _known_intensities(name: str) -> str:
    choose("intensities", name, CHOICES)
    return name


Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]


class Parameters(BaseModel):
    """What a client asks for; an empty value counts as none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Text = Field(default="", description="Name from /models; the first where there is none.")
    threshold: Annotated[float, AfterValidator(_on_grid)] | None = Field(
        default=None,
        description="Instead of the model's operating point.",
        json_schema_extra={"minimum": 0, "maximum": 1, "multipleOf": 0.001},
    )
    post_processing: Annotated[Text, AfterValidator(_known_steps)] = Field(
        default="",
        description="minimum_area_px=N, fill_holes, largest_component or none; by default the "
        "model's.",
    )
    intensities: Annotated[Text, AfterValidator(_known_intensities)] = Field(
        default=AS_TRAINED,
        description="What the model sees of a file of more than 8 bits. "
        + "; ".join(f"{name}: {words}" for name, words in CHOICES.items()),
        json_schema_extra={"enum": list(CHOICES)},
    )
    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] | None = Field(
        default=None, description="Of a stack or volume."
    )
    format: Annotated[Text, AfterValidator(_format)] | None = Field(
        default=None,
        description="Before the Accept header. json: numbers; levels: level map as PNG; "
        + ", ".join(f"{name}: {kind.title}" for name, kind in EXPORTS.items()),
        json_schema_extra={"enum": list(FORMATS)},
    )
    name: Text = Field(default="", description="File name, where the body is the file.")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if value != ""}


def sentence_of(fault: dict[str, Any]) -> str:
    """One of pydantic's errors as a sentence: what was found, and what it has to be."""
    name = str(fault["loc"][-1])[:40]
    if fault["type"] == "extra_forbidden":
        return f"unknown parameter '{name}'; see /openapi.json"
    if fault["type"] == "value_error":  # from our validators: an ``InputError``
        return str(fault["ctx"]["error"])
    kind = _KINDS.get(name, f"text of at most {MAX_CHARACTERS} characters")
    return f"{name} '{str(fault.get('input'))[:40]}' is not {kind}"
