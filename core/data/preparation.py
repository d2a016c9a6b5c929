"""Decode once, read many times: labelled samples as memory-mapped uint8 arrays, keyed by content.

Images of mixed sizes become arrays of one size by resizing, or by cutting patches where a training
takes crops at the images' own scale (``core.data.patches``).

The key is a hash of the source files, the size and this module's version, so a changed file, an
edited mask or another size is another entry and nothing stale is ever read. Images are decoded by
several threads straight into the arrays; a preparation that was killed continues where it was.
Arrays carry their SHA-256; those that were damaged or cut off since are made anew.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from core.data.base import Dataset, Sample
from core.data.border_weights import border_weights
from core.data.patches import cut_patch, patch_corners, patch_side
from core.errors import InputError, choose
from core.imaging.resize import ASPECTS, resize
from core.system.files import read_json, sha256, write_json
from core.system.home import home

VERSION = 3
ARRAYS = ("images", "masks")
CHECKED = ("index.json", *(f"{name}.npy" for name in ARRAYS))
"""Files of a preparation whose SHA-256 is noted beside them."""
ZEROS = 1 << 20
"""Bytes written at a time where the system cannot allocate a file."""
CHUNK = 64
"""Images between two notes of what is done; after a kill at most these are decoded again."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Prepared:
    """Labelled samples of a data set, or their patches, all of one size."""

    ids: tuple[str, ...]
    """Sample ids, N of them; as often as a sample has patches, one after the other."""
    images: NDArray[np.uint8]
    """Shape (N, C, H, W), memory-mapped."""
    masks: NDArray[np.uint8]
    """0 for background, 1…K for the classes, shape (N, 1, H, W), memory-mapped."""
    folder: Path
    """Where they lie; what else is computed once is kept beside them."""
    patches: tuple[tuple[int, int], ...] | None = None
    """Top left corner of each patch in its image, N of them; None for whole images."""

    def rows(self, ids: Iterable[str]) -> list[int]:
        """Places of these samples in the arrays, in the order of ``ids``."""
        places: dict[str, list[int]] = {}
        for n, identity in enumerate(self.ids):
            places.setdefault(identity, []).append(n)
        return [n for identity in ids for n in places[identity]]


def prepare(
    dataset: Dataset,
    *,
    size: int | None = None,
    aspect: str = "stretch",
    tile: int | None = None,
    workers: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Prepared:
    """Prepare a data set, or find it prepared.

    Args:
        dataset: An opened data set.
        size: Resize to this square; None keeps the native size, which must be the same for all,
            or a ``tile`` be given.
        aspect: ``stretch`` or ``pad``, see ``core.imaging.resize``.
        tile: Side of the crops that will be taken. Without a size, images of mixed sizes are then
            cut into patches.
        workers: Threads that decode; by default one per core.
        progress: Called with images done and images in all.

    Raises:
        InputError: An image cannot be read, images differ in size and neither size nor tile is
            given, they differ in channels, or the disk is full.
    """
    tile = None if size else tile
    folder = _folder(dataset, size, aspect, tile)
    if not _is_whole(folder):
        with _lock(folder):  # of two at once the second finds it done
            if not _is_whole(folder):
                shutil.rmtree(folder, ignore_errors=True)
                builder = _Builder(dataset, size, aspect, tile, folder)
                builder.build(workers or os.cpu_count(), progress)
    index = read_json(folder / "index.json")
    patches = index["patches"]
    return Prepared(
        tuple(index["ids"]),
        np.load(folder / "images.npy", mmap_mode="r"),
        np.load(folder / "masks.npy", mmap_mode="r"),
        folder,
        None if patches is None else tuple((top, left) for top, left in patches),
    )


def prepare_borders(
    dataset: Dataset,
    prepared: Prepared,
    *,
    size: int | None = None,
    aspect: str = "stretch",
    sigma_px: float = 5.0,
    workers: int | None = None,
) -> NDArray[np.uint8]:
    """U-Net's border term for every prepared sample, computed once for each σ and kept beside them.

    Args:
        dataset: The data set that was prepared.
        prepared: What ``prepare`` made of it.
        size: As given to ``prepare``.
        aspect: As given to ``prepare``.
        sigma_px: Width of the term in pixels of the prepared images.
        workers: Threads; by default one per core.

    Returns:
        255 times the exponential of ``border_weights`` in the order of ``Prepared.ids``, rounded
        (an error of at most 0.2 % of w0), shape (N, 1, H, W), memory-mapped.
    """
    path = prepared.folder / f"borders-{sigma_px:g}.npy"
    samples = {sample.id: sample for sample in dataset.samples}

    def one(place: int) -> NDArray[np.uint8]:
        mask: NDArray[np.bool_] = np.asarray(prepared.masks[place, 0] > 0)
        instances = dataset.instances(samples[prepared.ids[place]])
        if instances is None:
            objects: NDArray[np.integer] | NDArray[np.bool_] = mask
        elif prepared.patches is not None:
            corner = prepared.patches[place]
            objects = cut_patch(instances[None], corner, side=mask.shape[0])[0] * mask
        else:
            objects = _resize_instances(instances, size, aspect) * mask
        return np.rint(255 * border_weights(objects, w0=1, sigma_px=sigma_px)).astype(np.uint8)

    if not _is_unchanged(path):
        with _lock(prepared.folder), ThreadPoolExecutor(workers or os.cpu_count()) as pool:
            if not _is_unchanged(path):  # of two at once the second finds it done
                partial = path.with_suffix(".partial")
                with partial.open("wb") as stream:
                    np.save(
                        stream, np.stack(list(pool.map(one, range(len(prepared.ids)))))[:, None]
                    )
                digest = sha256(partial)
                partial.replace(path)  # half a file is never seen
                write_json(_digest_file(path), {"sha256": digest})
    maps: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return maps


def _resize_instances(
    instances: NDArray[np.int32], size: int | None, aspect: str
) -> NDArray[np.int32]:
    """Object numbers up to 65,535 at the size of the prepared masks, as ``resize`` picks pixels."""
    if size is None:
        return instances
    low, high = (instances & 255).astype(np.uint8), (instances >> 8).astype(np.uint8)
    planes = resize(np.stack([low, high]), size, smooth=False, aspect=aspect).astype(np.int32)
    numbers: NDArray[np.int32] = planes[0] + 256 * planes[1]
    return numbers


def _folder(dataset: Dataset, size: int | None, aspect: str, tile: int | None) -> Path:
    """Where a preparation lies, named by the content it is made of."""
    choose("aspect", aspect, ASPECTS)
    name = f"{VERSION} {dataset.content_key()} {size} {aspect if size else ''} {tile}"
    key = hashlib.sha256(name.encode()).hexdigest()[:20]
    return home() / "prepared" / f"{dataset.info.file_name}-{key}"


def _is_whole(folder: Path) -> bool:
    """Whether a preparation is there and its files are those that were written."""
    with ThreadPoolExecutor(len(CHECKED)) as pool:  # hashing lets go of the interpreter
        return all(pool.map(_is_unchanged, [folder / name for name in CHECKED]))


def _is_unchanged(path: Path) -> bool:
    """Whether a file has the SHA-256 noted beside it; False without either."""
    try:
        return bool(read_json(_digest_file(path))["sha256"] == sha256(path))
    except (InputError, OSError, KeyError, TypeError):
        return False


def _digest_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _lock(folder: Path) -> FileLock:
    locks = home() / "locks"
    for needed in (folder.parent, locks):
        needed.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"{folder.name}.lock")


