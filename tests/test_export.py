"""What is downloaded: read back by other programs, it is the same mask, on the same voxels."""

import csv
import gzip
import io
import json
from dataclasses import replace
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow
from pycocotools import mask as coco_mask  # type: ignore[import-untyped]
from scipy import ndimage

from core.errors import InputError
from core.export import DISCLAIMER, EXPORTS, Case, ModelFacts, export
from core.imaging.planes import PLANES, to_slices
from core.imaging.volume import Geometry, axes_of
from core.threshold.postprocessing import PostProcessing

FACTS = ModelFacts(name="tester", sha256="ab" * 32, marks="cells", limits=("None known.",))


def smooth(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.uint16]:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    return np.asarray((noise - noise.min()) / np.ptp(noise) * 1000).astype(np.uint16)


def case(shape: tuple[int, ...] = (40, 56), **changes: Any) -> Case:
    known: dict[str, Any] = {
        "name": "picture",
        "image": np.full(shape, 90, np.uint8),
        "levels": smooth(shape),
        "k": 560,
        "threshold_source": "Best Dice on validation",
        "model": FACTS,
    }
    return Case(**{**known, **changes})


def picture(content: bytes) -> NDArray[Any]:
    with Pillow.open(io.BytesIO(content)) as opened:
        return np.asarray(opened)


def nifti(content: bytes) -> Any:
    return nibabel.nifti1.Nifti1Image.from_bytes(gzip.decompress(content))


@pytest.mark.parametrize("name", [name for name in EXPORTS if name != "dicom-seg"])
@pytest.mark.parametrize("shape", [(40, 56), (5, 40, 56)])
def test_every_export_is_made_or_refused_in_words(name: str, shape: tuple[int, ...]) -> None:
    given = case(shape)
    if given.is_volume and not EXPORTS[name].volumes:
        with pytest.raises(InputError, match=r"picture: .*NIfTI"):
            export(name, given)
        return
    file, content = export(name, given)
    assert file == f"picture{EXPORTS[name].suffix}"
    assert len(content) > 20
    empty = replace(given, levels=np.zeros(shape, np.uint16))
    assert len(export(name, empty)[1]) > 20


@pytest.mark.parametrize(
    "name", [name for name in EXPORTS if name not in {"dicom-seg", "report", "report-pdf"}]
)
def test_the_same_case_gives_the_same_bytes(name: str) -> None:
    assert export(name, case())[1] == export(name, case())[1]


def test_an_unknown_format_lists_the_choices() -> None:
    with pytest.raises(InputError, match="unknown format 'jpg'; choose one of mask, label"):
        export("jpg", case())


def test_mask_and_labels_are_those_of_the_threshold() -> None:
    given = case()
    assert np.array_equal(picture(export("mask", given)[1]), (given.levels >= 560) * 255)
    labels = picture(export("label", given)[1])
    assert np.array_equal(labels > 0, given.mask)
    assert [int((labels == c.number).sum()) for c in given.components] == [
        c.size for c in given.components
    ]
    assert labels.max() == ndimage.label(given.mask, np.ones((3, 3)))[1]


def test_many_components_take_sixteen_bits() -> None:
    levels = np.zeros((60, 60), np.uint16)
    levels[::2, ::2] = 1000
    labels = picture(export("label", case((60, 60), levels=levels))[1])
    assert labels.dtype == np.uint16
    assert labels.max() == 900


def test_clean_up_and_corrections_are_in_every_mask() -> None:
    given = case(post_processing=PostProcessing(largest_component=True))
    assert given.row["components"] == 1
    corrected = np.zeros((40, 56), bool)
    corrected[3, 4] = True
    redrawn = replace(given, corrected=corrected)
    assert np.array_equal(picture(export("mask", redrawn)[1]) > 0, corrected)
    assert redrawn.row["foreground_px"] == 1


def test_an_overlay_shows_prediction_and_truth() -> None:
    truth = np.zeros((40, 56), bool)
    truth[:3] = True
    drawn = picture(export("overlay", case(truth=truth))[1])
    colours = {tuple(colour) for colour in drawn.reshape(-1, 3).tolist()}
    assert {(0xF0, 0xE4, 0x42), (0x56, 0xB4, 0xE9)} <= colours


def test_a_probability_tiff_gives_every_mask() -> None:
    given = case((3, 40, 56), spacing_mm=(2.0, 0.5, 0.25))
    with tifffile.TiffFile(io.BytesIO(export("probability", given)[1])) as opened:
        assert np.array_equal(opened.asarray(), given.levels)
        first: Any = opened.pages[0]
        assert json.loads(first.description)["probability"] == "value / 1000"
        across = first.tags["XResolution"].value
    assert across[0] / across[1] == pytest.approx(40)  # pixels in a centimetre


