"""Image files as people have them, each with its right value: the rows of the folder ``cases``.

The folder is looked for in ISOLINE_CASES, else in ../shared/cases beside the checkout; its README
numbers the rows. Skipped where it is not there.
"""

import io
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from core.errors import InputError
from core.export import Case, ModelFacts, export
from core.imaging import Image, Volume, read_all, read_image
from core.imaging.collection import survey
from core.imaging.read import page_count, read_any
from core.threshold.postprocessing import PostProcessing

pytestmark = pytest.mark.realdata

SPACING = {
    # file, page: height and width of a pixel in mm
    ("pictures/t1_ome_two_images.ome.tif", 0): (0.0005, 0.00025),
    ("pictures/t1_ome_two_images.ome.tif", 1): (0.002, 0.001),
    **{("pictures/t2_ome_czyx.ome.tif", page): (0.0003, 0.0003) for page in range(6)},
    ("pictures/t3_ome_nm.ome.tif", 0): (0.0005, 0.00025),
    ("pictures/t3_ome_pixel.ome.tif", 0): None,
    ("pictures/t4_imagej_micron_esc.tif", 0): (0.0005, 0.00025),
    ("pictures/t4_imagej_pixel.tif", 0): None,
    ("pictures/t4_imagej_rgb.tif", 0): (0.0005, 0.00025),
    ("pictures/t10_svs_like.svs", 0): (0.000499, 0.000499),
    ("dicom/c5_ivus.dcm", 0): (0.02, 0.02),
    ("dicom/c1_us_cm.dcm", 0): (0.3, 0.2),
}
NAMED = {
    "pictures/j3_12bit.jpg": "12-bit JPEG",
    "pictures/j6.jls": "JPEG-LS",
    "pictures/j4.jp2": "JPEG 2000",
    "pictures/j7.avif": "AVIF",
    "pictures/t5_webp.tif": "compressed by WebP",
    "pictures/t5_jpeg2000.tif": "compressed by JPEG 2000",
    "pictures/t5_lerc.tif": "compressed by LERC",
    "pictures/t7_palette16.tif": "palette of 16-bit",
    "pictures/t8_10bit.tif": "10-bit samples",
    "pictures/v1.czi": "CZI.*Fiji",
    "pictures/v2.lif": "LIF.*Fiji",
    "pictures/v3.nd2": "ND2.*Fiji",
    "pictures/v4.oib": "OIB",
    "pictures/v5.h5": "HDF5",
    "pictures/v6.mat": "MATLAB",
    "pictures/v10.dcm": "web page",
    "pictures/v12.mp4": "video.*frames",
    "pictures/v13.vtk": "VTK",
    "pictures/v14.tif": "Git LFS",
    "pictures/v15.nii.gz": "Git LFS",
    "pictures/v18.rar": "RAR archive.*unpack",
    "pictures/v19.7z": "7z archive.*unpack",
    "pictures/v23.json": "JSON",
    "pictures/v24.sqlite": "SQLite",
    "volumes/n17.mgz": "FreeSurfer",
    "volumes/y3_chw.npy": "channels or slices",
    "volumes/y4_hw2.npy": "channels or slices",
}
ONE_VOLUME = [
    *("b12_rounded_z", "b13_gap", "b9_turned", "b14_regular"),
    *("b1_jitter", "b2_spacing_digits", "b6_thickness"),
]
STORED = [
    *(f"dicom/d{n}" for n in ("1_jpegls16", "2_jpegls12", "4_jpeg12_extended", "5_ljpeg")),
    *(f"dicom/d{n}" for n in ("6_ljpeg_signed", "7_jpegls_signed", "8_j2k_signed", "9_htj2k")),
    "dicom/d11_rle",
]
SAMPLES = [
    *("pictures/p1_16.png", "pictures/p3_interlaced16.png", "pictures/p3_interlaced_rgb16.png"),
    *("pictures/t5_big_tiled_lzw.tif", "pictures/t5_float_lzw_pred3.tif"),
    *("pictures/t5_rgb8_lzw_planar.tif", "pictures/t5_zstd.tif", "pictures/t5_lzma.tif"),
    *("pictures/t8_12bit.tif", "pictures/t15_i8.tif"),
]


