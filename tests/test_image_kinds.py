"""Families of image files made here: what a page, a unit or a first byte says of each member."""

import csv
import gzip
import io
import json
import struct
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from numpy.typing import NDArray
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from core.errors import InputError
from core.export import Case, ModelFacts, export
from core.imaging import Image, Volume
from core.imaging.dicom.stacking import stack
from core.imaging.read import format_of, page_count, read_any, read_image
from core.imaging.unread import UNREAD, refuse

nib: Any = nibabel  # its types are half there
H, W = 20, 28
MM = {"nm": 1e-6, "µm": 1e-3, "mm": 1.0, "cm": 10.0}


def grey(seed: int, *shape: int) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 4000, shape or (H, W)).astype(np.uint16)


# --- pages of a TIFF


@pytest.mark.parametrize("seed", range(8))
def test_a_page_has_the_spacing_of_its_own_ome_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stream, wanted = io.BytesIO(), []
    with tifffile.TiffWriter(stream, ome=True) as writer:
        for _ in range(int(rng.integers(1, 5))):
            unit = str(rng.choice(list(MM)))
            across, down = rng.uniform(0.5, 3, 2)
            if unit != "mm":
                across, down = across * 10, down * 10
            depth = int(rng.integers(1, 4))
            writer.write(
                grey(seed, depth, H, W),
                metadata={
                    "axes": "ZYX",
                    "PhysicalSizeX": across,
                    "PhysicalSizeXUnit": unit,
                    "PhysicalSizeY": down,
                    "PhysicalSizeYUnit": unit,
                },
            )
            mm = down * MM[unit], across * MM[unit]
            wanted += [mm if max(mm) <= 100 else None] * depth
    data = stream.getvalue()
    assert page_count(data) == len(wanted)
    for page, spacing in enumerate(wanted):
        found = read_image(data, page=page).spacing_mm
        assert found == (None if spacing is None else pytest.approx(spacing, rel=1e-6))


@pytest.mark.parametrize("unit", ["um", "micron", "mm", "cm", "nm"])
def test_imagej_gives_all_pages_its_unit(unit: str) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, grey(1, 4, H, W), imagej=True, resolution=(4, 2), metadata={"unit": unit}
    )
    mm = {"um": 1e-3, "micron": 1e-3, "mm": 1.0, "cm": 10.0, "nm": 1e-6}[unit]
    for page in range(4):
        found = read_image(stream.getvalue(), page=page).spacing_mm
        assert found == pytest.approx((mm / 2, mm / 4))


@pytest.mark.parametrize("smaller", [1, 2, 3])
def test_smaller_copies_and_masks_are_no_pages(smaller: int) -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(grey(0), metadata=None)
        for n in range(smaller):
            writer.write(grey(n, H - n, W - n), subfiletype=1, metadata=None)
        writer.write(grey(9), metadata=None)
        writer.write(grey(8) > 2000, subfiletype=4, metadata=None, photometric="minisblack")
    data = stream.getvalue()
    assert page_count(data) == 2
    assert np.array_equal(read_image(data, page=1).pixels, grey(9))


# --- units and flags of volumes


@pytest.mark.parametrize(("unit", "mm"), [("um", 1e-3), ("mm", 1.0), ("cm", 10.0), ("nm", 1e-6)])
@pytest.mark.parametrize("directions", [True, False])
def test_nrrd_counts_in_its_unit(unit: str, mm: float, *, directions: bool) -> None:
    size = {1e-6: 500_000.0, 1e-3: 500.0}.get(mm, 0.5)
    quoted = " ".join([f'"{unit}"'] * 3)
    lines = ["NRRD0005", "type: uint16", "dimension: 3", f"sizes: {W} {H} 18", "endian: little"]
    if directions:
        lines += ["space: left-posterior-superior", f"space units: {quoted}"]
        lines += [f"space directions: ({size},0,0) (0,{size},0) (0,0,{2 * size})"]
        lines += [f"space origin: ({size},0,0)"]
    else:
        lines += [f"spacings: {size} {size} {2 * size}", f"units: {quoted}"]
    data = "\n".join([*lines, "encoding: raw", "", ""]).encode() + grey(0, 18, H, W).tobytes()
    found = read_any(data)
    assert isinstance(found, Volume)
    assert found.spacing_mm == pytest.approx((size * mm, size * mm, 2 * size * mm))
    if directions:
        assert found.affine[0, 3] == pytest.approx(-size * mm)


