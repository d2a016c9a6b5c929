"""How a paper is shown: its card, and its scores beside ours."""

from typing import Any

import pandas as pd
import streamlit as st

from core.papers import PAPERS, Paper
from core.papers.averaging import AVERAGINGS
from core.papers.cached import with_cached
from core.papers.presets import Preset, load_presets
from core.papers.report import averaging_section, preset_row, title_of
from core.papers.reproduction import runs_of
from core.papers.text import number, ours_in_words, proper_in_words
from core.training.progress import duration
from dashboard.common import widgets
from dashboard.papers import charts as papers_charts
from dashboard.papers.network_drawing import drawing

LOOKS = ("Overview", "Images", "Curves", "Reproduce")
INK = {"light": "#1B2227", "dark": "#E6E9EC"}
"""Colour of the text, as the theme has it."""
NATIVE = {"isbi2012": 512}
"""Side of the images that keep their size, for the drawing."""
SHORT = {
    "busi": "Breast ultrasound (BUSI)",
    "dsb2018": "Nuclei (DSB 2018)",
    "brats2020": "Brain MRI (BraTS 2020)",
    "ten_experiments": "Ten experiments (ISBI, lung CT)",
    "breast_custom": "Breast, custom U-Net",
}


def picker() -> str:
    """The chosen paper; at first one for which there is something to see."""
    if (asked := st.query_params.get("paper", "")) in PAPERS:  # a link by the key
        st.session_state["paper"] = asked
        del st.query_params["paper"]
    chosen = st.selectbox(
        "Paper",
        list(PAPERS),
        index=_first(),
        format_func=lambda key: SHORT[key],
        key="paper",
        bind="query-params",
        persist_state="session",
    )
    return chosen or next(iter(PAPERS))


def _first() -> int:
    """Place of the first paper with a shipped model, or a run."""
    shown = {preset.paper for preset in load_presets() if preset.paper and runs_of(preset)}
    datasets = {preset.config.dataset for preset in load_presets() if preset.weights}
    for place, (key, paper) in enumerate(PAPERS.items()):
        if key in shown or datasets & set(paper.datasets):
            return place
    return 0


def presets_of(paper: str) -> tuple[list[Preset], list[Preset]]:
    """Presets of a paper, and ours for its data sets."""
    everything = load_presets()
    own = [preset for preset in everything if preset.paper == paper]
    datasets = PAPERS[paper].datasets
    ours = [p for p in everything if not p.paper and p.config.dataset in datasets]
    return own, ours


def about(paper: Paper) -> None:
    """Who wrote it and what it is about, for the rail."""
    st.markdown(f"**{paper.title}**")
    if paper.authors:
        st.caption(paper.authors)
    st.caption(paper.data)
    with st.expander("What it names as its field"):
        st.caption(paper.field or "Nothing beyond the U-Net.")


def overview(paper: Paper, own: list[Preset], ours: list[Preset]) -> None:
    """The question, the method as a drawing, the scores side by side, what to look at."""
    st.markdown(f"#### {paper.question}")
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        first = own[0].config
        light = st.context.theme.type == "light"  # an image takes no colour from its page
        ink = INK["light" if light else "dark"]
        st.image(drawing(first, ink=ink, native=NATIVE.get(first.dataset)), width="stretch")
        st.caption(" → ".join(paper.steps))
    with right:
        st.markdown(paper.method)
        st.markdown("**What to look at**\n" + "\n".join(f"- {words}" for words in paper.look_at))
        if paper.finding:
            st.markdown(f"**What it found.** {paper.finding}")
    rows = with_cached([preset_row(preset) for preset in own])
    _figures(rows)
    _ours(rows, [preset_row(preset) for preset in ours])
    for caveat in paper.caveats:
        st.caption(f":material/help: {caveat}")
    if any(preset.config.target == "classes" for preset in own):
        _averaging(own)


