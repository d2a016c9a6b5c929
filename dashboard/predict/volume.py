"""What the page Predict shows of a whole volume: its way through the network, planes, surface."""

import pandas as pd
import streamlit as st

from core.export import Case
from core.export.measure import table
from core.models import TrainedModel
from core.predict.cases import build_case, stem_of
from core.system.background import DONE, FAILED, RUNNING, Work
from core.training.progress import duration
from dashboard.common import cache
from dashboard.common.foreign_text import as_text
from dashboard.common.uploads import Upload
from dashboard.components.volume_viewer import volume_viewer
from dashboard.predict.surface import surface_figure, surface_of

SURFACE, COMPONENTS = "3D surface", "Components"
MOST_ROWS = 200
POLL_SECONDS = 0.5


def volume_case(model: str, trained: TrainedModel, upload: Upload) -> Case | None:
    """The volume in its viewer; None while the network is still looking at it.

    Raises:
        InputError: The volume does not fit the model.
    """
    volume = upload.volume
    assert volume is not None
    slices, content = cache.volume_slices(upload.key, volume)
    job = cache.volume_prediction(model, slices, content)
    if job.state != DONE:
        _start_once(job, f"{model} {content}")
        waiting(job, noun="slice", doing=f"Looking at {volume.name}")
        return None
    point = trained.operating_point
    packed = cache.packed_volume(model, content, volume, job.levels)
    decision = volume_viewer(packed, key="volume", threshold=point.k)
    if point.post_processing:
        st.caption("The post-processing of this model is for images and is not applied to volumes.")
    return build_case(
        name=stem_of(volume.name),
        image=slices,
        levels=job.levels,
        point=point,
        facts=cache.facts_of_model(model),
        source=volume,
        k=decision.k,
    )


def more_of(case: Case) -> None:
    """The surface of the mask, or a table of its components, where they are asked for."""
    chosen = st.pills(
        "More of the mask", [SURFACE, COMPONENTS], key="volume-more", persist_state="session"
    )
    if chosen == SURFACE:
        with st.spinner("Drawing the surface"):
            spacing_mm = case.spacing_mm or (1.0, 1.0, 1.0)
            deep, tall, wide = spacing_mm
            found = surface_of(case.levels, case.k, spacing_mm=(deep, tall, wide), plane=case.plane)
        if found is None:
            st.info("There is no surface: no voxel reaches the threshold.")
            return
        st.plotly_chart(surface_figure(found, unit="mm" if case.spacing_mm else "voxels"))
        thinned = f", of {found.step} x {found.step} x {found.step} voxels averaged"
        st.caption(
            f"Surface at threshold {case.threshold:.3f}, {len(found.faces):,} triangles"
            f"{thinned if found.step > 1 else ''}"
        )
    elif chosen == COMPONENTS:
        with st.spinner("Measuring"):
            rows = table(case.components)
        more = f", the largest {MOST_ROWS} are shown" if len(rows) > MOST_ROWS else ""
        st.caption(f"{len(rows):,} components at threshold {case.threshold:.3f}{more}")
        plain = [
            {
                key: value + 1 if key == "slice" else value  # as the viewer counts them
                for key, value in row.items()
                if not isinstance(value, list | tuple)
            }
            for row in rows[:MOST_ROWS]
        ]
        st.dataframe(pd.DataFrame(plain), hide_index=True)


def _start_once(job: Work, name: str) -> None:
    """Start what was not begun in this session; what was stopped waits for its button."""
    begun: set[str] = st.session_state.setdefault("begun-work", set())
    if name not in begun:
        begun.add(name)
        job.start()


@st.fragment(run_every=POLL_SECONDS)
def waiting(job: Work, *, noun: str, doing: str) -> None:
    """How far the work is, with a way to stop it; the page runs again when it is done."""
    state = job.watch()
    if state == DONE:
        st.rerun()
    if state == FAILED:
        st.error(as_text(job.problem), icon=":material/error:")
    share = job.done / max(1, job.total)
    left = f", {duration(job.seconds_left)} left" if job.done and state == RUNNING else ""
    count = f"{noun} {min(job.done + 1, job.total)} of {job.total}"
    if state == RUNNING:
        st.progress(share, text=f"{doing}: {count}{left}")
        st.button("Stop", key=f"stop-{id(job)}", on_click=job.stop)
        return
    st.progress(share, text=f"Stopped after {job.done} of {job.total}")
    words = "Resume" if job.done else "Try again"
    st.button(words, key=f"start-{id(job)}", type="primary", on_click=job.start)
