"""The report as Markdown: ``docs/papers.md`` and what ``papers report`` writes."""

from collections.abc import Sequence
from typing import Any

from core.papers import PAPERS
from core.papers.averaging import AVERAGINGS
from core.training.progress import duration

Document = dict[str, Any]
HEAD = """# The five papers, reproduced

Made on {generated} by `python -m core papers report`; do not edit manually.
**Research use only. Not a medical device.**

*Paper* is the metric as printed. *Ours, the paper's way* is the same metric by the same convention:
at the size of training, threshold 0.5, on the part the paper names, mean over our runs with the
lowest and highest. *Ours, properly* is at the file's own resolution, at a threshold chosen on
validation, on a test split that chose nothing, with a 95 % interval. A line without runs has not
been trained where this report was made; the command beside it does that.
"""


def as_markdown(document: Document) -> str:
    """The whole report.

    Args:
        document: From ``core.papers.report.report``.
    """
    rows: list[Document] = document["presets"]
    parts = [HEAD.format(generated=document["generated"])]
    for key, paper in PAPERS.items():
        own = [row for row in rows if row["paper"] == key]
        parts.append(f"## {paper.title}\n")
        if paper.authors:
            parts.append(f"{paper.authors}.\n")
        parts.append(f"{paper.question} {paper.data} {paper.method}\n")
        if paper.finding:
            parts.append(f"What it found: {paper.finding}\n")
        parts += [_printed_table(own), _proper_table(own), *_notes(own)]
        if paper.caveats:
            parts.append("Caveats:\n")
            parts += [f"- {caveat}" for caveat in paper.caveats]
            parts.append("")
        if key == "brats2020":
            parts.append(_averaging(document["averaging"]))
        parts.append(_choices(own))
    parts.append("## What we would use\n")
    parts.append(_best_table([row for row in rows if not row["paper"]]))
    return "\n".join(parts).rstrip() + "\n"


def _printed_table(rows: list[Document]) -> str:
    lines = []
    for row in rows:
        for metric in row["printed"]:
            if metric["printed"] is None and metric["ours"] is None:
                continue
            lines.append(
                (
                    f"`{row['name']}`",
                    metric["called"],
                    metric["title"],
                    metric["split"],
                    number(metric["printed"]),
                    ours_in_words(metric),
                )
            )
    head = ("preset", "in the paper", "convention", "part", "paper", "ours, the paper's way")
    return table(head, lines) if lines else ""


def _proper_table(rows: list[Document]) -> str:
    lines = []
    for row in rows:
        found = row["proper"]
        lines.append(
            (
                f"`{row['name']}`",
                proper_in_words(found, "dice"),
                proper_in_words(found, "iou"),
                _tested(row),
                _repeated(row),
                f"{duration(row['seconds'])}; {'; '.join(row['hardware'])}" if found else "–",
            )
        )
    head = ("preset", "test Dice, ours, properly", "test IoU", "data", "runs", "time, hardware")
    return table(head, lines)


def _notes(rows: list[Document]) -> list[str]:
    lines = []
    for row in rows:
        if row["left_out"]:
            listed = "; ".join(f"{one['run']} ({one['why']})" for one in row["left_out"])
            lines.append(f"- `{row['name']}`: left out: {listed}.")
        search = row["search"]
        if search:
            tried = len([one for one in search["tried"] if one["val_dice"] is not None])
            best = search["best"]
            found = (
                ", ".join(f"{key} {best[key]:g}" for key in search["values"])
                + f" (validation Dice {best['val_dice']:.3f})"
                if best
                else f"{tried} of {search['combinations']} combinations tried"
            )
            lines.append(f"- `{row['name']}`: search over {', '.join(search['values'])}: {found}.")
    return [*lines, ""] if lines else []


def _choices(rows: list[Document]) -> str:
    """What the paper leaves open, once for presets that say the same."""
    said: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for topic, choice in row["chosen"].items():
            said.setdefault((topic, choice), []).append(row["name"])
        for sentence in row["differs"]:
            said.setdefault(("differs", sentence), []).append(row["name"])
    lines = ["<details><summary>Not stated there, and what we chose</summary>\n"]
    for (topic, choice), names in said.items():
        where = "" if len(names) == len(rows) else f" ({', '.join(f'`{n}`' for n in names)})"
        lines.append(f"- {topic}: {choice}{where}")
    return "\n".join([*lines, "\n</details>\n"])