@pytest.mark.parametrize("flag", ["True", "T", "true", "t", "1", "False", "F", "0"])
def test_metaimage_flags(flag: str) -> None:
    values = grey(3, 18, H, W)
    order = ">u2" if flag[0] in "Tt1" else "<u2"
    head = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = T\nBinaryDataByteOrderMSB = {flag}\n"
        f"DimSize = {W} {H} 18\nElementType = MET_USHORT\nElementDataFile = LOCAL\n"
    )
    found = read_any(head.encode() + values.astype(order).tobytes())
    assert isinstance(found, Volume)
    assert np.array_equal(found.array.T, values)


@pytest.mark.parametrize("axis", range(3))
def test_a_thin_axis_is_that_of_the_slices(axis: int) -> None:
    shape = [20, 22, 24]
    shape[axis] = 1
    made = nib.Nifti1Image(grey(0, *shape).astype(np.int16), np.diag([1.0, 1.0, 1.0, 1.0]))
    found = read_any(made.to_bytes())
    assert isinstance(found, Image)
    assert sorted(found.pixels.shape) == sorted(size for size in shape if size > 1)
    assert page_count(made.to_bytes()) == 1


@pytest.mark.parametrize("far", [0.0, 1e-5, 3.0])
def test_two_places_of_a_nifti_are_said_where_they_differ(far: float) -> None:
    affine = np.diag([0.7, 0.8, 2.0, 1.0])
    other = affine.copy()
    other[0, 3] = far
    made = nib.Nifti1Image(grey(0, 20, 22, 18).astype(np.int16), affine)
    made.set_sform(affine, code=1)
    made.set_qform(other, code=1)
    found = read_any(made.to_bytes())
    assert isinstance(found, Volume)
    assert bool(found.warnings) == (far > 1)


# --- NumPy


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_last_is_an_image(channels: int) -> None:
    array = grey(0, 40, 44, channels).astype(np.uint8)
    found = read_any(_npy(array))
    assert isinstance(found, Image)
    assert found.pixels.shape[:2] == (40, 44)


@pytest.mark.parametrize("shape", [(40, 44, 2), (40, 44, 5), (40, 44, 15), (3, 40, 44)])
def test_an_ambiguous_shape_is_asked(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"channels or slices\? save colour as"):
        read_any(_npy(grey(0, *shape)))


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


# --- recognised only to be named


@pytest.mark.parametrize("entry", UNREAD, ids=lambda entry: entry[0])
def test_what_is_not_read_is_named_with_the_way_out(entry: tuple[str, str, int, bytes]) -> None:
    what, way_out, offset, magic = entry
    head = bytes(offset) + magic + bytes([255] * (512 - offset - len(magic)))
    with pytest.raises(InputError) as fault:
        refuse(head)
    assert str(fault.value) == f"this is {what}, which cannot be read here; {way_out}"


@pytest.mark.parametrize("padding", [0, 200, 70_000])
@pytest.mark.parametrize(
    ("marker", "bits", "says"),
    [(0xC1, 12, "12-bit JPEG"), (0xC3, 16, "lossless JPEG"), (0xF7, 8, "JPEG-LS")],
)
def test_kinds_of_jpeg_behind_any_header(padding: int, marker: int, bits: int, says: str) -> None:
    """Whatever EXIF or profile comes first: segments of at most 65,533 bytes each."""
    segments = b""
    while padding:
        part = min(padding, 60_000)
        segments += b"\xff\xe1" + struct.pack(">H", part + 2) + bytes(part)
        padding -= part
    frame = b"\xff" + bytes([marker]) + struct.pack(">HBHHB", 11, bits, H, W, 1) + b"\1\x11\0"
    with pytest.raises(InputError, match=says):
        read_image(b"\xff\xd8" + segments + frame + bytes(64), name="scan.jpg")


@pytest.mark.parametrize(
    ("brands", "says"),
    [
        ([b"heic"], "HEIC"),
        ([b"mif1", b"avif"], "AVIF"),
        ([b"avif"], "AVIF"),
        ([b"mp42", b"isom"], "video"),
        ([b"qt  "], "video"),
    ],
)
def test_containers_by_their_brands(brands: list[bytes], says: str) -> None:
    first, *others = brands
    box = b"ftyp" + first + bytes(4) + b"".join(others)
    with pytest.raises(InputError, match=says):
        format_of(struct.pack(">I", len(box) + 4) + box + bytes(200))


@pytest.mark.parametrize("start", ["<!DOCTYPE html>", "  <html>", "\ufeff<HTML lang='en'>"])
def test_a_web_page_under_another_name(start: str) -> None:
    with pytest.raises(InputError, match=r"web page.*download"):
        read_image(start.encode() + b"<p>Not found", name="scan.dcm")


def test_a_tar_in_gzip() -> None:
    packed = gzip.compress(bytes(257) + b"ustar" + bytes(250))
    with pytest.raises(InputError, match="tar archive"):
        format_of(packed[:512])


