"""What a person says that masks are holds wherever the data set is read."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core.cli import datasets as command
from core.data.importing import import_dataset, open_where_it_lies
from core.data.masks.values import KINDS
from core.errors import InputError


def made(folder: Path) -> Path:
    """Masks of two values, 100 and 200, in a column each."""
    mask = np.zeros((32, 32), np.uint8)
    mask[:, 8:16], mask[:, 16:20] = 100, 200
    for place in ("images", "masks"):
        (folder / place).mkdir(parents=True)
    for n in range(4):
        numbers = np.random.default_rng(n)
        image = numbers.integers(0, 255, mask.shape).astype(np.uint8)
        Image.fromarray(image).save(folder / "images" / f"c{n}.png")
        Image.fromarray(mask).save(folder / "masks" / f"c{n}.png")
    return folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", [False, True])
def test_an_import_keeps_what_was_said(tmp_path: Path, kind: str, packed: bool) -> None:
    source = made(tmp_path / "set")
    if packed:
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as zipped:
            for file in sorted(source.rglob("*.png")):
                zipped.write(file, file.relative_to(source).as_posix())
        source = tmp_path / "set.zip"
    decided = import_dataset("folder:decided", source)
    facts = import_dataset("folder:said", source, masks=kind)
    dataset = open_where_it_lies("folder:said", None)
    share = float((dataset.truth(dataset.samples[0]) > 0).mean())
    assert share == (4 / 32 if kind == "graded" else 12 / 32)
    assert (dataset.instances(dataset.samples[0]) is not None) == (kind == "instances")
    assert facts["fingerprint"] != decided["fingerprint"]
    assert facts["masks"]


@pytest.mark.parametrize("kind", KINDS)
def test_check_takes_masks_for_what_is_said(tmp_path: Path, kind: str) -> None:
    words = ["check", "folder", "--data", str(made(tmp_path / "set")), "--masks", kind, "--json"]
    result = CliRunner().invoke(command.group, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["mask_values"]["kind"] == kind


def test_what_is_no_kind_and_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    source = made(tmp_path / "set")
    with pytest.raises(InputError, match="choose one of binary"):
        import_dataset("folder", source, masks="rings")
    with pytest.raises(InputError, match="--link"):
        import_dataset("folder", source, masks="graded", link=True)
    with pytest.raises(InputError, match="leave --masks out"):
        import_dataset("folder", source, classes=[("a", "100"), ("b", "200")], masks="graded")
    (source / "isoline-masks.json").write_text('{"masks": "rings"}')
    with pytest.raises(InputError, match="correct it"):
        open_where_it_lies("folder", source).truth(open_where_it_lies("folder", source).samples[0])