def _averaging(section: Document) -> str:
    pairs = section["pairs"]
    if not pairs:
        return ""
    lines = [
        "### Why its IoU is above its Dice\n",
        (
            "Of one class on one confusion matrix Dice = 2 IoU / (1 + IoU), never below IoU. A "
            "drawn confusion matrix of a million pixels (`core/papers/averaging.py`) gives, by "
            "averaging:\n"
        ),
        table(
            ("averaging", "IoU", "Dice"),
            [
                (f"{averaging}: {AVERAGINGS[averaging]}", number(pair[0]), number(pair[1]))
                for averaging, pair in section["pencil"].items()
            ],
        ),
        table(
            ("part", "printed IoU, Dice", "such a pair, drawn", "IoU", "Dice"),
            [
                (
                    pair["split"],
                    f"{pair['printed']['iou']:.3f}, {pair['printed']['dice']:.3f}",
                    f"{pair['ours']['iou']:.3f}, {pair['ours']['dice']:.3f}",
                    pair["iou_way"],
                    pair["dice_way"],
                )
                for pair in pairs
            ],
        ),
    ]
    for name, found in section["runs"].items():
        listed = "; ".join(
            f"{averaging} {iou:.3f}, {dice:.3f}" for averaging, (iou, dice) in found.items()
        )
        lines.append(f"- `{name}`, test, IoU and Dice: {listed}.")
    return "\n".join([*lines, ""])


def _best_table(rows: list[Document]) -> str:
    lines = []
    for row in rows:
        shipped, found = row["shipped"], row["proper"]
        dice = "not trained yet"
        if shipped:
            low, high = shipped["dice"]["mean"]["ci95"] or (None, None)
            dice = (
                f"{number(shipped['dice']['pooled'])} pooled; over images "
                f"{number(shipped['dice']['mean']['mean'])} ({number(low)}–{number(high)}), "
                f"n = {shipped['n_images']}"
            )
        elif found:
            dice = proper_in_words(found, "dice")
        model = f"[`{shipped['model']}`](../weights/{shipped['model']}/card.md)" if shipped else "–"
        lines.append((f"`{row['name']}`", model, dice, row["reason"]))
    return table(("preset", "shipped model", "test Dice", "why"), lines)


def ours_in_words(metric: Document) -> str:
    """Mean over runs, lowest and highest, n; or that there is none."""
    if metric["ours"] is None:
        return "–"
    spread = (
        f" ({number(metric['lowest'])}–{number(metric['highest'])})" if metric["runs"] > 1 else ""
    )
    runs = f"{metric['runs']} run{'s' if metric['runs'] > 1 else ''}"
    return f"{number(metric['ours'])}{spread}, {runs}, n = {metric['n_images']}"


def proper_in_words(found: Document | None, metric: str) -> str:
    """``0.912 (0.897–0.925), n = 6``, pooled, with its interval."""
    if found is None or found[metric]["pooled"] is None:
        return "–"
    low, high = found[metric]["ci95"] or (None, None)
    band = f" ({number(low)}–{number(high)})" if low is not None else ""
    return f"{number(found[metric]['pooled'])}{band}, n = {found['n_images']}"


def _tested(row: Document) -> str:
    data = row["data"]
    if data["ours"] is None:
        return f"`python -m core papers run {row['name']} --data PATH`"
    counts = ", ".join(f"{part} {count}" for part, count in data["parts"].items())
    amount = (
        f"{data['ours']} of {data['paper']} {data['unit']}"
        if data["paper"]
        else (f"{data['ours']} {data['unit']}")
    )
    partial = ", **partial**" if data["partial"] else ""
    other = f", **{data['dataset']} in place of {row['dataset']}**" if data["substitute"] else ""
    hashes = (row["proper"] or {}).get("split_hashes", [])
    split = f"; split {', '.join(one[:8] for one in hashes)}" if hashes else ""
    shared = "; validation and test are of one patient" if data["shared"] else ""
    return f"{amount}{partial}{other}; {counts}{split}{shared}"


def _repeated(row: Document) -> str:
    if not row["runs"]:
        return "–"
    epochs = row["epochs"]
    words = f"{len(row['seeds'])} seed{'s' if len(row['seeds']) > 1 else ''}"
    if row["folds"]:
        words += f", {row['folds']} folds"
    if row["same_runs_as"]:
        words += f", the runs of {', '.join(f'`{name}`' for name in row['same_runs_as'])}"
    if failed := sum(one["why"].startswith("failed") for one in row["left_out"]):
        words += f", **{failed} failed**"
    if epochs["ours"] != epochs["preset"]:
        return f"{words}, **{epochs['ours']} of {epochs['preset']} epochs**"
    return f"{words}, {epochs['ours']} epochs at most"


def number(value: float | None) -> str:
    """Three decimals; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}" if abs(value) >= 0.02 else f"{value:.4f}"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"
