"""The benchmark of accuracy: everybody has the same images, the same time and the same evaluate."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks._accuracy import PEERS, Contest, ours, peer
from benchmarks.accuracy import OURS, _contest, _contestants, _goals, _open, _results
from core.data import open_dataset
from core.metrics.overlap import dice

PEER = "MONAI AttentionUnet"


@pytest.fixture(scope="module")
def contest(tmp_path_factory: pytest.TempPathFactory) -> Contest:
    """Synthetic nuclei at 32 pixels for a tenth of a second."""
    dataset = open_dataset("phantoms_nuclei", None)
    return _contest(dataset, tmp_path_factory.mktemp("contest"), size=32, seconds=0.1)


@pytest.fixture(scope="module")
def found(contest: Contest, _own_workspace: None) -> dict[str, list[dict[str, Any]]]:
    own = replace(contest, job=replace(contest.job, epochs=1))
    return {
        OURS: [ours(own)],
        PEER: [peer(replace(contest, name=PEER))],
    }


def test_the_files_are_the_split(contest: Contest) -> None:
    job = contest.job
    parts = [job.train, job.val, contest.test]
    names = [name for part in parts for name in part]
    assert len(set(names)) == len(names) == len(open_dataset("phantoms_nuclei", None).samples)
    for folder in ("images", "masks"):
        assert {file.name for file in (Path(job.folder) / folder).iterdir()} == set(names)
    assert Contest.of_document(asdict(contest)) == contest


def test_everybody_is_judged_on_the_same_images(
    contest: Contest, found: dict[str, list[dict[str, Any]]]
) -> None:
    own, other = (found[name][0] for name in (OURS, PEER))
    for one in (own, other):
        assert [row["id"] for row in one["evaluation"]["images"]] == contest.test
        assert one["evaluation"]["split_hash"] == contest.split_hash
        assert one["predict_ms"] > 0
    assert own["images_seen"] == len(contest.job.train)
    assert other["fit_seconds"] >= contest.seconds
    assert 0 < other["images_seen"] <= len(contest.job.train) * other["epochs"]


def test_the_rows_are_those_of_the_contestants(found: dict[str, list[dict[str, Any]]]) -> None:
    rows = _contestants(found)
    counts = np.array([row["counts"] for row in found[PEER][0]["evaluation"]["images"]])
    pooled = float(dice(*counts.sum(axis=0)[:, None])[0])
    assert rows[1]["test"]["pooled"] == pytest.approx(pooled)
    assert rows[1]["less_ours"]["pooled_difference"] == pytest.approx(
        pooled - rows[0]["test"]["pooled"]
    )
    first = _results(rows)[0]
    assert (first["peer_name"], first["unit"], first["ratio"]) == (PEER, "%", None)
    assert first["peer"] == pytest.approx(100 * pooled, abs=1e-3)
    assert _goals(rows)[0]["met"] == (rows[0]["test"]["pooled"] >= pooled)


def test_the_networks_are_built_with_one_map() -> None:
    import torch

    for name, (_, build) in PEERS.items():
        assert build().eval()(torch.zeros(1, 1, 64, 64)).shape == (1, 1, 64, 64), name


def test_drawn_images_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", str(tmp_path))
    assert _open("dsb2018").info.name == "phantoms_nuclei"
    assert _open("phantoms_lung").info.name == "phantoms_lung"