def _figures(rows: list[dict[str, Any]]) -> None:
    """The printed values beside ours by the same convention."""
    figures = [
        {**figure, "preset": row["name"]}
        for row in rows
        for figure in row["printed"]
        if figure["printed"] is not None or figure["ours"] is not None
    ]
    if not figures:
        st.info(
            "The paper prints no metric. Ours appear here once a reproduction is finished: choose "
            "*Reproduce* above.",
            icon=":material/table_chart:",
        )
        return
    st.markdown("##### The paper's scores, and ours by the same convention")
    frame = pd.DataFrame(
        {
            "Experiment": [figure["preset"] for figure in figures],
            "Metric": [figure["called"] for figure in figures],
            "Split": [figure["split"] for figure in figures],
            "Paper": [_printed(figure["printed"]) for figure in figures],
            "Ours": [ours_in_words(figure) for figure in figures],
            "Convention": [figure["title"] for figure in figures],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=min(420, 38 + 35 * len(frame)),
        column_config={
            "Paper": st.column_config.TextColumn(help="As printed; a dash: not printed."),
            "Ours": st.column_config.TextColumn(
                help="Mean over our runs (lowest–highest), runs, images n. A dash: not run here."
            ),
        },
    )
    conventions = {figure["title"]: figure["how"] for figure in figures}
    st.caption("  \n".join(f"**{title}**: {how}." for title, how in conventions.items()))
    shown = [
        {**figure, "label": f"{figure['preset']}, {figure['called']} ({figure['split']})"}
        for figure in figures
        if figure["ours"] is not None and figure["printed"] is not None
    ]
    if shown:
        widgets.chart(papers_charts.side_by_side(shown), key="side-by-side")
    else:
        st.caption("Not reproduced on this machine yet: choose *Reproduce* above.")
    _where_from(rows)


def _printed(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _where_from(rows: list[dict[str, Any]]) -> None:
    """Says which scores are of this machine and which came along."""
    came = [row for row in rows if row["made"]]
    if came:
        names = ", ".join(row["name"] for row in came)
        hardware = "; ".join(sorted({one for row in came for one in row["hardware"]}))
        st.caption(
            f":material/inventory_2: Ours of {names} came with the program, made on "
            f"{came[0]['made']} ({hardware}). *Reproduce* puts those of your data in their place."
        )


def _ours(rows: list[dict[str, Any]], best: list[dict[str, Any]]) -> None:
    """Proper scores: of the reproductions, and of what we would use."""
    lines = [_reproduced(row) for row in rows if row["proper"]]
    lines += [_shipped(row) for row in best if row["shipped"]]
    if not lines:
        return
    st.markdown(
        "##### Properly: native resolution, threshold from validation, untouched test split"
    )
    known = [key for key in lines[0] if any(line[key] != "–" for line in lines)]
    st.dataframe(pd.DataFrame(lines)[known], hide_index=True)
    st.caption(
        "Pooled over all pixels; in brackets, where one is known, the 95 % bootstrap interval over "
        "images (patients where one has several); n images. Counts are added over seeds and folds."
    )
    for row in best:
        if row["shipped"]:
            st.caption(f"Why {row['shipped']['model']} is what we would use: {row['reason']}")


def _reproduced(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Model": row["name"],
        "Dice, test": proper_in_words(row["proper"], "dice"),
        "IoU, test": proper_in_words(row["proper"], "iou"),
        "Data": _amount(row),
        "Runs": _runs_in_words(row),
        "Time": duration(row["seconds"]),
        "Hardware": "; ".join(row["hardware"]),
    }


def _shipped(row: dict[str, Any]) -> dict[str, str]:
    shipped = row["shipped"]
    parts = ", ".join(f"{part} {count}" for part, count in shipped["parts"].items())
    return {
        "Model": f"{shipped['model']} (shipped, ours)",
        "Dice, test": _pooled(shipped, "dice"),
        "IoU, test": _pooled(shipped, "iou"),
        "Data": f"{title_of(row['dataset'])}: {parts}",
        "Runs": "1 seed",
        "Time": "–",
        "Hardware": "–",
    }


def _pooled(shipped: dict[str, Any], figure: str) -> str:
    document = {figure: shipped[figure], "n_images": shipped["n_images"]}
    return proper_in_words(document, figure)


def _amount(row: dict[str, Any]) -> str:
    data = row["data"]
    words = f"{data['ours']} {data['unit']}"
    if data["paper"]:
        words = f"{data['ours']} of {data['paper']} {data['unit']}"
    if data["substitute"]:
        return f"{words}, {title_of(data['dataset'])} in place of {title_of(row['dataset'])}"
    words += ", validation and test of one patient" * bool(data.get("shared"))
    return f"{words}, partial" if data["partial"] else words


def _runs_in_words(row: dict[str, Any]) -> str:
    epochs, seeds = row["epochs"], len(row["seeds"])
    words = f"{seeds} seed{'s' * (seeds != 1)}"
    if row["folds"]:
        words += f" × {row['folds']} folds"
    if epochs["ours"] != epochs["preset"]:
        words += f", {epochs['ours']} of {epochs['preset']} epochs"
    return words


def _averaging(own: list[Preset]) -> None:
    """Why a printed mean IoU can stand above a Dice."""
    section = averaging_section(own)
    with st.expander("Why its IoU is above its Dice", icon=":material/calculate:"):
        st.markdown(
            "Of one class on one confusion matrix Dice = 2 IoU / (1 + IoU), never below IoU. On a "
            "drawn brain of a million pixels the typical averagings give:"
        )
        listed = {"drawn": section["pencil"], **section["runs"]}
        for name, found in listed.items():
            if name != "drawn":
                st.caption(f"Our run {name}, test split:")
            st.dataframe(
                pd.DataFrame(
                    [
                        {
                            "Averaging": f"{averaging}: {AVERAGINGS[averaging]}",
                            "IoU": pair[0],
                            "Dice": pair[1],
                        }
                        for averaging, pair in found.items()
                    ]
                ),
                hide_index=True,
                column_config={
                    key: st.column_config.NumberColumn(format="%.3f") for key in ("IoU", "Dice")
                },
            )
        for pair in section["pairs"]:
            printed, ours = pair["printed"], pair["ours"]
            st.caption(
                f"{pair['split']}: printed {number(printed['iou'])} and {number(printed['dice'])}; "
                f"drawn {number(ours['iou'])} and {number(ours['dice'])}, IoU by "
                f"*{pair['iou_way'].partition(':')[0]}*, Dice by "
                f"*{pair['dice_way'].partition(':')[0]}*."
            )
