"""How a data set is shown: facts, findings, gallery, augmentation, split, and how to get one."""

import json
import re
from typing import Any

import pandas as pd
import streamlit as st

from core.config import AugmentationConfig
from core.data import Dataset, Sample, info_of
from core.data.splits import SUBSETS, leaks, make_split
from dashboard.common import cache, charts, phone, widgets
from dashboard.common.foreign_text import as_text
from dashboard.common.sources import available
from dashboard.datasets.augmentation import augmented_images
from dashboard.menu import page

PER_PAGE, TILE = 24, 165
AMOUNTS = {
    "rotation_degrees": ("Rotation, degrees", 180.0),
    "shift": ("Shift, share of the side", 0.5),
    "zoom": ("Zoom", 0.5),
    "shear_degrees": ("Shear, degrees", 40.0),
    "elastic_px": ("Elastic, px", 30.0),
    "contrast": ("Contrast", 0.5),
    "brightness": ("Brightness", 0.5),
    "gamma": ("Gamma", 1.0),
    "blur_px": ("Blur, px", 4.0),
    "noise": ("Noise", 0.3),
    "speckle": ("Speckle", 0.5),
    "grey_range": ("Grey range", 0.45),
    "margin": ("Margins", 1.0),
}
"""Amounts of augmentation as the page words them, and their largest."""
SEVERITY_ICON = {
    "error": ":material/error:",
    "warning": ":material/warning:",
    "note": ":material/info:",
}


def picker() -> str:
    """A data set that is on this machine."""
    names = {name: info_of(name).title for name in available()}
    chosen = st.selectbox(
        "Data set",
        list(names),
        format_func=lambda name: names[name],
        key="dataset",
        bind="query-params",
        persist_state="session",
    )
    return chosen or next(iter(names))


def about(name: str) -> None:
    """What it is, under which terms, and how many images."""
    dataset = cache.opened_dataset(name)
    info = dataset.info
    groups = len({sample.group for sample in dataset.samples})
    meant = f"; foreground is {as_text(info.foreground)}" if info.foreground != "foreground" else ""
    if len(info.classes) > 1:
        meant += f" ({', '.join(map(as_text, info.classes))})"
    known = sum(sample.has_truth for sample in dataset.samples)
    truth = f", {known:,} with truth" if known < len(dataset.samples) else ""
    source = f" [Source]({info.homepage})" if info.homepage else ""
    st.markdown(
        f"**{len(dataset.samples):,} images**{truth}, {groups:,} groups\n\n"
        f"{info.modality}{meant}.{source}"
    )
    st.caption(f"Licence: {info.license}")
    if info.citation:
        st.caption(f"Cite: {info.citation}")
    for problem in dataset.problems[:3]:
        where = "" if problem.where == "." else f"{problem.where}: "
        st.caption(f":material/warning: {as_text(where + problem.detail)}")


def checked(name: str) -> dict[str, Any] | None:
    """The check, if it was made; otherwise the button that makes it."""
    if cache.is_checked(name):
        return cache.check(name)
    count = len(cache.opened_dataset(name).samples)
    st.info(
        f"Not checked yet. The check reads all {count:,} images once, finds what is missing, "
        "misaligned, duplicated or out of the ordinary, and is kept.",
        icon=":material/fact_check:",
    )
    if not st.button("Check this data set", type="primary", icon=":material/fact_check:"):
        return None
    bar = st.progress(0.0, text="Reading")
    shown = 0

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if done - shown >= total / 100 or done == total:
            shown = done
            bar.progress(done / total, text=f"Image {done:,} of {total:,}")

    cache.check(name, progress=progress)
    return st.rerun()


def known_check(name: str) -> dict[str, Any] | None:
    """The check if it was made before; opening a page never starts one."""
    return cache.check(name) if cache.is_checked(name) else None


