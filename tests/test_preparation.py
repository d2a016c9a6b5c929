"""Prepared data: keyed by content, whole or absent, and resized as images and labels need it."""

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.data import open_dataset
from core.data.base import Dataset, DatasetInfo, Sample
from core.data.datasets.isbi2012 import IMAGES, LABELS
from core.data.patches import patch_side
from core.data.preparation import CHECKED, as_channels, prepare, prepare_borders
from core.errors import InputError
from core.imaging.resize import resize
from core.system.home import ROOT


class Drawn(Dataset):
    """Grey or colour images of given shapes, image n of value n; may fail while it is read."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="drawn",
        title="",
        modality="",
        foreground="",
        license="",
        citation="",
        homepage="",
        layout="",
    )

    def __init__(self, *shapes: tuple[int, ...], fails_at: int = -1) -> None:
        self.shapes, self.fails_at = shapes, fails_at
        super().__init__(None, [Sample(id=f"{n}", group=f"{n}") for n in range(len(shapes))])

    @classmethod
    def open(cls, path: Path | None) -> Self:
        raise NotImplementedError(path)

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        if int(sample.id) == self.fails_at:
            raise KeyboardInterrupt
        return np.full(self.shapes[int(sample.id)], int(sample.id), np.uint8)

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        return np.ones(self.shapes[int(sample.id)][:2], np.uint8)


def entries(home: Path) -> list[str]:
    folder = home / "prepared"
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the sections whose pixels were asked for."""
    from core.data.datasets.isbi2012 import Isbi2012

    seen: list[str] = []
    original = Isbi2012.image

    def image(self: Isbi2012, sample: Sample) -> NDArray[np.uint8]:
        seen.append(sample.id)
        return original(self, sample)

    monkeypatch.setattr(Isbi2012, "image", image)
    return seen


@pytest.mark.usefixtures("home")
def test_pixels_and_masks_arrive_unchanged(sections: Path) -> None:
    prepared = prepare(open_dataset("isbi2012", sections))
    assert prepared.ids == tuple(f"section-{n:02d}" for n in range(15)), "labelled ones only"
    assert np.array_equal(prepared.images[:, 0], tifffile.imread(sections / IMAGES))
    assert np.array_equal(prepared.masks[:, 0] * 255, tifffile.imread(sections / LABELS))
    assert isinstance(prepared.images, np.memmap)


def test_the_same_files_elsewhere_are_found_prepared(
    sections: Path, tmp_path: Path, home: Path, reads: list[str]
) -> None:
    first = prepare(open_dataset("isbi2012", sections))
    assert len(reads) == 16, "the first is read once more, for its size"
    elsewhere = shutil.copytree(sections, tmp_path / "another" / "name")
    second = prepare(open_dataset("isbi2012", elsewhere))
    assert len(reads) == 16, "nothing is decoded twice"
    assert len(entries(home)) == 1
    assert np.array_equal(first.images, second.images)


@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_one_changed_pixel_is_another_entry(
    sections: Path, tmp_path: Path, home: Path, name: str
) -> None:
    before = prepare(open_dataset("isbi2012", sections))
    changed = shutil.copytree(sections, tmp_path / "changed")
    stack = tifffile.imread(changed / name)
    stack[4, 10, 20] = 255 - stack[4, 10, 20]
    tifffile.imwrite(changed / name, stack, photometric="minisblack")
    after = prepare(open_dataset("isbi2012", changed))
    assert len(entries(home)) == 2
    differing = (before.images != after.images).sum() + (before.masks != after.masks).sum()
    assert differing == 1


def test_another_size_is_another_entry(sections: Path, home: Path) -> None:
    dataset = open_dataset("isbi2012", sections)
    assert prepare(dataset, size=32).images.shape == (15, 1, 32, 32)
    assert prepare(dataset, size=16).images.shape == (15, 1, 16, 16)
    assert len(entries(home)) == 2


@pytest.mark.usefixtures("home")
def test_the_second_call_is_fast(sections: Path) -> None:
    dataset = open_dataset("isbi2012", sections)
    prepare(dataset)
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        prepare(dataset)
        taken.append(time.perf_counter() - started)
    assert min(taken) < 0.1


