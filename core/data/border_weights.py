"""The border term of U-Net's weight map: high in the narrow background between two objects.

Ronneberger 2015 (U-Net: convolutional networks for biomedical image segmentation, arXiv
1505.04597), equation 2: w(x) = w_c(x) + w0 exp(−(d1(x) + d2(x))² / 2σ²), d1 and d2 the distances
to the nearest and the second nearest object. The class weight w_c is the loss's affair.
"""

import numpy as np
from numpy.typing import NDArray

REACH = 6
"""Distances beyond this many σ count as infinite: their term is below 2e-8 of w0."""


def border_weights(
    instances_or_mask: NDArray[np.integer] | NDArray[np.bool_],
    *,
    w0: float = 10.0,
    sigma_px: float = 5.0,
) -> NDArray[np.float32]:
    """w0 exp(−(d1 + d2)² / 2σ²) on the background, 0 on the objects, as in the paper's figure 3d.

    Distances are between pixel centres, to the nearest pixel of an object. Objects that touch have
    no background between them and hence no border: where a mask merges them, the map cannot part
    them. Each object costs a distance transform of its surroundings, not of the image.

    Args:
        instances_or_mask: Shape (H, W). Values above 1: the number of the object at each pixel.
            Only 0 and 1 (or bool): a mask, whose connected components (of 8 neighbours) are taken.
        w0: Height.
        sigma_px: Width, above 0.

    Returns:
        Shape (H, W); 0 everywhere where there are fewer than two objects.
    """
    from scipy import ndimage  # 0.2 s; only where the map is computed

    given = np.asarray(instances_or_mask)
    is_mask = given.max(initial=0) <= 1
    numbered = ndimage.label(given, structure=np.ones((3, 3)))[0] if is_mask else given
    objects: NDArray[np.int32] = np.asarray(numbered, dtype=np.int32)
    margin = int(np.ceil(REACH * sigma_px))
    nearest = np.full(objects.shape, np.inf)
    second = np.full(objects.shape, np.inf)
    places: list[tuple[slice, ...] | None] = list(ndimage.find_objects(objects))
    for number, place in enumerate(places, start=1):
        if place is None:  # numbers may have gaps
            continue
        around = tuple(slice(max(0, axis.start - margin), axis.stop + margin) for axis in place)
        distance = ndimage.distance_transform_edt(objects[around] != number)
        second[around] = np.minimum(second[around], np.maximum(nearest[around], distance))
        nearest[around] = np.minimum(nearest[around], distance)
    weights = w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma_px**2))
    return np.where(objects > 0, 0, weights).astype(np.float32)