def findings(document: dict[str, Any]) -> None:
    """What is wrong and what to do about it, the gravest first."""
    if decided := document.get("mask_values"):  # checks kept earlier have none
        st.caption(f"Masks, {decided['kind']}: {decided['decided']}. To change it, import again.")
    if not document["findings"]:
        st.success("Nothing wrong was found.", icon=":material/check:")
    for finding in document["findings"]:
        title = f"{_in_words(finding['kind']).capitalize()}: {finding['count']:,}"
        with st.expander(title, icon=SEVERITY_ICON[finding["severity"]]):
            st.markdown(as_text(finding["advice"]))
            st.code("\n".join(map(str, finding["places"])), language=None, height="content")


def balance(document: dict[str, Any]) -> None:
    """Classes, sizes, intensities and mask areas as distributions over the images."""
    rows = [row for row in document["rows"] if row["readable"]]
    area = [
        100 * row["foreground_share"] for row in rows if row.get("foreground_share") is not None
    ]
    figures = [
        charts.class_bars(document["classes"], title="Are the classes even?"),
        charts.histogram(area, title="How large is the foreground?", x="% of the image"),
        charts.histogram(
            [row["mean"] for row in rows], title="How bright are the images?", x="mean value"
        ),
        charts.histogram(
            [max(row["width"], row["height"]) for row in rows],
            title="How large are the images?",
            x="longer side, px",
        ),
    ]
    columns = st.columns(2)
    for n, figure in enumerate(figures):
        with columns[n % 2]:
            widgets.chart(figure, key=f"balance-{n}")
    st.caption(
        f"{document['masks']:,} mask files, {document['instances']:,} objects marked one by one. "
        "Intensities are in the values of the files."
    )