# --- DICOM


def picture(*, syntax: UID, samples: NDArray[Any], high_bit: int = 15) -> Any:
    image = pydicom.Dataset()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    image.SOPClassUID, image.SOPInstanceUID = pydicom.uid.CTImageStorage, generate_uid()
    image.ImageType, image.Modality = ["ORIGINAL", "PRIMARY"], "CT"
    image.Rows, image.Columns, image.SamplesPerPixel = H, W, 1
    image.PhotometricInterpretation, image.PixelRepresentation = "MONOCHROME2", 0
    image.BitsAllocated, image.HighBit = 16, high_bit
    image.BitsStored = 12
    image.PixelData = samples.astype(np.uint16).tobytes()
    image["PixelData"].VR = "OW"
    return image


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("head", ["whole", "no preamble", "bare"])
def test_dicom_by_its_content(syntax: UID, head: str) -> None:
    samples = grey(5)
    image = picture(syntax=syntax, samples=samples, high_bit=11)
    stream = io.BytesIO()
    image.save_as(stream, enforce_file_format=True)
    data = stream.getvalue()
    if head == "no preamble":
        data = data[132:]
    elif head == "bare":
        length = int.from_bytes(data[140:144], "little")
        data = data[144 + length :]
    assert np.array_equal(read_image(data, name="IM000001").pixels, samples)


@pytest.mark.parametrize("high_bit", [11, 12, 13, 15])
def test_samples_end_at_the_high_bit(high_bit: int) -> None:
    samples = grey(6)
    noise = np.random.default_rng(0).integers(0, 1 << (high_bit - 11), (H, W)).astype(np.uint16)
    image = picture(
        syntax=ExplicitVRLittleEndian,
        samples=(samples << (high_bit - 11)) | noise,
        high_bit=high_bit,
    )
    stream = io.BytesIO()
    image.save_as(stream, enforce_file_format=True)
    assert np.array_equal(read_image(stream.getvalue()).pixels, samples)


@pytest.mark.parametrize("digits", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_rounded_positions_keep_the_extent(digits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    spacing, count = float(rng.uniform(0.6, 3)), int(rng.integers(20, 60))
    heights = np.round(spacing * np.arange(count), digits)
    order = rng.permutation(count)
    found = stack(
        [(0, 0, float(heights[n])) for n in order], (1, 0, 0, 0, 1, 0), (1, 1), depth_mm=0
    )
    assert [order[n] for n in found.order] == list(range(count))
    last = found.affine @ [0, 0, count - 1, 1]
    assert last[2] == pytest.approx(heights[-1], abs=1e-6)


# --- exports


def small_case(**changes: Any) -> Case:
    levels = np.full((30, 40), 100, np.uint16)
    levels[5:12, 6:20] = 900
    values: dict[str, Any] = {
        "name": "c00",
        "source_name": "c00.png",
        "image": np.zeros((30, 40), np.uint8),
        "levels": levels,
        "k": 500,
        "threshold_source": "fixed",
        "model": ModelFacts(name="tester"),
    }
    return Case(**{**values, **changes})


def corrections() -> dict[str, NDArray[np.bool_] | None]:
    model = small_case().mask
    elsewhere = np.zeros_like(model)
    elsewhere[20:25, 25:30] = True
    return {"AUTOMATIC": None, "SEMIAUTOMATIC": model | elsewhere, "MANUAL": elsewhere}


@pytest.mark.parametrize("made_by", ["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"])
def test_exports_say_how_the_mask_came_about(made_by: str) -> None:
    given = small_case(corrected=corrections()[made_by])
    coco = json.loads(export("coco", given)[1])
    assert {one["attributes"]["made_by"] for one in coco["annotations"]} == {made_by}
    rows = list(csv.DictReader(io.StringIO(export("csv", given)[1].decode())))
    assert {row["made_by"] for row in rows} == {made_by}
    header = nib.Nifti1Image.from_bytes(gzip.decompress(export("nifti", given)[1])).header
    assert made_by in header["descrip"].item().decode().split()


def test_coco_names_the_file_with_its_ending() -> None:
    assert json.loads(export("coco", small_case())[1])["images"][0]["file_name"] == "c00.png"


def test_slices_are_counted_from_one() -> None:
    levels = np.full((6, 30, 40), 100, np.uint16)
    levels[2:4, 5:12, 6:20] = 900
    given = small_case(levels=levels, image=np.zeros(levels.shape, np.uint8))
    (row,) = csv.DictReader(io.StringIO(export("csv", given)[1].decode()))
    assert int(row["first_slice"]) == 3
    assert int(row["behind_slice"]) == 5
    assert int(row["first_row"]) == 5
    assert int(row["slice"]) in {3, 4}
