"""Data sets: listed, checked and shown small, each once."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.data import Dataset, open_dataset
from core.data.quality.check import check_dataset
from core.data.quality.duplicates import duplicate_groups
from core.system.files import read_json, write_json
from core.system.home import home
from dashboard.common.sources import dataset_path
from dashboard.common.thumbnails import thumbnail_png


def opened_dataset(name: str) -> Dataset:
    """A data set that is on this machine, listed once.

    Raises:
        InputError: It is not here, or not what it should be.
    """
    return dataset_listed(name, dataset_path(name))


def dataset_listed(name: str, path: Path | None) -> Dataset:
    """A data set where it lies, listed once.

    Raises:
        InputError: It is not what it should be.
    """
    stamp = _stamp(path)
    return _opened_dataset(name, str(path) if path else "", stamp)


def _stamp(path: Path | None) -> float:
    """A number that changes with the name, size or time of any file below ``path``."""
    if path is None or not path.exists():
        return 0.0
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
    facts = [(str(file), (at := file.stat()).st_size, at.st_mtime_ns) for file in files]
    digest = hashlib.sha256(repr(facts).encode()).digest()
    return float(int.from_bytes(digest[:6], "big"))


@st.cache_resource(max_entries=4, show_spinner=False)
def _opened_dataset(name: str, path: str, stamp: float) -> Dataset:
    del stamp  # part of the key only
    return open_dataset(name, Path(path) if path else None)


def dataset_at(name: str, path: Path | None) -> tuple[Dataset, str]:
    """A data set where it lies, listed once, and the SHA-256 of its content.

    Raises:
        InputError: It is not what it should be.
    """
    place = (name, str(path) if path else "", _stamp(path))
    return _opened_dataset(*place), fingerprint(*place)


@st.cache_data(max_entries=16, show_spinner=False)
def fingerprint(name: str, path: str, stamp: float) -> str:
    """SHA-256 of a data set's content."""
    return _opened_dataset(name, path, stamp).fingerprint()


def check(name: str, *, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """What is in a data set and what is wrong with it; made once and kept on disk.

    Returns:
        The check's document with ``rows``, one per image, ``clusters``, and in each finding the
        first thousand ``places``.
    """
    file = _check_file(name)
    if not file.exists():
        found = check_dataset(opened_dataset(name), progress=progress)
        file.parent.mkdir(parents=True, exist_ok=True)
        findings = [{**f.document(), "places": list(f.places)[:1000]} for f in found.findings]
        write_json(
            file,
            {
                **found.document(),
                "findings": findings,
                "rows": found.rows(),
                "clusters": found.clusters,
            },
        )
    document: dict[str, Any] = _read_check(str(file), file.stat().st_mtime)
    return document


def clusters(name: str) -> dict[str, str]:
    """Near-duplicate cluster of each sample that has one."""
    return _clusters(name, str(_check_file(name)))


@st.cache_data(max_entries=8, show_spinner="Looking for near-duplicates")
def _clusters(name: str, content: str) -> dict[str, str]:
    del content
    return duplicate_groups(opened_dataset(name))


def is_checked(name: str) -> bool:
    """Whether ``check`` answers at once."""
    return _check_file(name).exists()


def _check_file(name: str) -> Path:
    path = dataset_path(name)
    stamp = _stamp(path)
    content = fingerprint(name, str(path) if path else "", stamp)
    return home() / "checks" / f"{name}-{content[:20]}.json"


@st.cache_data(max_entries=8, show_spinner=False)
def _read_check(file: str, stamp: float) -> Any:  # noqa: ANN401 - JSON is any of six types
    del stamp
    return read_json(Path(file))


@st.cache_data(max_entries=2000, show_spinner=False)
def thumbnail(name: str, sample_id: str, *, overlay: bool) -> bytes:
    """A small PNG of a sample, its truth drawn in."""
    dataset = opened_dataset(name)
    sample = next(s for s in dataset.samples if s.id == sample_id)
    return thumbnail_png(dataset, sample, overlay=overlay)