@pytest.fixture(scope="session")
def cases() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared" / "cases"
    folder = Path(os.environ.get("ISOLINE_CASES", beside))
    if not folder.is_dir():
        pytest.skip("no cases; set ISOLINE_CASES to their folder")
    return folder


def volumes_of(path: Path) -> list[Volume]:
    return [found for found in read_all([path]) if isinstance(found, Volume)]


def case(volume: Volume, mask: NDArray[np.bool_]) -> Case:
    return Case(
        name="scan",
        image=np.zeros(mask.shape, np.uint8),
        levels=np.where(mask, np.uint16(900), np.uint16(100)),
        k=500,
        threshold_source="fixed",
        model=ModelFacts(name="tester"),
        post_processing=PostProcessing(),
        spacing_mm=volume.slice_spacing_mm(),
        geometry=volume,
        plane=volume.plane,
        sources=volume.source_files,
    )


def bright(volume: Volume) -> NDArray[np.bool_]:
    return np.asarray(volume.slices() > np.percentile(volume.array, 80))


@pytest.mark.parametrize("kind", ["descending", "ascending", "coronal", "sagittal"])
def test_row_1_a_segmentation_of_frames_in_any_order(cases: Path, kind: str) -> None:
    path = cases / "dicom" / f"a2_enhanced_{kind}.dcm"
    (volume,) = volumes_of(path)
    made = pydicom.dcmread(io.BytesIO(export("dicom-seg", case(volume, bright(volume)))[1]))
    source = pydicom.dcmread(path)
    wanted = source.pixel_array > np.percentile(volume.array, 80)
    places = [
        tuple(item.PlanePositionSequence[0].ImagePositionPatient)
        for item in source.PerFrameFunctionalGroupsSequence
    ]
    expected = dict(zip(places, wanted, strict=True))
    frames = made.pixel_array.reshape(-1, source.Rows, source.Columns) > 0
    found = 0
    for item, frame in zip(made.PerFrameFunctionalGroupsSequence, frames, strict=True):
        place = tuple(item.PlanePositionSequence[0].ImagePositionPatient)
        assert np.array_equal(frame, expected[place])
        found += int(frame.sum())
    assert found == int(wanted.sum()) > 0


def test_row_7_every_frame_has_its_slope(cases: Path) -> None:
    (volume,) = volumes_of(cases / "dicom" / "a1_slope_per_frame.dcm")
    assert [int(one.max()) for one in volume.slices()] == [100, 200, 490, 1003]


def test_row_8_the_unit_of_a_space(cases: Path) -> None:
    (volume,) = volumes_of(cases / "volumes" / "r1_microns.nrrd")
    assert volume.spacing_mm == pytest.approx((0.0005, 0.0005, 0.002))


@pytest.mark.parametrize(("name", "page"), list(SPACING))
def test_rows_9_10_35_37_the_spacing_of_a_page(cases: Path, name: str, page: int) -> None:
    wanted = SPACING[name, page]
    found = read_image(cases / name, page=page).spacing_mm
    assert found == (None if wanted is None else pytest.approx(wanted))


def test_row_11_rounded_positions(cases: Path) -> None:
    (volume,) = volumes_of(cases / "dicom" / "b12_rounded_z")
    assert volume.spacing_mm[2] == pytest.approx(0.625)
    last = volume.affine @ [0, 0, volume.shape[2] - 1, 1]
    assert last[2] == pytest.approx(25.0)


@pytest.mark.parametrize("name", ONE_VOLUME)
def test_row_12_a_segmentation_frame_for_each_image(cases: Path, name: str) -> None:
    (volume,) = volumes_of(cases / "dicom" / name)
    mask = np.ones(volume.slices().shape, bool)
    made = pydicom.dcmread(io.BytesIO(export("dicom-seg", case(volume, mask))[1]))
    places = {
        tuple(item.PlanePositionSequence[0].ImagePositionPatient)
        for item in made.PerFrameFunctionalGroupsSequence
    }
    sources = [pydicom.dcmread(io.BytesIO(one.read())) for one in volume.source_files]
    assert places == {tuple(source.ImagePositionPatient) for source in sources}


