"""Volumes, DICOM and whole collections: the values, geometry and warnings they are read with."""

import io
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from core.errors import InputError
from core.imaging import (
    WINDOWS_HU,
    Image,
    SourceFile,
    Volume,
    page_count,
    read_all,
    read_any,
    read_image,
    survey,
    window_of,
)
from core.imaging.planes import from_slices
from tests.uploads import D, H, W, ct, ct_series, mha, nifti, npy, nrrd, ramp, saved, zipped

nib: Any = nibabel


def as_image(data: bytes, page: int = 0) -> Image:
    return read_image(data, name="scan", page=page)


def as_volume(data: bytes) -> Volume:
    found = read_any(data, name="scan")
    assert isinstance(found, Volume)
    return found


def given(files: list[bytes]) -> list[SourceFile]:
    return [SourceFile(name=f"IM{n}", data=data) for n, data in enumerate(files)]


def series_of(files: list[bytes]) -> Volume:
    (item,) = survey(given(files)).items
    found = item.read()
    assert isinstance(found, Volume)
    return found


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_any(data, name="scan")
    sentence = str(caught.value)
    assert sentence.startswith("scan: ")
    assert "\n" not in sentence
    return sentence


# ---------------------------------------------------------------- NRRD, MetaImage, NumPy

XYZ = ramp(depth=D).transpose(2, 1, 0)  # (W, H, D)


@pytest.mark.parametrize(
    "data",
    [nrrd(XYZ), nrrd(XYZ, encoding="gzip"), mha(XYZ), mha(XYZ, packed=True)],
    ids=["nrrd", "nrrd gzip", "mha", "mha packed"],
)
def test_nrrd_and_metaimage(data: bytes) -> None:
    volume = as_volume(data)
    assert np.array_equal(volume.array, XYZ)
    assert (volume.spacing_mm, volume.orientation) == ((1.0, 2.0, 3.0), "LPS")
    assert np.array_equal(volume.affine[:3, 3], [-10, -20, 30])
    assert volume.slices().shape == (D, H, W)
    assert page_count(data) == D
    assert np.array_equal(as_image(data, 3).pixels, ramp(depth=D)[3])
    assert as_image(data).spacing_mm == (2.0, 1.0)
    with pytest.raises(InputError, match="no page 5; the file has 5 pages"):
        as_image(data, D)


def test_an_nrrd_in_other_spaces_lies_at_the_same_place() -> None:
    lps = as_volume(nrrd(XYZ))
    for space, signs in (("right-anterior-superior", (-1, -1, 1)), ("LAS", (1, -1, 1))):
        data = nrrd(XYZ).replace(b"left-posterior-superior", space.encode())
        x, y, z = (f"({a},{b},{c})" for a, b, c in np.diag(np.multiply(signs, (1, 2, 3))))
        data = data.replace(b"(1,0,0) (0,2,0) (0,0,3)", f"{x} {y} {z}".encode())
        origin = ",".join(map(str, np.multiply(signs, (10, 20, 30))))
        volume = as_volume(data.replace(b"(10,20,30)", f"({origin})".encode()))
        assert np.array_equal(volume.affine, lps.affine)


def test_mhd_with_its_second_file(tmp_path: Path) -> None:
    head, voxels = mha(XYZ, file="brain.raw"), XYZ.tobytes(order="F")
    (tmp_path / "brain.mhd").write_bytes(head)
    with pytest.raises(InputError, match="second file is not beside it"):
        read_any(tmp_path / "brain.mhd")
    (tmp_path / "brain.raw").write_bytes(voxels)
    assert np.array_equal(read_any(tmp_path / "brain.mhd").array, XYZ)  # type: ignore[union-attr]
    for sources in (
        [tmp_path],
        [SourceFile(name="a.zip", data=zipped({"x/brain.mhd": head, "x/brain.raw": voxels}))],
        [SourceFile(name="brain.mhd", data=head), SourceFile(name="brain.raw", data=voxels)],
    ):
        found = survey(sources)
        (item,) = found.items
        volume = item.read()
        assert isinstance(volume, Volume)
        assert np.array_equal(volume.array, XYZ)
        assert found.problems == ()
    assert "second file" in refusal(head)
    assert "another folder" in refusal(mha(XYZ, file="../../etc/passwd"))