def test_a_failure_half_way_leaves_nothing(home: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        prepare(Drawn((32, 32), (32, 32), (32, 32), fails_at=1))
    assert entries(home) == []
    assert prepare(Drawn((32, 32), (32, 32), (32, 32))).images[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_a_full_disk_is_refused_with_advice(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"MB free, .* free some space or move ISOLINE_HOME"):
        prepare(Drawn((32, 32)))
    assert entries(home) == []


NEARLY_FULL = """
import sys
from core.data import open_dataset
from core.data.preparation import prepare
from core.errors import InputError
from pathlib import Path
try:
    prepare(open_dataset("isbi2012", Path(sys.argv[1])), size=512)
except InputError as refused:
    print(refused)
    sys.exit(2)
"""


def test_a_disk_with_room_for_one_array_alone_is_refused_not_fatal(
    sections: Path, tmp_path: Path
) -> None:
    """15 images and masks of 512² are 3.75 MiB each; a process that dies of SIGBUS has -7."""
    space = tmp_path / "space"
    space.mkdir()
    as_root = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=5m none {space}"
    if subprocess.run([*as_root, mount], check=False, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    ended = subprocess.run(
        [*as_root, f'{mount} && exec "$@"', "sh", sys.executable, "-c", NEARLY_FULL, str(sections)],
        cwd=ROOT,
        env={**os.environ, "ISOLINE_HOME": str(space)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert f"{space}/prepared: 5.0 MB free, 7.5 MB needed" in ended.stdout


def test_what_is_mapped_has_its_blocks(home: Path) -> None:
    sizes: list[tuple[int, int]] = []

    def note(_done: int, _total: int) -> None:
        files = [file.stat() for file in home.glob("prepared/*.partial/*.npy")]
        sizes.extend((file.st_blocks * 512, file.st_size) for file in files)

    prepare(Drawn(*[(256, 256)] * 3), workers=1, progress=note)
    assert len(sizes) == 3 * 3
    assert all(on_disk >= size for on_disk, size in sizes)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_or_truncated_array_is_made_anew(home: Path, data: st.DataObject) -> None:
    del home
    dataset = Drawn((16, 16), (16, 16), (16, 16))
    prepared = prepare(dataset)
    file = prepared.folder / data.draw(st.sampled_from(CHECKED))
    content = file.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << data.draw(st.integers(0, 7))
        file.write_bytes(spoilt)
    else:
        file.write_bytes(content[:place])
    again = prepare(dataset)
    assert file.read_bytes() == content
    assert again.images[:, 0, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("cut", [False, True])
def test_damaged_borders_are_made_anew(sections: Path, *, cut: bool) -> None:
    dataset = open_dataset("isbi2012", sections)
    prepared = prepare(dataset)
    before = prepare_borders(dataset, prepared).copy()
    file = prepared.folder / "borders-5.npy"
    content = file.read_bytes()
    file.write_bytes(content[:200] if cut else content[:-1] + bytes([content[-1] ^ 1]))
    assert np.array_equal(prepare_borders(dataset, prepared), before)


@pytest.mark.usefixtures("home")
def test_arrays_of_an_earlier_version_get_their_checksums(sections: Path) -> None:
    dataset = open_dataset("isbi2012", sections)
    folder = prepare(dataset).folder
    for name in CHECKED:
        (folder / f"{name}.json").unlink()
    prepare(dataset)
    assert all((folder / f"{name}.json").exists() for name in CHECKED)


@pytest.mark.parametrize(
    ("second", "found"),
    [((32, 48), "48x32 with 1 channel,"), ((32, 32, 3), "32x32 with 3 channels,")],
)
def test_mixed_images_are_refused_with_advice(
    home: Path, second: tuple[int, ...], found: str
) -> None:
    with pytest.raises(InputError) as refused:
        prepare(Drawn((32, 32), second))
    message = str(refused.value)
    assert f"image 1 is {found} others are 32x32 with 1 channel;" in message
    assert "--set size=" in message
    assert entries(home) == []


@pytest.mark.usefixtures("home")
def test_a_common_size_takes_mixed_images() -> None:
    prepared = prepare(Drawn((32, 48), (20, 64), (100, 17)), size=24)
    assert prepared.images.shape == prepared.masks.shape == (3, 1, 24, 24)
    assert [np.unique(image).tolist() for image in prepared.images] == [[0], [1], [2]]


@pytest.mark.usefixtures("home")
def test_colour_goes_first() -> None:
    assert prepare(Drawn((32, 40, 3))).images.shape == (1, 3, 32, 40)
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert as_channels(image)[2, 1, 3] == image[1, 3, 2]
    assert as_channels(image[..., 0]).shape == (1, 2, 4)


def test_images_are_averaged_and_labels_are_picked() -> None:
    board = (np.indices((64, 64)).sum(0) % 2).astype(np.uint8)[None]
    grey = resize(board * np.uint8(200), 16, smooth=True)
    assert abs(grey.astype(int) - 100).max() <= 1, "antialiased: a fine pattern becomes its mean"
    mask = resize(board, 16, smooth=False)
    assert set(np.unique(mask)) <= {0, 1}
    doubled = resize(np.array([[[0, 1], [1, 0]]], np.uint8), 4, smooth=False)
    assert doubled[0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]


def test_padding_keeps_the_shape_and_stretching_fills_the_square() -> None:
    image = np.full((1, 20, 40), 9, np.uint8)
    padded = resize(image, 32, smooth=True, aspect="pad")[0]
    assert (padded[:16] == 9).all()
    assert (padded[16:] == 0).all()
    assert (resize(image, 32, smooth=True)[0] == 9).all()


@pytest.mark.usefixtures("home")
def test_progress_counts_every_image() -> None:
    seen: list[tuple[int, int]] = []
    prepare(Drawn(*[(32, 32)] * 5), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 5) for n in range(1, 6)]


KILLED = """
import os, signal, sys
from pathlib import Path
from core.data import open_dataset
from core.data.datasets.isbi2012 import Isbi2012
from core.data import preparation
preparation.CHUNK = 2
original, count = Isbi2012.image, 0
def image(self, sample):
    global count
    count += 1
    if count == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, sample)
Isbi2012.image = image
preparation.prepare(open_dataset("isbi2012", Path(sys.argv[1])), workers=1)
"""


def test_a_killed_preparation_goes_on_where_it_was(
    sections: Path, home: Path, reads: list[str]
) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(sections)], cwd=ROOT, check=False)
    assert killed.returncode == -9
    assert not list(home.glob("prepared/*/index.json")), "half an entry is not an entry"
    prepared = prepare(open_dataset("isbi2012", sections))
    assert len(reads) == 15 - 6 + 1, "six were safe; the first is read for its size"
    assert np.array_equal(prepared.images[:, 0], tifffile.imread(sections / IMAGES))
    assert np.array_equal(prepared.masks[:, 0] * 255, tifffile.imread(sections / LABELS))


@pytest.mark.usefixtures("home")
def test_mixed_sizes_are_prepared_as_patches() -> None:
    dataset = Drawn((100, 30), (20, 20), (40, 90))
    prepared = prepare(dataset, tile=32)
    side = patch_side(32)
    assert prepared.images.shape[2:] == (side, side)
    assert prepared.patches is not None
    assert len(prepared.ids) == len(prepared.images) == len(prepared.masks) == len(prepared.patches)
    for identity, image, mask in zip(prepared.ids, prepared.images, prepared.masks, strict=True):
        assert (image == int(identity)).all()
        assert (mask == 1).all()
    rows = prepared.rows(["2", "0"])
    assert [prepared.ids[row] for row in rows] == sorted(
        (identity for identity in prepared.ids if identity != "1"), reverse=True
    )


@pytest.mark.usefixtures("home")
def test_one_size_stays_whole_and_a_size_wins_over_patches() -> None:
    assert prepare(Drawn((40, 50), (40, 50)), tile=16).images.shape == (2, 1, 40, 50)
    assert prepare(Drawn((40, 50), (70, 50)), tile=16, size=32).images.shape == (2, 1, 32, 32)
