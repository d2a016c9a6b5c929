"""The metadata log and the description of the folders."""

import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from core.data import open_dataset
from core.data.metadata import log, patterns, structure_text, write_log
from core.data.quality.check import check_dataset
from core.data.splits import make_split


def hashes(count: int) -> list[str]:
    return [f"{n:02x}{'c0ffee12' * 4}" for n in range(count)]


@pytest.fixture
def nuclei(tmp_path: Path) -> Path:
    """Three images with two nuclei each, in the layout of the Data Science Bowl, as a zip."""
    path = tmp_path / "stage1_train.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n, id in enumerate(hashes(3)):
            picture = Image.linear_gradient("L").rotate(90 * n).resize((32, 32))
            files = {f"images/{id}.png": picture}
            for k in (0, 1):
                mask = Image.new("L", (32, 32))
                mask.paste(255, (4 + 12 * k, 4, 12 + 12 * k, 12))
                files[f"masks/{k}{id[1:]}.png"] = mask
            for name, image in files.items():
                with archive.open(f"stage1_train/{id}/{name}", "w") as stream:
                    image.save(stream, "PNG")
    return path


def test_files_that_differ_in_numbers_and_hashes_are_one_line(nuclei: Path) -> None:
    found = patterns(nuclei)
    assert [(one.path, one.files) for one in found] == [
        ("stage1_train/<hash>/images/<hash>.png", 3),
        ("stage1_train/<hash>/masks/<hash>.png", 6),
    ]
    assert found[0].example == f"stage1_train/{hashes(1)[0]}/images/{hashes(1)[0]}.png"


def test_names_are_kept_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "benign").mkdir()
    for name in ("benign/benign (1).png", "benign/benign (12).png", "table 3.csv"):
        (tmp_path / name).write_bytes(b"12345")
    assert [(one.path, one.files, one.size_bytes) for one in patterns(tmp_path)] == [
        ("benign/benign (#).png", 2, 10),
        ("table 3.csv", 1, 5),
    ]


def test_the_tree_names_a_folder_once(nuclei: Path) -> None:
    text = structure_text(open_dataset("dsb2018", nuclei))
    assert text.count("stage1_train/\n") == 1
    assert "    images/\n      <hash>.png  3 x" in text
    assert "    masks/\n      <hash>.png  6 x" in text
    assert str(nuclei.parent) not in text


def test_the_log_tells_everything(nuclei: Path, tmp_path: Path) -> None:
    check = check_dataset(open_dataset("dsb2018", nuclei))
    paths = write_log(check, tmp_path / "log")
    assert [path.name for path in paths] == ["metadata.json", "metadata.md", "structure.md"]
    document = json.loads(paths[0].read_text(encoding="utf-8"))
    assert (document["images"], document["masks"], document["instances"]) == (3, 6, 6)
    assert document["foreground_share"]["median"] == pytest.approx(128 / 1024)
    assert document["fingerprint"] == check.dataset.fingerprint()
    assert [row["instances"] for row in document["rows"]] == [2, 2, 2]
    assert document["rows"][0]["width"] == 32
    text = paths[1].read_text(encoding="utf-8")
    assert "| 32x32 | 3 |" in text
    assert f"`{document['fingerprint']}`" in text
    assert "| Images | 3, of which 0 have no reference |" in text
    assert "research use only" in text
    assert str(tmp_path) not in text + paths[2].read_text(encoding="utf-8")


def test_the_split_is_counted_and_drawn_data_have_no_files(tmp_path: Path) -> None:
    dataset = open_dataset("phantoms_nuclei")
    check = check_dataset(dataset)
    split = make_split(dataset.samples)
    document = log(check, split=split)
    assert document["split"]["train"] == len(split.train)
    assert document["split"]["hash"] == split.hash
    _, metadata, structure = write_log(check, tmp_path, split=split)
    text = metadata.read_text(encoding="utf-8")
    assert "## Findings\n\nNone." in text
    assert f"train {len(split.train)}, val {len(split.val)}, test {len(split.test)}" in text
    assert "there are no files" in structure.read_text(encoding="utf-8")
