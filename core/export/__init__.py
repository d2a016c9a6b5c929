"""``EXPORTS``: what can be downloaded of a case; one function to bytes and one line for each.

A file is named after the image's own file and nothing else; nothing of the source's headers goes
into any export, but for the reference that ``dicom_seg`` documents.
"""

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import choose
from core.export.case import DISCLAIMER, Case, ModelFacts
from core.export.dicom_seg import dicom_seg
from core.export.images import label, mask, overlay, probability
from core.export.measurements import measurements
from core.export.nifti import nifti_mask, nifti_probability
from core.export.outlines import coco, contours


@dataclass(frozen=True, kw_only=True)
class Export:
    """One thing to download."""

    title: str
    """As a button says it."""
    suffix: str
    """End of the file's name."""
    media_type: str
    """For a download."""
    make: Callable[[Case], bytes]
    """Raises ``InputError`` where the case has not what it takes."""
    volumes: bool = True
    """Whether it takes volumes too."""


def _report_html(case: Case) -> bytes:
    from core.export.report import report_html  # it draws with the rest of this package

    return report_html(case)


def _report_pdf(case: Case) -> bytes:
    from core.export.report import report_pdf

    return report_pdf(case)


_GZIP, _JSON, _PNG = "application/gzip", "application/json", "image/png"

EXPORTS: dict[str, Export] = {
    "mask": Export(title="Mask", suffix="_mask.png", media_type=_PNG, make=mask, volumes=False),
    "label": Export(
        title="Numbered components", suffix="_label.png", media_type=_PNG, make=label, volumes=False
    ),
    "overlay": Export(title="Overlay", suffix="_overlay.png", media_type=_PNG, make=overlay),
    "probability": Export(
        title="Probability, 16-bit TIFF",
        suffix="_probability.tif",
        media_type="image/tiff",
        make=probability,
    ),
    "probability-nifti": Export(
        title="Probability, NIfTI",
        suffix="_probability.nii.gz",
        media_type=_GZIP,
        make=nifti_probability,
    ),
    "nifti": Export(title="Mask, NIfTI", suffix="_mask.nii.gz", media_type=_GZIP, make=nifti_mask),
    "dicom-seg": Export(
        title="DICOM segmentation",
        suffix="_seg.dcm",
        media_type="application/dicom",
        make=dicom_seg,
    ),
    "coco": Export(
        title="COCO JSON", suffix="_coco.json", media_type=_JSON, make=coco, volumes=False
    ),
    "contours": Export(
        title="Contours, JSON",
        suffix="_contours.json",
        media_type=_JSON,
        make=contours,
        volumes=False,
    ),
    "csv": Export(
        title="Measurements, CSV",
        suffix="_measurements.csv",
        media_type="text/csv",
        make=measurements,
    ),
    "report": Export(
        title="Report, HTML", suffix="_report.html", media_type="text/html", make=_report_html
    ),
    "report-pdf": Export(
        title="Report, PDF", suffix="_report.pdf", media_type="application/pdf", make=_report_pdf
    ),
}
"""Name → export."""


def export(name: str, case: Case) -> tuple[str, bytes]:
    """File name and content of an export.

    Raises:
        InputError: There is no such export, or the case has not what it takes.
    """
    chosen = choose("format", name, EXPORTS)
    return f"{case.name}{chosen.suffix}", chosen.make(case)


__all__ = ["DISCLAIMER", "EXPORTS", "Case", "Export", "ModelFacts", "export"]