class _Builder:
    """Fills a folder beside the final one, then renames it: half an entry is never seen."""

    def __init__(
        self, dataset: Dataset, size: int | None, aspect: str, tile: int | None, folder: Path
    ) -> None:
        self.dataset = dataset
        self.size = size
        self.aspect = aspect
        self.tile = tile
        self.folder = folder
        self.partial = folder.with_suffix(".partial")
        self.samples = [sample for sample in dataset.samples if sample.has_truth]
        if not self.samples:
            raise InputError(f"{dataset.info.name}: no image has a mask; there is nothing to train")

    def build(self, workers: int | None, progress: Progress) -> None:
        try:
            self._fill(workers, progress)
        except BaseException:
            shutil.rmtree(self.partial, ignore_errors=True)
            raise
        self.partial.rename(self.folder)

    def _fill(self, workers: int | None, progress: Progress) -> None:
        with ThreadPoolExecutor(workers) as pool:
            corners = self._corners(pool)
            first = [0, *accumulate(1 if c is None else len(c) for c in corners)]
            images, masks = self._cut(self.samples[0], corners[0])
            self.partial.mkdir(exist_ok=True)
            self._write(pool, corners, first, (images.shape[1:], masks.shape[1:]), progress)
        ids = [
            sample.id
            for sample, count in zip(self.samples, np.diff(first), strict=True)
            for _ in range(count)
        ]
        patches = None if corners[0] is None else [one for some in corners for one in some or []]
        index = {"ids": ids, "size": self.size, "patches": patches, "version": VERSION}
        write_json(self.partial / "index.json", index)
        for path in (self.partial / name for name in CHECKED):
            write_json(_digest_file(path), {"sha256": sha256(path)})
        (self.partial / "done.npy").unlink()

    def _corners(self, pool: ThreadPoolExecutor) -> list[list[tuple[int, int]] | None]:
        """Corners of each sample's patches, or None for each where whole images do."""
        if self.tile is None:
            return [None] * len(self.samples)
        shapes = list(pool.map(lambda sample: self.dataset.image(sample).shape[:2], self.samples))
        if len(set(shapes)) == 1:
            return [None] * len(self.samples)
        return [patch_corners(height, width, tile=self.tile) for height, width in shapes]

    def _write(
        self,
        pool: ThreadPoolExecutor,
        corners: list[list[tuple[int, int]] | None],
        first: list[int],
        shapes: tuple[tuple[int, ...], tuple[int, ...]],
        progress: Progress,
    ) -> None:
        """Fill the arrays, sample by sample; ``first`` says where the patches of each begin."""
        n = len(self.samples)
        wanted = {name: (first[-1], *shape) for name, shape in zip(ARRAYS, shapes, strict=True)}
        try:
            images, masks = (self._array(name, shape) for name, shape in wanted.items())
        except OSError as fault:
            if fault.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            needed = sum(int(np.prod(shape, dtype=np.int64)) for shape in wanted.values())
            shutil.rmtree(self.partial)  # what was allocated counts as free
            free = shutil.disk_usage(self.folder.parent).free
            raise InputError(
                f"{self.folder.parent}: {_mb(free)} MB free, {_mb(needed)} MB needed to prepare "
                "the data; free some space or move ISOLINE_HOME"
            ) from fault
        done = self._array("done", (n,))
        todo = np.flatnonzero(done == 0)

        def one(place: int) -> None:
            image, mask = self._cut(self.samples[place], corners[place])
            if image.shape[1:] != images.shape[1:]:
                raise InputError(
                    f"{self.dataset.info.name}: image {self.samples[place].id} is "
                    f"{_shape(image.shape[1:])}, others are {_shape(images.shape[1:])}; give a "
                    "common size with --set size=256, or take crops with --set tile=256"
                )
            rows = slice(first[place], first[place + 1])
            images[rows], masks[rows] = image, mask

        for start in range(0, len(todo), CHUNK):
            chunk = todo[start : start + CHUNK]
            for count, _ in enumerate(pool.map(one, chunk.tolist()), start=1):
                progress(n - len(todo) + start + count, n)
            images.flush()
            masks.flush()
            done[chunk] = 1  # only after the pixels are safe
            done.flush()

    def _cut(
        self, sample: Sample, corners: list[tuple[int, int]] | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Patches (P, C, h, w) and their masks (P, 1, h, w); without corners the one whole."""
        image, mask = self._read(sample)
        if corners is None:
            return image[None], mask[None]
        side = patch_side(self.tile or 0)
        image, mask = (
            np.stack([cut_patch(plane, corner, side=side) for corner in corners])
            for plane in (image, mask)
        )
        return image, mask

    def _read(self, sample: Sample) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Image (C, H, W) and mask (1, H, W) of a sample, resized where a size is given."""
        try:
            image, mask = as_channels(self.dataset.image(sample)), self.dataset.truth(sample)[None]
        except InputError as wrong:
            raise InputError(f"{wrong}; or train without it: leave_out={sample.id}") from wrong
        if image.shape[1:] != mask.shape[1:]:
            raise InputError(
                f"{self.dataset.info.name}: image {sample.id} is {_shape(image.shape)}, its mask "
                f"{mask.shape[2]}x{mask.shape[1]}; correct or remove the pair, or train without "
                f"it: leave_out={sample.id}"
            )
        if self.size is None:
            return image, mask
        return (
            resize(image, self.size, smooth=True, aspect=self.aspect),
            resize(mask, self.size, smooth=False, aspect=self.aspect),
        )

    def _array(
        self, name: str, shape: tuple[int, ...]
    ) -> np.memmap[tuple[int, ...], np.dtype[np.uint8]]:
        """A zeroed array on disk, or the one that an interrupted preparation has left."""
        path = self.partial / f"{name}.npy"
        if path.exists():
            try:
                left = np.load(path, mmap_mode="r")
                if left.shape == shape and left.dtype == np.uint8:
                    _allocate(path, path.stat().st_size)  # an earlier version left holes
                    return np.lib.format.open_memmap(path, mode="r+")
            except ValueError:  # killed while it was created
                pass
            (self.partial / "done.npy").unlink(missing_ok=True)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        with path.open("wb") as stream:
            np.lib.format.write_array_header_1_0(stream, header)
            size = stream.tell() + int(np.prod(shape, dtype=np.int64))
        _allocate(path, size)
        return np.lib.format.open_memmap(path, mode="r+")


def _allocate(path: Path, size: int) -> None:
    """Have the disk hold ``size`` bytes for a file, zeros behind what is there.

    A page of a memory map for which the disk has no block ends the process by SIGBUS, without a
    word; here a full disk is an error that can be reported.

    Raises:
        OSError: The disk has no room.
    """
    with path.open("r+b") as stream:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
            return
        there = stream.seek(0, os.SEEK_END)
        for start in range(there, size, ZEROS):
            stream.write(bytes(min(ZEROS, size - start)))


def _mb(count: int) -> str:
    return f"{count / 2**20:,.1f}"


def as_channels(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shape (H, W) or (H, W, C) to (C, H, W)."""
    return image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)


def _shape(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{width}x{height} with {channels} channel{'s' if channels > 1 else ''}"