AFFINES = {
    "straight": np.diag([1.0, 2.0, 3.0, 1.0]),
    "flipped": np.array([[-0.7, 0, 0, 90], [0, -0.8, 0, 80], [0, 0, 2, -40], [0, 0, 0, 1.0]]),
    "turned": np.array([[0, 0, -2, 9], [0.5, 0, 0, 8], [0, -0.6, 0, 7], [0, 0, 0, 1.0]]),
    "oblique": np.array(
        [[0.9, 0.3, -0.5, 1], [-0.35, 1.1, 0.4, 2], [0.3, -0.2, 2.4, 3], [0, 0, 0, 1.0]]
    ),
}


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("kind", AFFINES)
def test_a_nifti_mask_lies_on_the_voxels_of_its_source(kind: str, plane: str) -> None:
    affine = AFFINES[kind]
    spacing_mm, orientation = axes_of(affine)
    voxels = smooth((9, 10, 11))
    geometry = Geometry(
        shape=voxels.shape,
        affine=affine,
        spacing_mm=spacing_mm,
        orientation=orientation,
        name="v.nii",
        source="",
    )
    levels = to_slices(voxels, orientation, plane=plane)
    given = case(levels.shape, levels=levels, geometry=geometry, plane=plane)
    back = nifti(export("nifti", given)[1])
    assert np.array_equal(np.asarray(back.dataobj), voxels >= 560)
    assert back.affine == pytest.approx(affine)
    assert back.header.get_xyzt_units()[0] == "mm"
    probability = nifti(export("probability-nifti", given)[1])
    assert np.asarray(probability.dataobj.get_unscaled()).tolist() == voxels.tolist()
    assert np.asarray(probability.dataobj) == pytest.approx(voxels / 1000)
    assert nibabel.orientations.aff2axcodes(back.affine) == tuple(orientation)  # type: ignore[no-untyped-call]


def test_a_picture_is_a_nifti_of_one_slice() -> None:
    unknown = nifti(export("nifti", case())[1])
    assert unknown.shape == (56, 40, 1)
    assert unknown.header.get_xyzt_units()[0] == "unknown"
    spaced = nifti(export("nifti", case(spacing_mm=(0.5, 0.25)))[1])
    assert spaced.header.get_zooms() == pytest.approx((0.25, 0.5, 1))
    assert np.array_equal(np.asarray(spaced.dataobj)[..., 0].T, case().mask)
    codes = nibabel.orientations.aff2axcodes(spaced.affine)  # type: ignore[no-untyped-call]
    assert codes == ("L", "P", "S")


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # pycocotools on numpy 2
@pytest.mark.parametrize("seed", range(3))
def test_coco_gives_the_mask_back_exactly(seed: int) -> None:
    levels = smooth((40, 56), seed)
    levels[18:22, 20:30] = 1000
    levels[19:21, 24] = 0  # a hole, which COCO's polygons cannot say
    levels[22, 30] = 1000  # a touch across a corner
    given = case(levels=levels)
    document = json.loads(export("coco", given)[1])
    together = np.zeros(levels.shape, bool)
    kinds = set()
    for annotation, found in zip(document["annotations"], given.components, strict=True):
        shape = annotation["segmentation"]
        kinds.add(type(shape))
        runs = (
            coco_mask.merge(coco_mask.frPyObjects(shape, 40, 56))
            if isinstance(shape, list)
            else coco_mask.frPyObjects(shape, 40, 56)
        )
        decoded = coco_mask.decode(runs).astype(bool)
        assert decoded.sum() == annotation["area"] == found.size
        assert coco_mask.toBbox(runs).tolist() == annotation["bbox"]
        together |= decoded
    assert np.array_equal(together, given.mask)
    assert kinds == {list, dict}
    assert DISCLAIMER in document["info"]["description"]


def test_contours_say_their_holes() -> None:
    levels = np.zeros((6, 6), np.uint16)
    levels[1:5, 1:5] = 1000
    levels[2, 2] = 0
    document = json.loads(export("contours", case((6, 6), levels=levels))[1])
    (found,) = document["components"]
    assert found["outer"] == [[1, 1], [5, 1], [5, 5], [1, 5]]
    assert len(found["holes"]) == 1


@pytest.mark.parametrize("shape", [(40, 56), (4, 40, 56)])
def test_measurements_are_a_table(shape: tuple[int, ...]) -> None:
    spacing_mm = (2.0, 0.5, 0.5)[-len(shape) :]
    given = case(shape, spacing_mm=spacing_mm)
    rows = list(csv.DictReader(io.StringIO(export("csv", given)[1].decode())))
    assert len(rows) == len(given.components) > 1
    first, found = rows[0], given.components[0]
    size = found.volume_ml if given.is_volume else found.area_mm2
    name = "volume_ml" if given.is_volume else "area_mm2"
    assert float(first[name]) == pytest.approx(size)
    assert float(first["longest_diameter_mm"]) == pytest.approx(found.longest.mm, abs=1e-6)
    assert int(first["first_row"]) == found.bounding_box[-4 if not given.is_volume else 1]
    assert float(first["centroid_column_px"]) == pytest.approx(found.centroid[-1], abs=1e-3)
