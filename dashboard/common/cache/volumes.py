"""Whole volumes: their slices, their way through a network, and the viewer's message."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.imaging import WINDOWS_HU, Volume
from core.inference.slice_by_slice import VolumePrediction
from core.levels import LevelMap
from core.system.background import RUNNING
from dashboard.common.cache.models import stamp_of, trained_model
from dashboard.common.cache.recent import LOCK, cached, id_of
from dashboard.components.volume_viewer import VolumeScene, pack_volume


def volume_slices(key: tuple[Any, ...], volume: Volume) -> tuple[NDArray[np.uint8], str]:
    """The slices of a volume as the network sees them, (D, H, W), and a name for their content.

    Args:
        key: Names the upload and its grey window.
        volume: In its grey window.
    """

    def make() -> tuple[NDArray[np.uint8], str]:
        slices = volume.to_uint8()
        return slices, id_of(slices)

    found: tuple[NDArray[np.uint8], str] = cached(
        ("slices", *key), make, lambda made: made[0].nbytes
    )
    return found


def volume_prediction(model_key: str, slices: NDArray[np.uint8], content: str) -> VolumePrediction:
    """A volume on its way through a network, or done; one for all who look at the same volume."""

    def make() -> VolumePrediction:
        return VolumePrediction(trained_model(model_key).predictor, slices, turn=LOCK)

    key = ("volume", model_key, stamp_of(model_key), content)
    job: VolumePrediction = cached(
        key, make, lambda job: 2 * job.slices.nbytes, lambda job: job.state == RUNNING
    )
    return job


def packed_volume(model_key: str, content: str, volume: Volume, levels: LevelMap) -> bytes:
    """The volume viewer's message.

    Args:
        model_key: Whose levels they are.
        content: Names the slices that it saw.
        volume: In its grey window.
        levels: Shape (D, H, W).
    """
    point = trained_model(model_key).operating_point
    window = volume.window or volume.full_window()

    def make() -> bytes:
        hounsfield = volume.facts.unit == "HU"
        return pack_volume(
            VolumeScene(
                values=volume.slices(),
                levels=levels,
                plane=volume.plane,
                spacing_mm=volume.slice_spacing_mm(),
                voxel_mm3=volume.voxel_mm3 if volume.spacing_known else None,
                sides_known=volume.orientation_known,
                window=window,
                unit=volume.facts.unit,
                presets={n.capitalize(): w for n, w in WINDOWS_HU.items()} if hounsfield else {},
                operating_point=point.k,
                operating_point_name=point.name,
                title=volume.name,
            )
        )

    key = ("packed volume", model_key, stamp_of(model_key), repr(point), content, repr(window))
    # What a file states beside its voxels may be mended and the file brought again.
    stated = (volume.name, volume.affine.tobytes(), volume.orientation_known, volume.spacing_known)
    packed: bytes = cached((*key, *stated), make, len)
    return packed
