"""Bringing a data set here: upload, a path of the server, or from where it is published."""

from contextlib import nullcontext

import pandas as pd
import streamlit as st

from core.data import DATASETS
from core.data.download import download_dataset
from core.data.file_dataset import AnyImages
from core.data.importing import import_dataset, imports, remove_import, takes_classes
from core.data.masks.classes import parse_classes
from core.data.masks.values import KINDS
from dashboard.common import widgets
from dashboard.common.foreign_text import as_text
from dashboard.common.sources import allowed_path, allowed_root, dataset_path, is_synthetic
from dashboard.datasets.upload import uploaded_zip

KIND_TITLES = {
    "binary": "One structure, every value above 0",
    "graded": "One structure, compressed or smoothed",
    "classes": "Several structures, a value each",
    "instances": "Objects, a number each",
}


def importer() -> None:
    """Bring a data set here: upload, a path of the server, or from where it is published."""
    name = st.selectbox(
        "What is it?",
        [name for name in DATASETS if not is_synthetic(name)],
        format_func=lambda name: f"{name}: {DATASETS[name].info.title}",
    )
    info = DATASETS[name].info
    st.caption(f"Expected: {info.layout}")
    upload = st.file_uploader("A zip of the data set", type=["zip"])
    text = st.text_input("or a path on the server", help=f"Under {allowed_root()}.")
    own = st.text_input(
        "Its name here",
        placeholder="leave empty if it is the only one of its kind",
        help="Letters, digits, _ and -. With names, several data sets of one kind lie side by "
        "side; an import of a name that is here already takes the other's place.",
    ).strip()
    key = f"{name}:{own}" if own else name
    classes = _classes() if takes_classes(name) else ""
    masks = _masks(name)
    if st.button("Import", disabled=upload is None and not text):
        with widgets.one_clear_error():
            named = parse_classes(classes.splitlines())
            with uploaded_zip(upload) if upload else nullcontext(allowed_path(text)) as path:
                facts = import_dataset(key, path, classes=named, masks=masks)
        st.session_state["imported"] = f"{own or info.title}: {facts['images']:,} images imported."
        if facts["masks"]:
            st.session_state["imported"] += f" Masks: {facts['masks']}."
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
        st.success(as_text(note), icon=":material/check:")
    _kept()
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


def _masks(name: str) -> str:
    """What the masks are taken for; empty to decide."""
    if not issubclass(DATASETS[name], AnyImages):
        return ""
    return st.selectbox(
        "What the masks are",
        ["", *KINDS],
        format_func=lambda kind: KIND_TITLES.get(kind, "Decide from all masks"),
        help="Import says what was decided; import again to change it.",
    )


def _classes() -> str:
    """What the values of the masks stand for, a line each."""
    with st.expander("Masks of several classes, or with a bright background"):
        return st.text_area(
            "What the values of the masks are",
            placeholder="disc=128\ncup=0\nbackground=255",
            help="One name=value a line. A value is a number, a colour like #ff0000, or a part of "
            "the mask files' path where each structure has files of its own. Left empty, whatever "
            "is brighter than half is foreground.",
        ).strip()


def _kept() -> None:
    """What was imported, and the way to be rid of it."""
    here = imports()
    if not here:
        return
    st.markdown("**Imported here**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Imported here",
            list(here),
            format_func=lambda name: f"{name}, {here[name]['images']:,} images",
            label_visibility="collapsed",
        )
        with st.popover("Remove", icon=":material/delete:", disabled=chosen is None):
            linked = bool(chosen and here[chosen]["linked"])
            st.write(
                "The files stay where they lie; runs on them can still be examined."
                if linked
                else "The copy is deleted; runs keep their scores, but no image can be shown."
            )
            if st.button("Remove it", type="primary") and chosen:
                with widgets.one_clear_error():
                    remove_import(chosen)
                st.session_state["imported"] = f"{chosen} was removed."
                st.rerun()