def test_npy() -> None:
    volume = as_volume(npy(ramp(depth=D)))
    assert np.array_equal(volume.slices(), ramp(depth=D))
    assert not volume.spacing_known
    assert volume.image(0).spacing_mm is None
    assert np.array_equal(as_image(npy(ramp("f4"))).pixels, ramp("f4"))
    colour = np.stack([ramp("u1"), ramp("u1") // 2, ramp("u1")], axis=2)
    assert np.array_equal(as_image(npy(colour)).pixels, colour)
    swapped = ramp("i4").astype(">i4")
    assert as_image(npy(swapped)).pixels.dtype.isnative


def test_nifti_is_read_as_slices_too() -> None:
    data = nifti(XYZ)
    assert page_count(data) == D
    assert np.array_equal(as_image(data, 2).pixels, ramp(depth=D)[2])
    assert as_image(data, 2).source.endswith("axial slice 3 of 5")
    assert isinstance(read_any(nifti(XYZ[..., :1]), name="a"), Image)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_mask_drawn_on_slices_goes_back_to_its_voxels(plane: str) -> None:
    volume = as_volume(nifti(XYZ))
    slices = volume.slices(plane)
    assert np.array_equal(from_slices(slices, volume.orientation, plane=plane), volume.array)
    assert np.array_equal(volume.image(1, plane).pixels, slices[1])
    assert volume.to_uint8((0, 100), plane=plane).shape == slices.shape
    with pytest.raises(InputError, match="no slice"):
        volume.image(len(slices), plane)


def test_slices_share_their_greys() -> None:
    stack = np.stack([np.full((H, W), value, np.int16) for value in (0, 50, 100, 100)])
    stack[:, 0, 0] = 0
    volume = as_volume(npy(stack))
    assert [int(volume.image(n).grey8()[5, 5]) for n in range(4)] == [0, 128, 255, 255]
    assert volume.to_uint8()[:, 5, 5].tolist() == [0, 128, 255, 255]


def test_windows_by_pencil() -> None:
    image = Image(pixels=np.array([[-1000, 40, 80, 3000]], np.int16), name="a")
    assert image.windowed(WINDOWS_HU["brain"]).image8().tolist() == [[0, 128, 255, 255]]
    assert image.windowed(window_of(0, 2000)).image8().tolist() == [[0, 133, 138, 255]]
    assert WINDOWS_HU["lung"] == (-1350.0, 150.0)
    assert (WINDOWS_HU["bone"].level, WINDOWS_HU["bone"].width) == (480, 2500)
    with pytest.raises(InputError, match="width must be positive"):
        window_of(0, 0)
    eight = Image(pixels=np.array([[0, 100, 200]], np.uint8), name="a", window=(50, 150))
    assert eight.image8().tolist() == [[0, 128, 255]]


# ---------------------------------------------------------------- DICOM


def test_dicom_values_are_hounsfield_units() -> None:
    image = as_image(ct(WindowCenter=40, WindowWidth=81))
    assert np.array_equal(image.pixels, ramp() - 100)
    assert image.pixels.dtype == np.int32  # 16 stored bits less 100 need more
    assert image.spacing_mm == (0.5, 0.5)
    assert image.window == (-0.5, 79.5)
    assert (image.facts.modality, image.facts.unit) == ("CT", "HU")
    assert image.facts.rescale == (1.0, -100.0)
    assert image.source == "DICOM, computed tomography, 32-bit signed grey, HU"
    assert image.affine is not None
    assert np.array_equal(np.diag(image.affine), [-0.5, -0.5, 2, 1])


def test_dicom_values_of_twelve_bits_stay_small() -> None:
    stored = ramp("u2")
    image = as_image(ct(stored, BitsStored=12, HighBit=11, RescaleIntercept=-1024))
    assert image.pixels.dtype == np.int16
    assert np.array_equal(image.pixels, stored.astype(int) - 1024)
    overlaid = stored | np.uint16(0xA000)  # as old files keep overlays above the samples
    assert np.array_equal(
        as_image(ct(overlaid, BitsStored=12, HighBit=11, RescaleIntercept=-1024)).pixels,
        image.pixels,
    )
    real = as_image(ct(stored, RescaleSlope=0.5, RescaleIntercept=0))
    assert real.pixels.dtype == np.float32
    assert np.array_equal(real.pixels, stored * 0.5)


@pytest.mark.parametrize(
    "encoding",
    [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEG2000Lossless],
    ids=lambda encoding: encoding.name,
)
def test_dicom_encodings_without_loss(encoding: Any) -> None:
    stored = ramp("u2")
    found = as_image(ct(stored, encoding=encoding)).pixels
    assert np.array_equal(found, stored.astype(int) - 100)


def test_dicom_big_endian() -> None:
    plain = pydicom.dcmread(io.BytesIO(ct()))
    plain["PixelData"].VR = "OW"
    plain.PixelData = ramp().astype(">i2").tobytes()
    plain.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, plain, implicit_vr=False, little_endian=False)
    assert np.array_equal(as_image(stream.getvalue()).pixels, ramp() - 100)


def test_dicom_jpeg_is_close() -> None:
    smooth = np.indices((H, W)).sum(axis=0).astype(np.uint8)
    found = as_image(ct(smooth, encoding=JPEGBaseline8Bit)).pixels
    assert np.abs(found - (smooth.astype(int) - 100)).max() <= 8


def test_monochrome1_is_turned_and_its_window_too() -> None:
    stored = ramp("u2")
    plain: dict[str, Any] = {
        "BitsStored": 12,
        "HighBit": 11,
        "WindowCenter": 40,
        "WindowWidth": 101,
    }
    upright = as_image(ct(stored, **plain))
    turned = as_image(ct(stored, PhotometricInterpretation="MONOCHROME1", **plain))
    assert np.array_equal(turned.pixels, 4095 - stored.astype(int) - 100)
    difference = np.abs(turned.image8().astype(int) - (255 - upright.image8().astype(int)))
    assert difference.max() <= 1
    signed = as_image(ct(PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(signed.pixels, -1 - ramp() - 100)


@pytest.mark.parametrize(
    ("modality", "words"), [("SEG", "a segmentation"), ("RTDOSE", "a radiotherapy dose")]
)
def test_a_dicom_file_that_only_looks_like_a_picture_says_so(modality: str, words: str) -> None:
    assert any(f"the file is {words}" in said for said in as_image(ct(Modality=modality)).warnings)
    assert as_image(ct()).warnings == ()


def test_dicom_colours() -> None:
    colour = np.stack([ramp("u1"), ramp("u1") // 2, ramp("u1") // 3], axis=2)
    rgb = as_image(ct(colour, PhotometricInterpretation="RGB", PlanarConfiguration=0))
    assert np.array_equal(rgb.pixels, colour)
    planes = np.ascontiguousarray(np.moveaxis(colour, 2, 0))
    data = ct(colour, PhotometricInterpretation="RGB", PlanarConfiguration=1,
              PixelData=planes.tobytes())  # fmt: skip
    assert np.array_equal(as_image(data).pixels, colour)
    ybr = np.asarray(Pillow.fromarray(colour).convert("YCbCr"))
    found = as_image(ct(ybr, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=0))
    assert np.abs(found.pixels.astype(int) - colour).max() <= 3
    table = np.arange(256, dtype=np.uint16) * 257
    palette: dict[str, Any] = {
        f"{name}PaletteColorLookupTable{part}": value
        for name, shift in (("Red", 0), ("Green", 1), ("Blue", 2))
        for part, value in (
            ("Descriptor", [256, 0, 16]),
            ("Data", np.roll(table, shift).tobytes()),
        )
    }
    found = as_image(ct(ramp("u1"), PhotometricInterpretation="PALETTE COLOR", **palette))
    expected = np.stack([ramp("u1") - np.uint8(shift) for shift in range(3)], axis=2)
    assert np.array_equal(found.pixels, expected)


def test_a_modality_table_is_applied() -> None:
    item = pydicom.Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [256, 0, 16], "US"
    item.LUTData = (np.arange(256, dtype=np.uint16) ** 2).tobytes()
    data = ct(ramp("u1"), RescaleSlope=None, RescaleIntercept=None, ModalityLUTSequence=[item])
    assert np.array_equal(as_image(data).pixels, (ramp("u1").astype(np.float32) % 256) ** 2)


def test_frames_are_pages_or_a_volume() -> None:
    frames = np.stack([ramp("u1") + np.uint8(n) for n in range(3)])
    data = ct(frames[0], NumberOfFrames=3, PixelData=frames.tobytes(), ImagePositionPatient=None,
              RescaleSlope=None, RescaleIntercept=None)  # fmt: skip
    assert page_count(data) == 3
    for n in range(3):
        assert np.array_equal(as_image(data, n).pixels, frames[n])
    assert as_image(data, 2).source.endswith("page 3 of 3")
    groups = []
    for n in (2, 0, 1):  # not in order
        plane, group = pydicom.Dataset(), pydicom.Dataset()
        plane.ImagePositionPatient = [0, 0, 4.0 * n]
        group.PlanePositionSequence = [plane]
        groups.append(group)
    data = ct(frames[0], NumberOfFrames=3, PixelData=frames[[2, 0, 1]].tobytes(),
              PerFrameFunctionalGroupsSequence=groups, ImagePositionPatient=None,
              RescaleSlope=None, RescaleIntercept=None)  # fmt: skip
    volume = as_volume(data)
    assert np.array_equal(volume.slices(), frames)
    assert volume.spacing_mm == (0.5, 0.5, 4.0)


def test_ultrasound_spacing_is_that_of_its_only_region() -> None:
    def region(delta: float) -> pydicom.Dataset:
        item = pydicom.Dataset()
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
        item.PhysicalDeltaX, item.PhysicalDeltaY = delta, 2 * delta
        return item

    plain: dict[str, Any] = {"Modality": "US", "PixelSpacing": None}
    one = as_image(ct(SequenceOfUltrasoundRegions=[region(0.01)], **plain))
    assert one.spacing_mm == pytest.approx((0.2, 0.1))
    two = as_image(ct(SequenceOfUltrasoundRegions=[region(0.01), region(0.02)], **plain))
    assert two.spacing_mm is None


def test_what_a_person_should_know_is_a_warning() -> None:
    assert "burnt into the image" in as_image(ct(BurnedInAnnotation="YES")).warnings[0]
    image = as_image(ct(PixelSpacing=None, ImagerPixelSpacing=[0.1, 0.1], Modality="DX"))
    assert image.spacing_mm is None
    assert "on the detector" in image.warnings[0]
    holes = ramp("f4")
    holes[3, 4] = np.nan
    assert as_image(npy(holes)).warnings[0].startswith("1 of 1,920 values are no numbers")
    assert as_image(ct()).warnings == ()


# ---------------------------------------------------------------- series


def test_a_series_is_ordered_by_position() -> None:
    files = ct_series()
    volume = series_of([files[n] for n in (3, 0, 4, 1, 2)])
    assert np.array_equal(volume.slices()[:, 0, 0], ramp()[0, 0] - 100 + np.arange(D))
    assert volume.spacing_mm == (0.5, 0.5, 2.0)
    assert volume.orientation == "LPS"
    assert volume.warnings == ()
    assert volume.name == "CT series 1"
    assert [source.data for source in volume.source_files] == files


@pytest.mark.parametrize(
    ("orientation", "step", "code", "plane"),
    [
        ((1, 0, 0, 0, 1, 0), (0, 0, 3), "LPS", "axial"),
        ((-1, 0, 0, 0, -1, 0), (0, 0, 3), "RAS", "axial"),
        ((1, 0, 0, 0, 0, -1), (0, 3, 0), "LIP", "coronal"),
        ((0, 1, 0, 0, 0, -1), (3, 0, 0), "PIR", "sagittal"),
        ((0, 0.8, 0.6, 0, -0.6, 0.8), (3, 0, 0), "PSL", "sagittal"),
    ],
)
def test_every_voxel_of_a_series_lies_where_its_header_says(
    orientation: tuple[float, ...], step: tuple[float, ...], code: str, plane: str
) -> None:
    positions = [tuple(n * part for part in step) for n in range(3)]
    files = [
        ct(ramp() + np.int16(n), position=position, orientation=orientation)  # type: ignore[arg-type]
        for n, position in enumerate(positions)
    ]
    volume = series_of(files)
    assert (volume.orientation, volume.plane) == (code, plane)
    across, down = np.array(orientation[:3]), np.array(orientation[3:])
    for row, column, n in ((0, 0, 0), (7, 3, 1), (30, 40, 2)):
        lps = np.array(positions[n]) + 0.5 * column * across + 0.5 * row * down
        there = np.linalg.inv(volume.affine) @ [-lps[0], -lps[1], lps[2], 1]
        x, y, z = np.rint(there[:3]).astype(int)
        assert np.allclose(there[:3], (x, y, z), atol=1e-6)
        assert volume.array[x, y, z] == ramp()[row, column] + n - 100


def test_gantry_tilt_is_noticed() -> None:
    tilt = np.radians(18)
    lean = (1, 0, 0, 0, float(np.cos(tilt)), -float(np.sin(tilt)))
    volume = series_of(ct_series(orientation=lean))
    assert volume.facts.tilt_degrees == pytest.approx(18, abs=0.01)
    assert "lean by 18.0° (gantry tilt)" in volume.warnings[0]
    assert volume.voxel_mm3 == pytest.approx(0.5 * 0.5 * 2 * np.cos(tilt))


def test_missing_and_uneven_slices_are_noticed() -> None:
    files = ct_series(10)
    volume = series_of(files[:4] + files[6:])
    assert "about 2 slices are missing" in volume.warnings[0]
    assert volume.spacing_mm[2] == 2.0
    crooked = [*ct_series(4), ct(position=(0, 0, 8.4))]
    assert "2.00 to 2.40 mm apart" in series_of(crooked).warnings[0]


def test_slices_at_one_place() -> None:
    files = ct_series()
    volume = series_of([*files, files[2]])
    assert len(volume.slices()) == D
    assert "1 files hold a slice again" in volume.warnings[0]
    with pytest.raises(InputError, match="two slices lie at one place"):
        series_of([*files, ct(position=(0, 0, 4))])
    phases = [*ct_series(AcquisitionNumber=1), *ct_series(AcquisitionNumber=2)]
    assert [len(item.files) for item in survey(given(phases)).items] == [D, D]


def test_mixed_series_are_listed() -> None:
    other = ct_series(3, SeriesInstanceUID="1.2.3", Modality="MR", PixelSpacing=[1, 1])
    scout = ct(orientation=(1, 0, 0, 0, 0, -1))
    found = survey(given([*ct_series(), *other, scout]))
    assert [(item.name, item.words) for item in found.items] == [
        ("CT series 1", "CT, 5 slices of 48 x 40"),
        ("MR series 1", "MR, 3 slices of 48 x 40"),
        ("CT image 1", "CT, 48 x 40"),
    ]
    with pytest.raises(InputError, match=r"3 images or series: CT series 1 \(CT, 5 slices.*choose"):
        found.only()
    assert isinstance(found.items[1].read(), Volume)


# ---------------------------------------------------------------- collections


def test_a_folder_a_zip_and_several_files_hold_the_same(tmp_path: Path) -> None:
    files = {f"study/{n}.dcm": data for n, data in enumerate(ct_series())}
    files["study/photo.png"] = saved(Pillow.fromarray(ramp("u1")), "PNG")
    files["study/notes.txt"] = b"nothing to see"
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    archive = tmp_path / "study.zip"
    archive.write_bytes(zipped(files))
    several = [SourceFile(name=Path(name).name, data=data) for name, data in files.items()]
    for sources in ([tmp_path / "study"], [archive], several):
        found = survey(sources)
        assert [item.name for item in found.items] == ["CT series 1", "photo.png"]
        assert len(found.problems) == 1
        assert found.problems[0].startswith("notes.txt: not an image")
        volume, image = read_all(sources)
        assert isinstance(volume, Volume)
        assert isinstance(image, Image)
        assert np.array_equal(volume.slices()[1], ramp() - 99)
        assert np.array_equal(image.pixels, ramp("u1"))
        assert volume.source_files[0].read() == files["study/0.dcm"]
        assert image.source_files[0].read() == files["study/photo.png"]


def test_one_broken_slice_is_named_and_the_rest_can_be_read() -> None:
    files = ct_series()
    files[2] = files[2][:-100]
    found = survey([*given(files), SourceFile(name="a.png", data=b"\x89PNG\r\n\x1a\n")])
    with pytest.raises(InputError, match="CT series 1: file 3 of 5: its pixel data are cut short"):
        found.items[0].read()


def test_bad_collections(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no files in it"):
        survey([tmp_path / "empty"])
    with pytest.raises(InputError, match="no such file"):
        survey([tmp_path / "none"])
    with pytest.raises(InputError, match="not an image"):
        survey([SourceFile(name="a.txt", data=b"words")])
    bomb = zipped({"a.png": b"\0" * 110_000_000})
    with pytest.raises(InputError, match=r"scans\.zip: .* a zip bomb, not opened"):
        survey([SourceFile(name="scans.zip", data=bomb)])
    nested = zipped({"b.zip": zipped({"a.png": b""})})
    with pytest.raises(InputError, match="ZIP archive"):
        survey([SourceFile(name="a.zip", data=nested)])
    many = zipped({f"{n}.dcm": b"" for n in range(10_000)})
    with pytest.raises(InputError, match=r"a\.zip: it holds 10,000 files, more than 5,000"):
        survey([SourceFile(name="a.zip", data=many)])
    for n in range(10_000):
        (tmp_path / "empty" / f"{n}.dcm").touch()
    with pytest.raises(InputError, match="more than 5,000 files at once"):
        survey([tmp_path / "empty"])
    lying = bytearray(zipped({"a.png": saved(Pillow.fromarray(ramp("u1")), "PNG") * 50}))
    at = lying.rindex(b"PK\1\2")
    lying[at + 24 : at + 28] = (100).to_bytes(4, "little")  # the size it claims
    with pytest.raises(InputError, match="not what its header claims"):
        survey([SourceFile(name="a.zip", data=bytes(lying))]).items[0].read()
    with pytest.raises(InputError, match="damaged or cut short"):
        survey([SourceFile(name="a.zip", data=many[:-500])])


def test_encrypted_zip() -> None:
    data = bytearray(zipped({"a.png": b"x"}))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + at] |= 1
    with pytest.raises(InputError, match="encrypted; save the zip without a password"):
        survey([SourceFile(name="a.zip", data=bytes(data))])
    assert zipfile.is_zipfile(io.BytesIO(bytes(data)))


# ---------------------------------------------------------------- what cannot be read


def without_pixels(**elements: Any) -> bytes:
    return ct(PixelData=None, **elements)


def ones(**elements: Any) -> bytes:
    return ct(np.ones((H, W), np.int16), **elements)


def bad_volumes() -> dict[str, tuple[bytes, str]]:
    voxels: NDArray[Any] = XYZ
    good_nrrd, good_mha, good_npy = nrrd(voxels), mha(voxels), npy(ramp(depth=D))
    huge_npy = good_npy.replace(f"({D}, {H}, {W})".encode(), b"(99999, 9999, 9999)")
    return {
        "report": (without_pixels(Rows=None, Columns=None, Modality="SR"), "a structured report"),
        "no pixel data": (without_pixels(), "no pixel data"),
        "cut short": (ct()[:-10], "cut short"),
        "cut in the header": (ct()[:400], "no image in it|damaged"),
        "bits": (ct(BitsStored=17), "16 bits, which cannot be"),
        "zero spacing": (ct(PixelSpacing=[0, 0]), "pixel spacing 0 x 0 is not positive"),
        "no direction": (ct(orientation=(1, 0, 0, 1, 0, 0)), "no pair of directions"),
        "lying rows": (ct(Rows=60000, Columns=60000), "60000 x 60000 pixels are more than"),
        "lying frames": (ct(NumberOfFrames=10**7), "10000000 frames of 48 x 40 pixels are more"),
        "other size in the JPEG": (
            ct(ramp("u1"), encoding=JPEGBaseline8Bit, Rows=41),
            "damaged or cut short",
        ),
        "unknown encoding": (
            ct().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.9.9\0"),
            "how its pixels are encoded",
        ),
        "nrrd cut": (good_nrrd[:-1], "more than the file can hold"),
        "nrrd gzip cut": (nrrd(voxels, encoding="gzip")[:-20], "NRRD data are damaged"),
        "nrrd lies": (good_nrrd.replace(b"sizes: 48", b"sizes: 48000000"), "allowed; crop it"),
        "nrrd 4D": (good_nrrd.replace(b"dimension: 3", b"dimension: 4"), "it has 4 dimensions"),
        "nrrd vectors": (good_nrrd.replace(b"kinds: domain", b"kinds: vector"), "several values"),
        "nrrd flat": (good_nrrd.replace(b"(0,2,0)", b"(1,0,0)"), "singular"),
        "nrrd zero": (good_nrrd.replace(b"(0,2,0)", b"(0,0,0)"), "voxel spacing is 0"),
        "nrrd second file": (
            good_nrrd.replace(b"encoding: raw", b"encoding: raw\ndata file: /etc/passwd"),
            "second file; save it as one",
        ),
        "nrrd nan": (nrrd(np.full(voxels.shape, np.nan, np.float32)), "no voxel has a finite"),
        "nrrd header without end": (good_nrrd[:150], "does not end"),
        "mha cut": (good_mha[:-1], "more than the file can hold"),
        "mha packed cut": (mha(voxels, packed=True)[:-20], "MetaImage data are damaged"),
        "mha zero": (good_mha.replace(b"= 1 2 3\n", b"= 1 0 3\n"), "1 x 0 x 3 is not positive"),
        "mha singular": (good_mha.replace(b"= 1 0 0 0 1", b"= 1 0 0 1 0"), "singular"),
        "mha words": (good_mha.replace(b"= 10 20 30", b"= a b c"), "origin are not numbers"),
        "mha colours": (
            good_mha.replace(b"Offset", b"ElementNumberOfChannels = 3\nOffset"),
            "several values per voxel",
        ),
        "npy objects": (npy(np.array([[None, {}]] * 20)), "no plain numbers"),
        "npy lies": (huge_npy, "values are more than the 2,048 MB allowed|damaged"),
        "npy cut": (good_npy[:-1], "NumPy data are damaged"),
        "npy 4D": (npy(np.zeros((2, 3, 20, 20))), "its shape is 2 x 3 x 20 x 20"),
        "npy nan": (npy(np.full((H, W), np.nan)), "no value is finite"),
        "npy tiny": (npy(np.zeros((2, 2))), "too few"),
    }


BAD = bad_volumes()


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_words(case: str, capfd: Any) -> None:
    data, words = BAD[case]
    assert any(word in refusal(data) for word in words.split("|")), refusal(data)
    assert capfd.readouterr() == ("", "")


def test_a_deflated_bomb_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ct(np.zeros((500, 500), np.int16), encoding=DeflatedExplicitVRLittleEndian)
    assert len(data) < 3000
    monkeypatch.setattr("core.imaging.dicom.tags.MAX_BYTES", 10_000)
    assert "it unpacks to more than any image needs" in refusal(data)


# ---------------------------------------------------------------- real data

REFUSED = {
    "MR_truncated.dcm": "cut short",
    "no_meta.dcm": "without its file header",
    "reportsi.dcm": "a structured report",
}


@pytest.mark.realdata
def test_dicom_samples_agree_with_pydicom(realdata: Path) -> None:
    paths = sorted((realdata / "dicom_samples").rglob("*.dcm"))
    assert len(paths) == 29
    for path in paths:
        if path.name in REFUSED:
            with pytest.raises(InputError, match=REFUSED[path.name]):
                read_any(path)
            continue
        found, theirs = read_any(path), pydicom.dcmread(path)
        expected = np.asarray(pixel_array(theirs))
        if theirs.PhotometricInterpretation == "PALETTE COLOR":
            from pydicom.pixels.processing import apply_color_lut

            expected = np.asarray(apply_color_lut(expected, theirs)) >> 8
        scale = float(theirs.get("RescaleSlope", theirs.get("DoseGridScaling", 1)))
        expected = expected * scale + float(theirs.get("RescaleIntercept", 0))
        if isinstance(found, Volume):
            assert np.allclose(found.slices(), expected)
        elif found.page_count > 1:
            pages = [read_image(path, page=n).pixels for n in range(0, found.page_count, 7)]
            assert np.array_equal(np.stack(pages), expected[::7])
        else:
            assert np.array_equal(found.pixels, expected), path.name
        if "PixelSpacing" in theirs:
            spacing = found.spacing_mm if isinstance(found, Image) else found.slice_spacing_mm()[1:]
            assert spacing == pytest.approx(tuple(theirs.PixelSpacing))


@pytest.mark.realdata
def test_the_tilted_head_is_two_stacks(realdata: Path) -> None:
    folder = realdata / "dicom_samples" / "dcm_qa_ct_GE"
    found = survey([folder])
    assert [len(item.files) for item in found.items] == [4, 8]  # of 4 and of 7 mm
    for item, thickness in zip(found.items, (4.0, 7.0), strict=True):
        volume = item.read()
        assert isinstance(volume, Volume)
        assert volume.facts.tilt_degrees == pytest.approx(18.5, abs=0.05)
        assert volume.voxel_mm3 / 0.4882812**2 == pytest.approx(thickness, abs=0.01)
        assert "gantry tilt" in volume.warnings[0]
        assert "falls into 2 stacks" in volume.warnings[1]
        for source, pixels in zip(volume.source_files, volume.slices(), strict=True):
            theirs = pydicom.dcmread(io.BytesIO(source.read()))
            assert np.array_equal(pixels, theirs.pixel_array)


@pytest.mark.realdata
def test_brats_slices_agree_with_nibabel(realdata: Path) -> None:
    path = next((realdata / "brats2018").rglob("*_flair.nii.gz"))
    volume = read_any(path)
    assert isinstance(volume, Volume)
    theirs = np.asarray(nib.load(path).dataobj)
    assert np.array_equal(volume.slices()[80], theirs[:, :, 80].T)  # LPS: face on top, right left
    assert page_count(path) == 155
    assert np.array_equal(read_image(path, page=80).pixels, theirs[:, :, 80].T)