def gallery(name: str, document: dict[str, Any] | None) -> None:
    """Pages of small images with their truth."""
    dataset = cache.opened_dataset(name)
    chosen = _filtered(dataset, document)
    if not chosen:
        st.info("No image fits these filters.")
        return
    pages = -(-len(chosen) // PER_PAGE)
    page = st.pagination(pages, key=f"gallery-page-{name}") if pages > 1 else 1
    st.caption(
        f"{len(chosen):,} of {len(dataset.samples):,} images; the truth is outlined where it is "
        "known."
    )
    shown = chosen[(int(page) - 1) * PER_PAGE : int(page) * PER_PAGE]
    with st.container(horizontal=True, gap="small"):
        for sample in shown:
            with st.container(width=TILE, gap="xsmall"):
                st.image(cache.thumbnail(name, sample.id, overlay=True), width=TILE)
                st.caption(as_text(_caption(sample)))


def _filtered(dataset: Dataset, document: dict[str, Any] | None) -> list[Sample]:
    samples = list(dataset.samples)
    rows = {row["id"]: row for row in document["rows"]} if document else {}
    with st.container(horizontal=True):
        for key in ("label", "split"):
            values = sorted({getattr(sample, key) for sample in samples} - {""})
            if len(values) > 1:
                wanted = st.selectbox(key.capitalize(), ["all", *values], key=f"gallery-{key}")
                samples = [s for s in samples if wanted in {"all", getattr(s, key)}]
        if not document:
            return samples
        low, high = st.slider("Foreground, % of the image", 0, 100, (0, 100))
        if (low, high) != (0, 100):
            share = {i: 100 * (row.get("foreground_share") or 0) for i, row in rows.items()}
            samples = [s for s in samples if low <= share.get(s.id, 0) <= high]
        places = {finding["kind"]: finding["places"] for finding in document["findings"]}
        wanted = st.selectbox(
            "Finding", ["all", *places], key="gallery-finding", format_func=_in_words
        )
    if wanted != "all":
        text = "\n".join(map(str, places[wanted]))
        named = {s.id: re.compile(rf"(?<![\w-]){re.escape(s.id)}(?![\w-])") for s in samples}
        samples = [s for s in samples if named[s.id].search(text)]  # section-1 is not section-10
    return samples


def _in_words(kind: str) -> str:
    return kind.replace("_", " ")


def _caption(sample: Sample) -> str:
    name = sample.id if len(sample.id) <= 16 else f"{sample.id[:12]}…"
    return " · ".join(word for word in (name, sample.label, sample.split) if word)


def augmentation(name: str) -> None:
    """The same image many times, as training would see it."""
    dataset = cache.opened_dataset(name)
    samples = [sample.id for sample in dataset.samples if sample.has_truth]
    left, right = st.columns([2, 3], gap="medium")
    with left:
        sample_id = st.selectbox("Image", samples[:500], key="augmentation-image")
        typical = AugmentationConfig(**dataset.info.augmentation)
        with phone.pairs("sliders"):
            columns = st.columns(2)  # so that no slider is a screen away from the images
        settings = {
            field: columns[n % 2].slider(
                label, 0.0, top, float(getattr(typical, field)), key=f"{name}-{field}"
            )
            for n, (field, (label, top)) in enumerate(AMOUNTS.items())
        }
        flips = st.toggle("Mirror", value=typical.flips)
        upside_down = st.toggle(
            "Upside down, too", value=typical.upside_down, disabled=not flips, key="upside-down"
        )
    with right:
        sample = next(s for s in dataset.samples if s.id == sample_id)
        chosen = {**settings, "flips": flips, "upside_down": upside_down}
        images = augmented_images(dataset, sample, chosen)
        with phone.pairs("augmented"):
            places = st.columns(3)
        for n, example in enumerate(images):
            places[n % 3].image(example, width="stretch")
        st.caption("Image and truth go through one sampling grid, so they cannot disagree.")
        changed = [
            f"augmentation.{field}={json.dumps(value)}"
            for field, value in chosen.items()
            if value != getattr(typical, field)
        ]
        if st.button("Train with these", icon=":material/model_training:"):
            asked = {"data": name, "set": ";".join(changed)}
            st.switch_page(page("train"), query_params=asked)


def split_editor(name: str) -> None:
    """Try a split and see whether anything leaks."""
    dataset = cache.opened_dataset(name)
    left, right = st.columns([1, 2])
    with left:
        folds = st.select_slider("Folds", [0, 3, 4, 5, 10], 0, help="0 is a single split.")
        fold = st.number_input("Fold that evaluates", 0, folds - 1, 0) if folds else 0
        given = {s.split for s in dataset.samples if s.has_truth}
        whole = not folds and given <= set(SUBSETS)
        tested = bool(folds) or whole or "test" in given
        val = st.slider("Validation, %", 5, 40, 15, disabled=bool(folds) or whole)
        test = st.slider("Test, %", 5, 40, 15, disabled=tested)
        seed = int(st.number_input("Seed", 0, 10**6, 0, disabled=whole))
        if whole:
            st.caption("The data set comes with its parts; only folds deal them anew.")
    clusters = cache.clusters(name)
    with right, widgets.one_clear_error():
        split = make_split(
            dataset.samples,
            seed=seed,
            fractions=(val / 100, test / 100),
            clusters=clusters,
            folds=folds,
            fold=int(fold),
        )
        labels = {sample.id: sample.label or "all" for sample in dataset.samples}
        counts = {
            part: pd.Series([labels[i] for i in getattr(split, part)]).value_counts()
            for part in SUBSETS
        }
        st.dataframe(pd.DataFrame(counts).fillna(0).astype(int))
        found = leaks(dataset.samples, split, clusters)
        near = len(set(clusters.values()))
        if found:
            st.error("It leaks: " + as_text("; ".join(found[:5])), icon=":material/warning:")
        else:
            st.success(
                f"Nothing leaks: no group and none of {near} near-duplicate clusters is on two "
                "sides.",
                icon=":material/check:",
            )
        st.caption(f"{split.method}. SHA-256 {split.hash}")
