"""The metadata log and the description of the folders that a paper's methods section asks for.

``write_log`` puts three files into a folder: ``metadata.json`` (everything, a row per image),
``metadata.md`` (the same for reading, without the rows) and ``structure.md`` (which files there are
and where).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.data.archive import open_archive
from core.data.base import Dataset
from core.data.quality.check import Check
from core.data.splits import SUBSETS, Split
from core.system.files import write_atomic, write_json

_HASH = re.compile(r"(?=[0-9a-f]*\d)[0-9a-f]{16,}", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Pattern:
    """Files whose paths differ only in numbers and hashes."""

    path: str
    """``stage1_train/<hash>/images/<hash>.png``; ``#`` stands for a number."""
    files: int
    size_bytes: int
    example: str


def write_log(check: Check, folder: Path | str, *, split: Split | None = None) -> list[Path]:
    """Write the log; each file whole or not at all.

    Args:
        check: The checked data set.
        folder: Made if it is missing.
        split: Its counts are listed where given.

    Returns:
        The three files.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    document = log(check, split=split)
    paths = [folder / name for name in ("metadata.json", "metadata.md", "structure.md")]
    write_json(paths[0], document)
    write_atomic(paths[1], metadata_text(document).encode())
    write_atomic(paths[2], structure_text(check.dataset).encode())
    return paths


def log(check: Check, *, split: Split | None = None) -> dict[str, Any]:
    """The whole log as one JSON document."""
    info = check.dataset.info
    document: dict[str, Any] = {
        "title": info.title,
        "date": datetime.now(UTC).date().isoformat(),
        "fingerprint": check.dataset.fingerprint(),
        "modality": info.modality,
        "foreground": info.foreground,
        "license": info.license,
        "citation": info.citation,
        "homepage": info.homepage,
        **check.document(),
    }
    if split is not None:
        document["split"] = {part: len(getattr(split, part)) for part in SUBSETS}
        document["split"] |= {"hash": split.hash, "method": split.method}
    return document | {"rows": check.rows()}


def metadata_text(document: Mapping[str, Any]) -> str:
    """The log as Markdown."""
    lines = [f"# {document['title']}: metadata", ""]
    facts = {
        "Date of the check": document["date"],
        "SHA-256 of the content": f"`{document['fingerprint']}`",
        "Modality": document["modality"],
        "Foreground": document["foreground"],
        "Licence": document["license"],
        "Citation": document["citation"],
        "Homepage": document["homepage"],
        "Images": f"{document['images']}, of which {document['unlabelled']} have no reference",
        "Groups (patients, where known)": document["groups"],
        "Mask files": document["masks"],
        "Objects marked one by one": document["instances"],
        "Images without foreground": document["without_foreground"],
        "Classes": _counts(document["classes"]),
        "Published split": _counts(document["splits"]),
        "Value types": _counts(document["dtypes"]),
        "Channels": _counts(document["channels"]),
    }
    if "split" in document:
        parts = {part: document["split"][part] for part in SUBSETS}
        facts["Split"] = f"{_counts(parts)}; {document['split']['method']}"
        facts["SHA-256 of the split"] = f"`{document['split']['hash']}`"
    lines += _table(("", ""), [(name, value) for name, value in facts.items() if value != ""])
    sizes = [(f"{size['width']}x{size['height']}", size["images"]) for size in document["sizes"]]
    more = [(f"{len(sizes) - 20} other sizes", sum(n for _, n in sizes[20:]))] * (len(sizes) > 20)
    lines += ["", "## Sizes", "", *_table(("Width x height, px", "Images"), sizes[:20] + more)]
    lines += ["", "## Distributions", ""]
    names = ("foreground_share", "masks_per_image")
    quantiles = [(name.replace("_", " "), *document[name].values()) for name in names
                 if document[name]]  # fmt: skip
    lines += _table(("Per image", "least", "25 %", "median", "75 %", "greatest"), quantiles)
    if grey := document["grey"]:
        shown = ", ".join(f"{name} {value:g}" for name, value in grey.items())
        lines += ["", f"Grey values in the files, over all pixels: {shown}."]
    lines += ["", "## Findings", ""]
    lines += [
        f"- **{finding['kind']}** ({finding['severity']}, {finding['count']}): {finding['advice']} "
        f"For example: {'; '.join(finding['examples'][:3])}."
        for finding in document["findings"]
    ] or ["None."]
    return "\n".join([*lines, "", "For research use only; not a medical device.", ""])


def structure_text(dataset: Dataset) -> str:
    """The directory tree, one line for all files that differ only in numbers, as Markdown."""
    lines = [f"# {dataset.info.title}: files", "", f"Expected: {dataset.info.layout}.", ""]
    if dataset.path is None:
        return "\n".join([*lines, "The images are drawn; there are no files.", ""])
    found = patterns(dataset.path)
    total = sum(one.size_bytes for one in found)
    files = sum(one.files for one in found)
    lines.append(f"`{dataset.path.name}`: {files:,} files, {_bytes(total)}.")
    lines += ["`#` is a number, `<hash>` a long hexadecimal name.", "", "```"]
    open_folders: list[str] = []
    for one in found:
        *folders, name = one.path.split("/")
        shared = 0
        while shared < min(len(folders), len(open_folders)) and (
            folders[shared] == open_folders[shared]
        ):
            shared += 1
        for depth in range(shared, len(folders)):
            lines.append(f"{'  ' * depth}{folders[depth]}/")
        open_folders = folders
        example = "" if one.example == one.path else f", e.g. {one.example.rpartition('/')[2]}"
        lines.append(
            f"{'  ' * len(folders)}{name}  {one.files:,} x, {_bytes(one.size_bytes)}{example}"
        )
    return "\n".join([*lines, "```", ""])


def patterns(path: Path) -> list[Pattern]:
    """Files of a folder or zip by pattern of their path, sorted.

    Raises:
        InputError: As ``open_archive``.
    """
    sizes = open_archive(path).sizes if path.is_dir() or path.suffix.lower() == ".zip" else {
        path.name: path.stat().st_size
    }  # fmt: skip
    members: dict[str, list[str]] = {}
    for name in sizes:
        members.setdefault("/".join(_general(part) for part in name.split("/")), []).append(name)
    found = [
        Pattern(_common(pattern, names), len(names), sum(sizes[name] for name in names), min(names))
        for pattern, names in members.items()
    ]
    return sorted(found, key=lambda one: one.path.split("/"))


def _common(pattern: str, names: list[str]) -> str:
    """The pattern, with the parts that are the same in all names as they are."""
    columns = zip(*(name.split("/") for name in names), strict=True)
    parts = zip(pattern.split("/"), columns, strict=True)
    return "/".join(column[0] if len(set(column)) == 1 else part for part, column in parts)


def _general(part: str) -> str:
    return _NUMBER.sub("#", part) if not _HASH.search(part) else _HASH.sub("<hash>", part)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    cells = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in cells]
