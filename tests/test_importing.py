"""Importing: whole or absent, by copy or by link; the commands around it."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.data.importing import (
    import_dataset,
    imported_path,
    open_where_it_lies,
    own_datasets,
    remove_import,
)
from core.data.splits import Split, leaks
from core.errors import InputError
from tests.published import as_folder, encode, picture, square


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["core", *words, "--json"])
    assert main() == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_an_import_is_a_copy_that_outlives_its_source(
    sections: Path, tmp_path: Path, home: Path
) -> None:
    source = shutil.copytree(sections, tmp_path / "downloaded")
    facts = import_dataset("isbi2012", source)
    shutil.rmtree(source)
    assert facts["images"] == 17
    path = imported_path("isbi2012")
    assert path is not None
    assert path.is_relative_to(home)
    dataset = open_where_it_lies("isbi2012", None)
    assert len(dataset.samples) == 17
    assert dataset.fingerprint() == facts["fingerprint"]


def test_a_link_copies_nothing_and_says_when_it_leads_nowhere(
    sections: Path, tmp_path: Path, home: Path
) -> None:
    source = shutil.copytree(sections, tmp_path / "large")
    import_dataset("isbi2012", source, link=True)
    assert imported_path("isbi2012") == source
    assert sum(file.stat().st_size for file in home.rglob("*") if file.is_file()) < 2000
    shutil.rmtree(source)
    assert imported_path("isbi2012") is None
    with pytest.raises(InputError, match="--data"):
        open_where_it_lies("isbi2012", None)


def test_a_second_import_takes_the_place_of_the_first(sections: Path, home: Path) -> None:
    import_dataset("isbi2012", sections, link=True)
    import_dataset("isbi2012", sections)
    assert [entry.name for entry in (home / "datasets").iterdir()] == ["isbi2012"]
    assert imported_path("isbi2012") != sections


def pictures(root: Path, seed: int) -> Path:
    files = {f"images/{n}.png": encode(picture(seed + n, (64, 64))) for n in range(12)}
    files |= {f"masks/{n}.png": encode(square(n, (64, 64))) for n in range(12)}
    return as_folder(root, files)


def test_several_data_sets_of_one_kind_lie_side_by_side(
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for n, own in enumerate(("polyps", "moles")):
        facts = run(
            *(monkeypatch, capsys, "datasets", "import", "folder"),
            *(str(pictures(tmp_path / own, 20 * n)), "--as", own),
        )
        assert facts["dataset"] == f"folder:{own}"
    assert own_datasets() == ["folder:moles", "folder:polyps"]
    assert {entry.name for entry in (home / "datasets").iterdir()} == {
        "folder--moles",
        "folder--polyps",
    }
    polyps, moles = (open_where_it_lies(name, None) for name in own_datasets()[::-1])
    assert (polyps.info.name, polyps.info.title) == ("folder:polyps", "polyps")
    assert polyps.fingerprint() != moles.fingerprint()
    listed = run(monkeypatch, capsys, "datasets", "list")
    assert [row["title"] for row in listed[-2:]] == ["moles", "polyps"]
    trained = run(
        *(monkeypatch, capsys, "train", "--dataset", "folder:polyps"),
        *("--set", "epochs=1", "--set", "size=32", "--set", "base_filters=2", "--set", "depth=2"),
    )
    assert trained["run"].startswith("folder-polyps-unet-")
    own_test = run(monkeypatch, capsys, "evaluate", "--run", trained["run"], "--split", "test")
    assert own_test["dataset"] == "folder:polyps"
    other = run(
        *(monkeypatch, capsys, "evaluate", "--run", trained["run"], "--split", "all"),
        *("--dataset", "folder:moles"),
    )
    assert (other["dataset"], other["n_images"]) == ("folder:moles", 12)
    monkeypatch.setattr(
        sys,
        "argv",
        [
            *("core", "evaluate", "--run", trained["run"], "--split", "test"),
            *("--dataset", "folder:moles"),
        ],
    )
    assert main() == 2
    assert "use --split all" in capsys.readouterr().err
    run(monkeypatch, capsys, "datasets", "remove", "folder:polyps")
    assert own_datasets() == ["folder:moles"]


def test_what_is_unfinished_or_damaged_hides_no_other_import(tmp_path: Path, home: Path) -> None:
    import_dataset("folder:whole", pictures(tmp_path / "set", 1))
    for name, content in ((".isoline-tmp-x", '{"dataset": "folder:half"}'), ("folder--torn", "{")):
        (home / "datasets" / name).mkdir()
        (home / "datasets" / name / "import.json").write_text(content)
    assert own_datasets() == ["folder:whole"]
    with pytest.raises(InputError, match=r"unknown data set '\.\./runs'"):
        remove_import("../runs")


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: Path, home: Path) -> None:
    source = pictures(tmp_path / "large", 1)
    import_dataset("folder:large", source, link=True)
    remove_import("folder:large")
    assert list((home / "datasets").iterdir()) == []
    assert len(list(source.rglob("*.png"))) == 24
    with pytest.raises(InputError, match="folder:large was not imported"):
        remove_import("folder:large")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder:", "'' cannot name a data set"),
        ("folder:../x", "cannot name a data set"),
        ("folder:a:b", "cannot name a data set"),
        ("phantoms:mine", "drawn and the same for all"),
        ("nothing:mine", "unknown data set 'nothing'"),
    ],
)
def test_names_that_cannot_be(name: str, words: str, tmp_path: Path, home: Path) -> None:
    with pytest.raises(InputError, match=words):
        import_dataset(name, pictures(tmp_path / "set", 1))
    assert not (home / "datasets").exists()


def test_a_failed_import_leaves_nothing_and_keeps_the_older_one(
    sections: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError):
        import_dataset("isbi2012", tmp_path)
    assert not (home / "datasets").exists()
    import_dataset("isbi2012", sections)
    usage = shutil.disk_usage(home)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(InputError, match="--link"):
        import_dataset("isbi2012", sections)
    assert [entry.name for entry in (home / "datasets").iterdir()] == ["isbi2012"]
    assert imported_path("isbi2012") is not None
    with pytest.raises(InputError, match="is drawn"):
        import_dataset("phantoms", sections)


@pytest.mark.usefixtures("home")
def test_import_check_split_and_train_by_name_alone(
    sections: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    imported = run(monkeypatch, capsys, "datasets", "import", "isbi2012", str(sections))
    assert imported["images"] == 17
    log = tmp_path / "log"
    check = run(monkeypatch, capsys, "datasets", "check", "isbi2012", "--log", str(log))
    assert {"dataset", "images", "masks", "instances", "classes", "findings"} <= set(check)
    assert (check["images"], check["masks"]) == (17, 15)
    for finding in check["findings"]:
        assert {"kind", "severity", "count", "examples", "advice"} <= set(finding)
    assert {file.name for file in log.iterdir()} == {"metadata.json", "metadata.md", "structure.md"}
    split = run(monkeypatch, capsys, "datasets", "split", "isbi2012")
    assert split["leaks"] == []
    assert sum(split["counts"].values()) == 15
    trained = run(
        monkeypatch,
        capsys,
        *["train", "--dataset", "isbi2012", "--set", "epochs=1", "--set", "tile=32"],
        *["--set", "base_filters=2", "--set", "depth=2"],
    )
    assert trained["epochs"] == 1


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("seed", [0, 1])
def test_the_ultrasound_split_separates_no_near_duplicates(
    realdata: Path, seed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.data import open_dataset
    from core.data.quality.duplicates import duplicate_groups

    words = ["datasets", "split", "busi", "--data", str(realdata / "busi"), "--seed", str(seed)]
    document = run(monkeypatch, capsys, *words)
    assert sum(document["counts"].values()) == 250
    dataset = open_dataset("busi", realdata / "busi")
    clusters = duplicate_groups(dataset)
    assert len(set(clusters.values())) >= 40
    split = Split.of_document(document)
    assert leaks(dataset.samples, split, clusters) == []
    part_of = {i: part for part in ("train", "val", "test") for i in getattr(split, part)}
    assert part_of["benign (433)"] == part_of["malignant (145)"], "the same image"
    assert part_of["benign (269)"] == part_of["normal (1)"]


def test_an_import_follows_no_hidden_link_out_of_its_folder(tmp_path: Path, home: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("canary")
    source = pictures(tmp_path / "source", 1)
    (source / ".hidden").symlink_to(secret)
    (source / ".key").symlink_to(secret / "key.txt")
    (source / ".loop").symlink_to(source)
    import_dataset("folder:linked", source)
    copied = [file for file in (home / "datasets").rglob("*") if file.is_file()]
    assert len([file for file in copied if file.suffix == ".png"]) == 24
    assert not any(b"canary" in file.read_bytes() for file in copied)


def test_a_link_that_leads_outside_refuses_the_import(tmp_path: Path) -> None:
    secret = tmp_path / "key.txt"
    secret.write_text("canary")
    source = pictures(tmp_path / "source", 1)
    (source / "notes.txt").symlink_to(secret)
    with pytest.raises(InputError, match="leads outside"):
        import_dataset("folder:linked", source)
