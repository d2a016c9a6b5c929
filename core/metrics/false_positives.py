"""Marks that touch no lesion: false-positive components of an image at all thresholds at once.

A component of the mask at threshold k is a node of the level map's max-tree (Salembier 1998): the
node lives from the level of its parent (exclusive) to its own (inclusive). So the components of all
1001 masks are counted from one tree, exactly, without labelling 1001 masks.
"""

import numpy as np
from numpy.typing import NDArray

from core.levels import STEPS, LevelMap
from core.metrics.sweep import Counts

DEFINITION = (
    "a connected component (8-neighbourhood) of the mask that touches no pixel of the truth; "
    "mean over all images, those without foreground too"
)


def false_positive_components(levels: LevelMap, truth: NDArray[np.bool_ | np.uint8]) -> Counts:
    """How many components of the mask touch no foreground, at every threshold.

    Args:
        levels: Level map, two or three dimensions.
        truth: Reference foreground, the same shape.

    Returns:
        Counts, shape (1, T).
    """
    from skimage.morphology import max_tree  # 0.3 s; only where components are counted

    tree: tuple[NDArray[np.int64], NDArray[np.int64]] = max_tree(  # type: ignore[no-untyped-call]
        levels, connectivity=levels.ndim
    )
    parent, order = tree
    parent, level = parent.ravel(), levels.ravel().astype(np.int64)
    root = order[0]
    touched = np.zeros(parent.size, dtype=bool)
    frontier = np.flatnonzero(truth)
    while len(frontier):  # up the tree; at most one round for every level
        touched[frontier] = True
        above = np.unique(parent[frontier])
        frontier = above[~touched[above]]
    node = level[parent] < level  # the pixel that stands for its component
    node[root] = True
    born = np.where(np.arange(parent.size) == root, -1, level[parent])
    alone = np.flatnonzero(node & ~touched)
    change = np.bincount(level[alone], minlength=STEPS + 1) - np.bincount(
        born[alone][born[alone] >= 0], minlength=STEPS + 1
    )
    # Alive at k: its own level is at least k, its parent's is below.
    return change[::-1].cumsum()[::-1][None].astype(np.int64)
