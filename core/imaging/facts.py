"""What a program may remember of where an image comes from: a closed list of numbers and codes.

Names, dates, numbers of patients and studies, places, people, devices and free text are in no
field, so they cannot be stored, logged, shown or exported by accident.
"""

from dataclasses import asdict, dataclass
from typing import Any

MODALITIES = {
    "CR": "computed radiography",
    "CT": "computed tomography",
    "DX": "digital radiography",
    "ES": "endoscopy",
    "GM": "microscopy",
    "IVUS": "intravascular ultrasound",
    "MG": "mammography",
    "MR": "magnetic resonance",
    "NM": "nuclear medicine",
    "OCT": "optical coherence tomography",
    "OP": "ophthalmic photography",
    "OPT": "ophthalmic tomography",
    "PT": "positron emission tomography",
    "PX": "panoramic X-ray",
    "RF": "fluoroscopy",
    "RTDOSE": "radiotherapy dose",
    "SC": "secondary capture",
    "SEG": "segmentation",
    "SM": "slide microscopy",
    "US": "ultrasound",
    "XA": "X-ray angiography",
    "XC": "photography",
}
"""DICOM code → words; another code is not repeated."""


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """Where pixels come from; whatever is not stated is empty, 0 or None."""

    format: str = ""
    """Key of ``READERS``: ``PNG``, ``DICOM``, …"""
    modality: str = ""
    """Key of ``MODALITIES``."""
    unit: str = ""
    """Of the values: ``HU``, ``Gy``; empty where it is unknown."""
    bits: int = 0
    """Stored for each sample."""
    photometric: str = ""
    """How stored samples become grey or colour: ``MONOCHROME2``, ``RGB``, …"""
    compression: str = ""
    """Name of the encoding of the samples, in words."""
    rescale: tuple[float, float] | None = None
    """Slope and intercept that were applied to stored samples."""
    window: tuple[float, float] | None = None
    """Lower and upper end of the grey window that the file proposes, in its values."""
    stated_window: tuple[float, float] | None = None
    """Center and width as the file states them; DICOM draws 99 steps in a width of 100."""
    orientation: str = ""
    """Towards which side the axes of the file count, as in ``Geometry.orientation``."""
    tilt_degrees: float = 0.0
    """Angle between the stacking direction and the normal of the slices."""

    def document(self) -> dict[str, Any]:
        """For a JSON file; only what is stated."""
        return {key: value for key, value in asdict(self).items() if value}
