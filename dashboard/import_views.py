"""Bringing a data set here: upload, a path of the server, or from where it is published."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core.data import DATASETS
from core.data.download import download_dataset
from core.data.importing import import_dataset
from core.files import atomic_path
from core.home import home
from dashboard import widgets
from dashboard.sources import allowed_path, allowed_root, dataset_path, is_drawn


def importer() -> None:
    """Bring a data set here: upload, a path of the server, or from where it is published."""
    name = st.selectbox(
        "What is it?",
        [name for name in DATASETS if not is_drawn(name)],
        format_func=lambda name: f"{name}: {DATASETS[name].info.title}",
    )
    info = DATASETS[name].info
    st.caption(f"Expected: {info.layout}")
    upload = st.file_uploader("A zip of the data set", type=["zip"])
    text = st.text_input("or a path on the server", help=f"Under {allowed_root()}.")
    if st.button("Import", disabled=upload is None and not text):
        with widgets.one_clear_error():
            path = _kept_upload(upload.getvalue()) if upload else allowed_path(text)
            facts = import_dataset(name, path)
        st.session_state["imported"] = f"{info.title}: {facts['images']:,} images imported."
        st.rerun()  # the list of data sets stands above and has one more now
    if info.download_url and st.button("Download", icon=":material/download:"):
        bar = st.progress(0.0, text="Downloading")

        def progress(done: int, total: int) -> None:
            share = done / total if total else 0.0
            bar.progress(share, text=f"{done >> 20} of {total >> 20} MB")

        with widgets.one_clear_error():
            facts = download_dataset(name, progress=progress)
        st.session_state["imported"] = f"{info.title}: {facts['images']:,} images downloaded."
        st.rerun()
    if note := st.session_state.pop("imported", None):
        st.success(note, icon=":material/check:")
    st.markdown("**Where to get them**")
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "Data set": kind.info.title,
                    "Here": "yes" if dataset_path(key) else "no",
                    "Where": kind.info.homepage,
                    "Licence": kind.info.license,
                    "Cite": kind.info.citation,
                    "How": kind.info.access or ("downloadable" if kind.info.download_url else ""),
                }
                for key, kind in DATASETS.items()
                if kind.info.homepage
            ]
        ),
        hide_index=True,
        column_config={"Where": st.column_config.LinkColumn()},
    )


def _kept_upload(content: bytes) -> Path:
    folder = home() / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "upload.zip"
    with atomic_path(target) as place:
        place.write_bytes(content)
    return target
