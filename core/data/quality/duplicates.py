"""Near-duplicates: images that show the same scene, so that a split may not separate them.

Every image is shrunk to a grey thumbnail and every thumbnail is correlated with every other one, as
blocked matrix products. Two images are near-duplicates when

- they correlate above 0.98, and their detail (blurred brightness taken away) above 0.8, which
  different patients in the same pose do not reach; or
- neither has relatives by its group, and they correlate above 0.93 and stand out: they are at least
  0.3 times as far from a perfect match as what is typical for these images (the 95th percentile).
  This finds the same frame cropped or annotated anew, and adapts to data that all look alike.

Images of one group are no near-duplicates of each other: slices of a volume resemble their
neighbours. Turned or mirrored copies are not found.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from core.data.base import Dataset, Sample
from core.errors import InputError
from core.system.files import read_json, write_json
from core.system.home import home

VERSION = 1
SIDE = 48
SAME, SAME_DETAIL = 0.98, 0.8
ALIKE, STANDS_OUT, TYPICAL = 0.93, 0.3, 0.95
FEWEST_FOR_USUAL = 20  # below this a percentile of the others says little
_REFERENCES, _BLOCK = 1000, 512
_FLAT = 0.25  # grey levels of spread in a thumbnail without structure

Thumbnails = NDArray[np.float32]
Item = TypeVar("Item")
Result = TypeVar("Result")


def thumbnail(image: NDArray[Any]) -> Thumbnails:
    """Mean grey of an image in 48 x 48 boxes, its sides stretched to fit, shape (48, 48).

    Args:
        image: Shape (H, W) or (H, W, C), real numbers.
    """
    grey = image.mean(axis=2) if image.ndim == 3 else image
    whole = PillowImage.fromarray(np.ascontiguousarray(grey, dtype=np.float32))
    return np.asarray(whole.resize((SIDE, SIDE), PillowImage.Resampling.BOX))


def digest(pixels: NDArray[Any]) -> str:
    """Equal for equal pixels, 32 hex digits."""
    content = hashlib.blake2b(f"{pixels.dtype} {pixels.shape}".encode(), digest_size=16)
    content.update(np.ascontiguousarray(pixels).data)
    return content.hexdigest()


def unit(thumbnails: Thumbnails, *, blur: float = 0) -> Thumbnails:
    """Thumbnails as vectors whose scalar products are correlations, shape (N, 2304).

    Args:
        thumbnails: Shape (N, 48, 48).
        blur: Standard deviation in thumbnail pixels of the brightness taken away; 0 keeps all.

    Returns:
        Mean 0 and length 1; all 0 where a thumbnail is flat, which then correlates with nothing.
    """
    from scipy import ndimage  # heavy, and only the check needs it

    flat = thumbnails.reshape(len(thumbnails), -1).std(axis=1) < _FLAT
    if blur:
        low = ndimage.gaussian_filter(thumbnails, (0, blur, blur), mode="nearest")
        thumbnails = thumbnails - low
    vectors = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)  # (N, 2304)
    vectors -= vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    length[flat[:, None] | (length < 1e-6)] = np.inf
    vectors /= length
    return vectors


def near_duplicates(
    thumbnails: Thumbnails,
    *,
    groups: Sequence[str] | None = None,
    digests: Sequence[str] | None = None,
) -> list[list[int]]:
    """Clusters of images that show the same, by the rules of this module.

    Being a near-duplicate is passed on: of three in a chain all are one cluster. Flat images are in
    none. The order of the images makes no difference.

    Args:
        thumbnails: From ``thumbnail``, shape (N, 48, 48).
        groups: Group of each image; None where nothing is known.
        digests: ``digest`` of each image; equal ones are duplicates also within a group.

    Returns:
        Ascending numbers of the images of each cluster of two or more, ordered by their first.
    """
    count = len(thumbnails)
    if count < 2:
        return []
    vectors, detail = unit(thumbnails), unit(thumbnails, blur=2)
    names = [str(n) for n in range(count)] if groups is None else list(groups)
    _, group, sizes = np.unique(names, return_inverse=True, return_counts=True)
    alone = sizes[group] == 1  # (N,)
    typical = _usual(vectors)
    cluster = np.arange(count)
    if digests is not None:
        cluster = _join(cluster, *_identical(digests, vectors))
    for start in range(0, count, _BLOCK):
        rows = slice(start, start + _BLOCK)
        likeness = vectors[rows] @ vectors[start:].T  # (≤ 512, N - start)
        first, second = np.nonzero(np.triu(likeness >= ALIKE, 1))
        r = likeness[first, second]
        same = r >= SAME
        if same.any():
            same &= (detail[rows] @ detail[start:].T)[first, second] >= SAME_DETAIL
        first, second = first + start, second + start
        if count >= FEWEST_FOR_USUAL:
            expected = np.maximum(typical[first], typical[second])
            stands_out = 1 - r <= STANDS_OUT * (1 - expected)
            same |= stands_out & alone[first] & alone[second]
        same &= group[first] != group[second]
        cluster = _join(cluster, first[same], second[same])
    return _clusters(cluster)


def duplicate_groups(dataset: Dataset, *, workers: int = 2) -> dict[str, str]:
    """Sample id → name of its cluster, for the split; images without a near-duplicate are left out.

    Reads every image once; the answer is kept under ``ISOLINE_HOME/prepared`` by content. Images
    that cannot be read are in no cluster: the check reports them.
    """
    key = hashlib.sha256(f"{VERSION} {dataset.content_key()}".encode()).hexdigest()[:20]
    path = home() / "prepared" / f"{dataset.info.file_name}-duplicates-{key}.json"
    if path.exists():
        return {str(id): str(name) for id, name in read_json(path).items()}

    def look(sample: Sample) -> tuple[Thumbnails, str] | None:
        try:
            return thumbnail(dataset.image(sample)), digest(dataset.stored_image(sample))
        except (InputError, OSError):
            return None

    found = list(zip(dataset.samples, in_parallel(look, dataset.samples, workers), strict=True))
    looks = [(sample, look) for sample, look in found if look is not None]
    named = cluster_names(
        [sample for sample, _ in looks],
        np.stack([small for _, (small, _) in looks]) if looks else np.empty((0, SIDE, SIDE), "f4"),
        [pixels for _, (_, pixels) in looks],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, named)
    return named


def cluster_names(
    samples: Sequence[Sample], thumbnails: Thumbnails, digests: Sequence[str]
) -> dict[str, str]:
    """Sample id → ``like <first id of its cluster>`` for the samples that are in a cluster."""
    groups = [sample.group for sample in samples]
    named = {}
    for members in near_duplicates(thumbnails, groups=groups, digests=digests):
        ids = sorted(samples[n].id for n in members)
        named.update(dict.fromkeys(ids, f"like {ids[0]}"))
    return named


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Results in the order of the items, at most two per worker waiting: memory stays bounded."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * max(1, workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _usual(vectors: Thumbnails) -> NDArray[np.float32]:
    """95th percentile of each image's correlation with the others, at most 1000 of them, (N,)."""
    order = sorted(range(len(vectors)), key=lambda n: digest(vectors[n]))  # not the file order
    references = np.array(order[:_REFERENCES])
    kth = int(TYPICAL * (len(references) - 1))
    typical = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        likeness = vectors[start : start + _BLOCK] @ vectors[references].T
        likeness[np.arange(start, start + len(likeness))[:, None] == references] = -1
        typical[start : start + _BLOCK] = np.partition(likeness, kth, axis=1)[:, kth]
    return typical


def _identical(
    digests: Sequence[str], vectors: Thumbnails
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of equal digests; flat images carry nothing that could leak."""
    places: dict[str, list[int]] = {}
    for n, found in enumerate(digests):
        if vectors[n].any():
            places.setdefault(found, []).append(n)
    pairs = [pair for members in places.values() for pair in pairwise(members)]
    table = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _join(cluster: NDArray[Any], first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[Any]:
    """Clusters after joining pairs, as a number per image, (N,)."""
    if not len(first):
        return cluster
    from scipy import sparse
    from scipy.sparse import csgraph

    ones = np.ones(len(first), np.int32)
    shape = (int(cluster.max()) + 1,) * 2
    graph = sparse.coo_array((ones, (cluster[first], cluster[second])), shape=shape)
    _, joined = csgraph.connected_components(graph, directed=False)
    merged: NDArray[Any] = joined[cluster]
    return merged


def _clusters(cluster: NDArray[Any]) -> list[list[int]]:
    members: dict[int, list[int]] = {}
    for n, number in enumerate(cluster.tolist()):
        members.setdefault(number, []).append(n)
    return [found for found in members.values() if len(found) > 1]
