"""Many uploaded files at once: a table of results and one zip, made in the background."""

import pandas as pd
import streamlit as st

from core.export import EXPORTS
from core.levels import STEPS
from core.models import TrainedModel
from core.predict.batch import PredictionOptions
from core.system.background import DONE, RUNNING
from dashboard.common import cache
from dashboard.common.foreign_text import as_text
from dashboard.common.uploads import Upload
from dashboard.predict.volume import waiting

OFFERED = ("mask", "label", "overlay", "probability", "nifti", "csv", "report")
COLUMNS = {
    "input": "File",
    "page": "Page",
    "threshold": "Threshold",
    "foreground_px": "Foreground px",
    "area_mm2": "Area mm²",
    "volume_ml": "Volume ml",
    "components": "Components",
    "problems": "Problems",
    "warnings": "Warnings",
}


def batch(model: str, trained: TrainedModel, upload: Upload) -> None:
    """Everything that was uploaded, at the model's threshold; only where there are several."""
    if upload.items < 2:
        return
    point = trained.operating_point
    with st.expander(f"All {upload.items} at once", icon=":material/stacks:"):
        formats = st.multiselect(
            "Of each image",
            OFFERED,
            default=["mask", "overlay"],
            format_func=lambda name: EXPORTS[name].title,
            help="The mask of a volume is a NIfTI.",
        )
        k = round(
            st.number_input("Threshold", 0.0, 1.0, point.k / STEPS, 0.001, format="%.3f") * STEPS
        )
        if not formats:
            st.caption("Choose what to make of each image.")
            return
        wanted = PredictionOptions(formats=tuple(formats), k=k, archive=True)
        job = cache.batch_prediction(model, upload.files, wanted)
        if job.state == DONE:
            _results(job.rows, job.left_out, job.archive)
        elif job.state == RUNNING or job.done or job.problem:
            waiting(job, noun="picture", doing="Predicting")
        elif st.button(f"Predict all {upload.items}", type="primary"):
            job.start()
            st.rerun()


def _results(rows: list[dict[str, object]], left_out: list[str], archive: bytes) -> None:
    for problem in left_out:
        st.warning(as_text(problem), icon=":material/warning:")
    st.download_button(
        "Everything as one zip",
        archive,
        file_name="predictions.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        type="primary",
    )
    found = pd.DataFrame(rows)
    shown = [name for name in COLUMNS if name in found and found[name].notna().any()]
    st.dataframe(found[shown].rename(columns=COLUMNS), hide_index=True)
