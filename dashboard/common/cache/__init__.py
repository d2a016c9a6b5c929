"""Every cache of the dashboard, all of them bounded; the rest wraps ``core``.

Examples: 16 images. Data sets: 4. Thumbnails: 2,000 of about 10 KB. Networks, uploads, level maps,
packed scenes, volumes and work under way: by bytes, see ``recent``. All users of one server share
them, keyed by content or by the id of an uploaded file.
"""

from dashboard.common.cache.datasets import (
    check,
    clusters,
    dataset_at,
    dataset_listed,
    fingerprint,
    is_checked,
    opened_dataset,
    thumbnail,
)
from dashboard.common.cache.images import (
    ItemKey,
    batch_prediction,
    example,
    level_map,
    packed_scene,
    uncertainty_map,
    upload,
    upload_collection,
    upload_item,
    upload_pages,
    with_intensities,
)
from dashboard.common.cache.models import (
    OPENS_WITH,
    facts_of_model,
    model_names,
    split_key,
    trained_model,
)
from dashboard.common.cache.recent import (
    LOCK,
    cached,
    id_of,
)
from dashboard.common.cache.volumes import (
    packed_volume,
    volume_prediction,
    volume_slices,
)

__all__ = [
    "LOCK",
    "OPENS_WITH",
    "ItemKey",
    "batch_prediction",
    "cached",
    "check",
    "clusters",
    "dataset_at",
    "dataset_listed",
    "example",
    "facts_of_model",
    "fingerprint",
    "id_of",
    "is_checked",
    "level_map",
    "model_names",
    "opened_dataset",
    "packed_scene",
    "packed_volume",
    "split_key",
    "thumbnail",
    "trained_model",
    "uncertainty_map",
    "upload",
    "upload_collection",
    "upload_item",
    "upload_pages",
    "volume_prediction",
    "volume_slices",
    "with_intensities",
]