def test_row_13_a_localizer_is_three_images(cases: Path) -> None:
    path = cases / "dicom" / "a3_localizer.dcm"
    pages = [read_image(path, page=page) for page in range(page_count(path))]
    assert [page.sides for page in pages] == ["RLAP", "APSI", "RLSI"]
    assert not any(page.warnings for page in pages)


@pytest.mark.parametrize("name", ["b1_jitter", "b6_thickness", "b2_spacing_digits"])
def test_row_14_a_series_is_grouped_with_tolerances(cases: Path, name: str) -> None:
    (volume,) = volumes_of(cases / "dicom" / name)
    assert volume.shape[2] == 6
    assert volume.spacing_mm[2] == pytest.approx(2.0)
    assert not volume.warnings


def test_row_15_most_significant_byte_first(cases: Path) -> None:
    (volume,) = volumes_of(cases / "volumes" / "m3_T.mha")
    assert volume.array[:4, 0, 0].tolist() == [0, 432, 864, 1296]


def test_row_22_arrays_of_channels(cases: Path) -> None:
    assert read_image(cases / "volumes" / "y1_hw4.npy").pixels.shape[:2] == (64, 72)
    assert read_image(cases / "volumes" / "y2_hw1.npy").pixels.shape == (64, 72)


@pytest.mark.parametrize(("plane", "width"), [("sagittal", 24), ("coronal", 20)])
def test_row_23_one_slice_in_its_own_plane(cases: Path, plane: str, width: int) -> None:
    path = cases / "volumes" / f"n13_one_{plane}.nii.gz"
    found = read_any(path)
    assert isinstance(found, Image)
    assert found.pixels.shape == (18, width)
    assert page_count(path) == 1


def test_row_24_two_places_are_said(cases: Path) -> None:
    (volume,) = volumes_of(cases / "volumes" / "n1_sform_qform.nii.gz")
    assert volume.spacing_mm == (1.0, 1.0, 2.0)
    (warning,) = volume.warnings
    assert "sform" in warning
    assert "0.5 x 0.5 x 3" in warning


@pytest.mark.parametrize("name", ["d15_no_preamble", "d16_raw_dataset"])
def test_row_29_dicom_without_its_head(cases: Path, name: str) -> None:
    path = cases / "dicom" / f"{name}.dcm"
    wanted = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in wanted.file_meta:
        wanted.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    assert wanted.PhotometricInterpretation == "MONOCHROME1"  # shown with more being brighter
    assert np.array_equal(read_image(path).pixels, 4095 - wanted.pixel_array)
    (item,) = survey([path]).items
    assert item.series is not None


@pytest.mark.parametrize("name", list(NAMED))
def test_rows_32_33_true_reasons(cases: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=NAMED[name]) as fault:
        read_image(cases / name)
    assert "damaged" not in str(fault.value)
    assert capfd.readouterr().err == ""  # nothing of libtiff's


def test_row_35_a_slide_without_its_label(cases: Path) -> None:
    path = cases / "pictures" / "t10_svs_like.svs"
    assert page_count(path) == 1
    assert read_image(path).pixels.shape == (288, 384, 3)


def test_row_36_a_mosaic_is_said(cases: Path) -> None:
    found = read_image(cases / "dicom" / "d18_mosaic.dcm")
    assert any("mosaic" in line for line in found.warnings)
    assert found.affine is None
    assert found.sides == ""


@pytest.mark.parametrize("name", STORED)
def test_right_today_samples_of_dicom(cases: Path, name: str) -> None:
    expected = np.load(cases / f"{name}.dcm.expected.npy")
    header = pydicom.dcmread(cases / f"{name}.dcm", stop_before_pixels=True)
    slope, intercept = (float(header.get(key, d)) for key, d in _SCALING)
    found = read_image(cases / f"{name}.dcm").pixels
    lossy = 2 if "jpeg12" in name else 0
    assert np.abs(found - (expected * slope + intercept)).max() <= lossy


_SCALING = (("RescaleSlope", 1), ("RescaleIntercept", 0))


@pytest.mark.parametrize("name", SAMPLES)
def test_right_today_samples_of_pictures(cases: Path, name: str) -> None:
    assert np.array_equal(read_image(cases / name).pixels, np.load(cases / f"{name}.expected.npy"))
