"""Whatever a an untrusted source uploads becomes the right pixels or one helpful sentence."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from core.errors import InputError
from core.imaging import (
    MAX_PIXELS,
    Image,
    mask_png,
    overlay_png,
    page_count,
    read_image,
    to_8bit,
    write_mask,
)
from core.imaging.names import clean_name

H, W = 40, 50
RANDOM = np.random.default_rng(0)


def noise(dtype: str, *shape: int) -> NDArray[Any]:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return RANDOM.normal(size=shape).astype(kind)
    limits = np.iinfo(kind)
    return RANDOM.integers(limits.min, limits.max, size=shape, dtype=kind, endpoint=True)


def encode(picture: Pillow.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def tiff(array: NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(  # noqa: PLR0917
    width: int, height: int, depth: int, colour: int, raw: bytes, key: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (chunk(b"tRNS", key) if key else b"")
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def png16(array: NDArray[np.uint16], colour: int, key: bytes = b"") -> bytes:
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    return png(W, H, 16, colour, raw, key)


def raw_tiff(  # noqa: PLR0917
    order: str, array: NDArray[Any], photometric: int, compression: int, data: bytes, turn: int = 1
) -> bytes:
    """A TIFF of one strip, tag by tag: what no writer at hand produces."""
    height, width = array.shape[:2]
    samples = array.shape[2] if array.ndim == 3 else 1
    bits, form = array.dtype.itemsize * 8, {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    start = 8 + 2 + 12 * 11 + 4
    extra = struct.pack(order + "3H3H", *[bits] * 3, *[form] * 3)
    triple = samples == 3

    def tag(code: int, value: int, *, at: int | None = None) -> bytes:
        if at is not None:
            return struct.pack(order + "HHII", code, 3, 3, at)
        return struct.pack(order + "HHII", code, 4, 1, value)

    def short(code: int, value: int, *, at: int) -> bytes:
        if triple:
            return tag(code, 0, at=at)
        return struct.pack(order + "HHIHH", code, 3, 1, value, 0)

    entries = [
        tag(256, width),
        tag(257, height),
        short(258, bits, at=start),
        tag(259, compression),
        tag(262, photometric),
        tag(273, start + len(extra)),
        struct.pack(order + "HHIHH", 274, 3, 1, turn, 0),
        tag(277, samples),
        tag(278, height),
        tag(279, len(data)),
        short(339, form, at=start + 6),
    ]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    return head + b"".join(entries) + b"\0\0\0\0" + extra + data


def lzw(data: bytes) -> bytes:
    """Valid TIFF LZW that never leaves 9-bit codes: a clear code before every 200 literals."""
    codes = [c for i, byte in enumerate(data) for c in ([256, byte] if i % 200 == 0 else [byte])]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def on_black(colour: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    top = int(np.iinfo(colour.dtype).max)
    weight = alpha[..., None] if colour.ndim == 3 else alpha
    blended: NDArray[Any] = (colour.astype(np.uint64) * weight + top // 2) // top
    return blended.astype(colour.dtype)


def assert_reads(data: bytes, expected: NDArray[Any], page: int = 0) -> Image:
    image = read_image(data, name="scan", page=page)
    assert image.pixels.dtype == expected.dtype
    assert np.array_equal(image.pixels, expected)
    return image


# ---------------------------------------------------------------- pixels


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
)
def test_tiff_values_are_exact(dtype: str, order: Any, compression: str | None) -> None:
    grey, colour = noise(dtype, H, W), noise(dtype, H, W, 3)
    options: dict[str, Any] = {"byteorder": order, "compression": compression}
    assert_reads(tiff(grey, photometric="minisblack", tile=(16, 32), **options), grey)
    inverted = -grey if grey.dtype.kind == "f" else ~grey
    assert_reads(tiff(grey, photometric="miniswhite", rowsperstrip=7, **options), inverted)
    assert_reads(tiff(colour, photometric="rgb", **options), colour)
    planes = np.moveaxis(colour, 2, 0)
    assert_reads(tiff(planes, photometric="rgb", planarconfig="separate", **options), colour)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits"])
def test_tiff_compressions(compression: str) -> None:
    def check(picture: Pillow.Image, expected: NDArray[Any]) -> None:
        assert_reads(encode(picture, "TIFF", compression=compression), expected)

    for dtype in ("u1", "u2", "i4", "f4"):
        grey = noise(dtype, H, W)
        check(Pillow.fromarray(grey), grey)
    big = noise("u2", H, W)
    check(Pillow.frombytes("I;16B", (W, H), big.astype(">u2").tobytes()), big)
    colour, four = noise("u1", H, W, 3), noise("u1", H, W, 4)
    check(Pillow.fromarray(colour), colour)
    check(Pillow.fromarray(four), on_black(four[..., :3], four[..., 3]))
    bits = noise("u1", H, W) > 127
    check(Pillow.fromarray(bits), bits.astype(np.uint8) * np.uint8(255))
    palette = Pillow.fromarray(colour).quantize(17)
    check(palette, np.asarray(palette.convert("RGB")))
    cmyk = Pillow.frombytes("CMYK", (W, H), four.tobytes())
    check(cmyk, np.asarray(cmyk.convert("RGB")))


def test_tiff_jpeg() -> None:
    for mode, shape in (("L", (H, W)), ("RGB", (H, W, 3))):
        smooth = np.indices(shape).sum(axis=0).astype(np.uint8)
        if mode == "RGB":
            smooth[..., 1] += 60
        data = encode(Pillow.fromarray(smooth), "TIFF", compression="jpeg", quality=95)
        found = read_image(data).pixels
        assert found.shape == shape
        assert np.abs(found.astype(int) - smooth).max() <= 8


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4"])
def test_tiff_lzw_of_either_byte_order(order: str, dtype: str) -> None:
    grey = noise(dtype, H, W)
    data = lzw(grey.astype(order + dtype).tobytes())
    assert_reads(raw_tiff(order, grey, 1, 5, data), grey)
    if dtype[0] == "u":
        colour = noise(dtype, H, W, 3)
        data = lzw(colour.astype(order + dtype).tobytes())
        assert_reads(raw_tiff(order, colour, 2, 5, data), colour)


def test_tiff_that_nothing_here_decodes_is_refused_in_words() -> None:
    grey = noise("f8", H, W)
    with pytest.raises(InputError, match="64-bit, LZW"):
        read_image(raw_tiff("<", grey, 1, 5, lzw(grey.tobytes())), name="a.tif")


def test_tiff_alpha() -> None:
    four = noise("u2", H, W, 4)
    clear = on_black(four[..., :3], four[..., 3])
    for kind, expected in (
        ("unassalpha", clear),
        ("assocalpha", four[..., :3]),
        ("unspecified", four[..., :3]),
    ):
        assert_reads(tiff(four, photometric="rgb", extrasamples=[kind]), expected)


def test_tiff_pages() -> None:
    stack = noise("i2", 30, H, W)
    for options in ({}, {"metadata": None}, {"truncate": True}, {"volumetric": True}):
        data = tiff(stack, **options)
        assert page_count(data) == 30
        image = assert_reads(data, stack[2], page=2)
    assert image.page_count == 30
    data = tiff(stack)
    assert read_image(data, page=2).source == "TIFF, 16-bit signed grey, page 3 of 30"
    with pytest.raises(InputError, match="no page 30; the file has 30 pages"):
        read_image(data, page=30)


def test_tiff_pages_of_different_sizes() -> None:
    first, second = noise("u1", 32, 40), noise("f4", 64, 50)
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(first)
        writer.write(second)
    assert_reads(stream.getvalue(), first, page=0)
    assert_reads(stream.getvalue(), second, page=1)


def test_tiff_with_further_channels_says_so() -> None:
    five = noise("u1", H, W, 5)
    data = tiff(five, photometric="minisblack", planarconfig="contig")
    assert "4 further channels left out" in assert_reads(data, five[..., 0]).source


def test_png_16_bit() -> None:
    grey, colour = noise("u2", H, W), noise("u2", H, W, 3)
    pair, four = noise("u2", H, W, 2), noise("u2", H, W, 4)
    assert_reads(png16(grey, 0), grey)
    assert_reads(png16(colour, 2), colour)
    assert_reads(png16(pair, 4), on_black(pair[..., 0], pair[..., 1]))
    assert_reads(png16(four, 6), on_black(four[..., :3], four[..., 3]))
    keyed = np.where(grey == grey[0, 0], np.uint16(0), grey)
    assert_reads(png16(grey, 0, struct.pack(">H", grey[0, 0])), keyed)
    keyed = colour.copy()
    keyed[0, 0] = 0
    assert_reads(png16(colour, 2, struct.pack(">HHH", *colour[0, 0])), keyed)


def test_16_bit_grey_is_windowed_not_clipped() -> None:
    ramp = np.linspace(0, 40000, H * W).astype(np.uint16).reshape(H, W)
    grey = read_image(png16(ramp, 0)).grey8()
    assert np.array_equal(grey, np.rint(ramp / 40000 * 255))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG", "PPM"])
def test_8_bit_formats(form: str) -> None:
    colour = noise("u1", H, W, 3)
    picture = Pillow.fromarray(colour)
    data = encode(picture, form, **({"lossless": True} if form == "WEBP" else {}))
    with Pillow.open(io.BytesIO(data)) as reference:
        image = assert_reads(data, np.asarray(reference.convert("RGB")))
    if form in {"PNG", "BMP", "TIFF", "WEBP", "PPM"}:
        assert np.array_equal(image.pixels, colour)
    assert np.array_equal(image.grey8(), np.asarray(Pillow.fromarray(image.pixels).convert("L")))
    assert image.spacing_mm is None


def test_netpbm_of_every_depth() -> None:
    grey, wide = noise("u1", H, W), noise("u1", H, W).astype(np.uint16) * 250
    assert_reads(b"P5\n# a comment\n%d %d\n255\n" % (W, H) + grey.tobytes(), grey)
    assert_reads(b"P5 %d %d 65535\n" % (W, H) + wide.astype(">u2").tobytes(), wide.astype(np.int32))
    bits = grey > 99
    text = " ".join("01"[int(not bit)] for bit in bits.ravel())
    assert_reads(f"P1 {W} {H}\n{text}\n".encode(), bits * np.uint8(255))


def test_alpha_palette_and_bits() -> None:
    four = noise("u1", H, W, 4)
    assert_reads(encode(Pillow.fromarray(four), "PNG"), on_black(four[..., :3], four[..., 3]))
    opaque = four.copy()
    opaque[..., 3] = 255
    assert_reads(encode(Pillow.fromarray(opaque), "PNG"), four[..., :3])
    clear = four.copy()
    clear[..., 3] = 0
    assert not read_image(encode(Pillow.fromarray(clear), "PNG")).pixels.any()
    pair = noise("u1", H, W, 2)
    assert_reads(encode(Pillow.fromarray(pair), "PNG"), on_black(pair[..., 0], pair[..., 1]))
    palette = Pillow.fromarray(four[..., :3]).quantize(9)
    assert_reads(encode(palette, "PNG"), np.asarray(palette.convert("RGB")))
    key = int(np.asarray(palette)[0, 0])
    expected = np.asarray(palette.convert("RGB")).copy()
    expected[np.asarray(palette) == key] = 0
    assert_reads(encode(palette, "PNG", transparency=key), expected)
    bits = pair[..., 0] > 99
    image = assert_reads(encode(Pillow.fromarray(bits), "PNG"), bits * np.uint8(255))
    assert np.array_equal(image.grey8(), bits * 255)


def test_equal_channels_are_grey() -> None:
    grey = noise("u1", H, W)
    image = assert_reads(encode(Pillow.fromarray(np.dstack([grey] * 3)), "PNG"), grey)
    assert np.array_equal(image.grey8(), grey)
    assert np.array_equal(image.rgb8(), np.dstack([grey] * 3))
    assert image.source == "PNG, 8-bit colour with equal channels"
    assert np.array_equal(Image(pixels=np.dstack([grey] * 3), name="a").grey8(), grey)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_give_the_upright_picture(orientation: int) -> None:
    upright = noise("u1", H, W)
    undo: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.T,
        6: lambda a: np.rot90(a, 1),  # shown turned clockwise, so stored anticlockwise
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    stored = np.ascontiguousarray(undo[orientation](upright))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    assert_reads(encode(Pillow.fromarray(stored), "PNG", exif=exif), upright)
    assert_reads(raw_tiff("<", stored, 1, 1, stored.tobytes(), orientation), upright)
    assert_reads(raw_tiff(">", stored, 1, 5, lzw(stored.tobytes()), orientation), upright)
    wide = stored.astype(np.int16) * -100
    data = lzw(wide.astype(">i2").tobytes())
    assert_reads(raw_tiff(">", wide, 1, 5, data, orientation), upright.astype(np.int16) * -100)
    jpeg = read_image(encode(Pillow.fromarray(stored), "JPEG", exif=exif, quality=100))
    assert np.abs(jpeg.pixels.astype(int) - upright).max() <= 4


def test_corrupt_exif_is_harmless() -> None:
    data = encode(Pillow.fromarray(noise("u1", H, W)), "JPEG", exif=b"Exif\0\0" + bytes(range(99)))
    assert read_image(data).pixels.shape == (H, W)


def test_animation_gives_its_first_frame() -> None:
    frames = [Pillow.fromarray(noise("u1", H, W)) for _ in range(3)]
    for form in ("GIF", "PNG"):
        data = encode(frames[0], form, save_all=True, append_images=frames[1:])
        image = assert_reads(data, np.asarray(frames[0]))
        assert image.source.endswith("first frame of an animation")
        assert any("only the first frame" in words for words in image.warnings)
        assert page_count(data) == 1


def test_spacing_only_where_truly_stated() -> None:
    grey = noise("u2", H, W)
    data = tiff(grey, imagej=True, resolution=(2.0, 4.0), metadata={"unit": "um"})
    assert read_image(data).spacing_mm == pytest.approx((0.00025, 0.0005))
    data = tiff(grey, ome=True, metadata={"PhysicalSizeX": 500.0, "PhysicalSizeXUnit": "nm",
                                          "PhysicalSizeY": 0.25})  # fmt: skip
    assert read_image(data).spacing_mm == pytest.approx((0.00025, 0.0005))
    data = tiff(grey, resolution=(300, 300), resolutionunit="INCH", metadata=None)
    assert read_image(data).spacing_mm is None
    assert read_image(encode(Pillow.fromarray(grey), "PNG", dpi=(300, 300))).spacing_mm is None


# ---------------------------------------------------------------- 8-bit


def test_to_8bit_by_pencil() -> None:
    assert to_8bit(np.array([[-1000, 0, 1000]], np.int16)).tolist() == [[0, 128, 255]]
    assert to_8bit(np.array([[7, 7]], np.int32)).tolist() == [[0, 0]]
    assert to_8bit(np.array([[3, 250]], np.uint8)).tolist() == [[3, 250]]
    assert to_8bit(np.array([[True, False]])).tolist() == [[255, 0]]
    nan, inf = np.nan, np.inf
    assert to_8bit(np.array([[0, 1, nan, inf, -inf]])).tolist() == [[0, 255, 0, 255, 0]]
    assert to_8bit(np.array([[nan, nan]])).tolist() == [[0, 0]]
    assert to_8bit(np.array([[-1.7e308, 0, 1.7e308]])).tolist() == [[0, 128, 255]]
    assert to_8bit(np.array([[0, 2**32 - 1]], np.uint32)).tolist() == [[0, 255]]


def test_image_is_read_only_and_its_pictures_are_not() -> None:
    image = Image(pixels=np.zeros((20, 20), np.uint8), name="a")
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0, 0] = 1
    for picture in (image.grey8(), image.rgb8()):
        picture[0, 0] = 1
    with pytest.raises(ValueError, match="H, W"):
        Image(pixels=np.zeros((20, 20, 4), np.uint8), name="a")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("scan 1.png", "scan 1.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.tif", "a.tif"),
        ("a\n\x1b[31mb\u202egnp.png", "a[31mbgnp.png"),
        ("..", "image"),
        ("", "image"),
        ('<b>"x"?.png', "_b__x__.png"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
    ],
)
def test_clean_name(name: str, shown: str) -> None:
    assert clean_name(name) == shown


# ---------------------------------------------------------------- bad files

GOOD = noise("u1", 64, 64, 3)
CLAIM = struct.pack("<HHII", 256, 4, 1, 64)


def bad_bytes() -> dict[str, tuple[bytes, str]]:
    picture, tiny = Pillow.fromarray(GOOD), Pillow.new("L", (1, 1))
    files = {
        form: encode(picture, form) for form in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM")
    }
    bad: dict[str, tuple[bytes, str]] = {
        f"{form} cut in half": (data[: len(data) // 2], "damaged or cut short")
        for form, data in files.items()
    }
    bad |= {f"{form} 1x1": (encode(tiny, form), "at least 16 x 16") for form in files}
    grey = np.zeros((64, 64), np.uint8)
    claims = raw_tiff("<", grey, 1, 1, grey.tobytes())
    wide = claims.replace(CLAIM, struct.pack("<HHII", 256, 4, 1, 20_000_000))
    bomb = zlib.compress(b"\0" * 50_000_000)
    strip = struct.pack("<HHII", 273, 4, 1, len(claims) - 4096)
    many = struct.pack("<HHII", 273, 4, 2**32 - 1, 0)
    return bad | {
        "empty": (b"", "0 bytes"),
        "text": (b"patient,age\n1,44\n", "not an image"),
        "text that starts with BM": (b"BMI,age,smoker\n22.5,44,no\n", "not an image"),
        "pdf": (b"%PDF-1.7 ...", "PDF"),
        "dicom without anything": (b"\0" * 128 + b"DICM", "there is no image in it"),
        "dicom without its head": (
            b"\x08\0\5\0CS\n\0ISO_IR 100",
            "there is no image in it",
        ),
        "png beyond the cap": (png(10_000, 10_001, 8, 0, b""), "10000 x 10001 pixels"),
        "png beyond Pillow's cap": (png(30_000, 30_000, 8, 0, b""), "900000000 pixels"),
        "png that holds less than it says": (png(9_999, 9_999, 8, 0, b""), "damaged"),
        "tiff that claims 10^9 pixels": (wide, "20000000 x 64 pixels"),
        "tiff that holds less": (claims[:-1], "damaged"),
        "tiff with a table of gigabytes": (claims.replace(strip, many), "damaged"),
        "tiff whose strip inflates": (raw_tiff("<", grey, 1, 8, bomb), "damaged"),
        "complex tiff": (tiff(np.zeros((32, 32), "c8")), "complex"),
        "lab tiff": (encode(Pillow.new("LAB", (64, 64)), "TIFF"), "colours .LAB."),
    }


BAD = bad_bytes()


@pytest.mark.parametrize("case", BAD)
def test_bad_file_gives_one_sentence(case: str, tmp_path: Path, capfd: Any) -> None:
    data, says = BAD[case]
    path = tmp_path / "scan.png"
    path.write_bytes(data)
    for source, name in ((data, "scan.png"), (path, "")):
        with pytest.raises(InputError, match=says) as caught:
            read_image(source, name=name)
        sentence = str(caught.value)
        assert "scan.png: " in sentence
        assert "\n" not in sentence
    assert capfd.readouterr() == ("", "")


def test_no_file_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.png: no such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(InputError, match="this is a folder"):
        read_image(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="not a regular file"):
        read_image(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="cannot be opened"):
        read_image(Path("a\0b.png"))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF"])
def test_page_out_of_range(form: str) -> None:
    data = encode(Pillow.fromarray(GOOD), form)
    with pytest.raises(InputError, match="no page 1; the file has one page"):
        read_image(data, page=1)
    with pytest.raises(InputError, match="no page -1"):
        read_image(data, page=-1)


def test_cap_lets_the_largest_promised_image_pass() -> None:
    assert 8192 * 8192 <= MAX_PIXELS < 10_000 * 10_001
    data = encode(Pillow.new("1", (10_000, 10_000)), "PNG")  # Pillow itself would warn
    assert read_image(data).pixels.shape == (10_000, 10_000)


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "really.tif"
    path.write_bytes(encode(Pillow.fromarray(GOOD), "PNG"))
    image = read_image(path)
    assert image.source.startswith("PNG")
    assert image.name == "really.tif"
    assert read_image(path, name="../shown.png").name == "shown.png"


SEEDS = [
    encode(Pillow.fromarray(GOOD), "PNG"),
    encode(Pillow.fromarray(GOOD), "JPEG"),
    encode(Pillow.fromarray(GOOD), "TIFF", compression="tiff_lzw"),
    png(W, H, 16, 2, b"\0" * (H * (W * 6 + 1))),
    tiff(noise("i2", 5, 32, 32)),
    tiff(noise("f4", 32, 32), compression="zlib"),
    tiff(noise("u2", 2, 32, 32), imagej=True, truncate=True),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), seed=st.sampled_from(range(len(SEEDS))))
def test_mutants_give_an_image_or_an_input_error(data: st.DataObject, seed: int) -> None:
    mutant = bytearray(SEEDS[seed])
    for _ in range(data.draw(st.integers(0, 6))):
        near = data.draw(st.booleans())  # headers are where the claims are
        at = data.draw(st.integers(0, min(len(mutant) - 1, 300 if near else 10**6)))
        mutant[at] = data.draw(st.integers(0, 255))
    keep = data.draw(st.one_of(st.just(len(mutant)), st.integers(0, len(mutant))))
    try:
        image = read_image(bytes(mutant[:keep]), name="mutant")
    except InputError as fault:
        assert str(fault).startswith("mutant: ")  # noqa: PT017
    else:
        assert image.grey8().shape == image.pixels.shape[:2]


# ---------------------------------------------------------------- writing


def test_mask_round_trip(tmp_path: Path) -> None:
    mask = noise("u1", H, W) > 127
    write_mask(tmp_path / "mask.png", mask)
    assert_reads((tmp_path / "mask.png").read_bytes(), mask * np.uint8(255))
    assert mask_png(mask) == mask_png(mask.astype(np.uint8)) == mask_png(mask * np.int32(7))
    with pytest.raises(ValueError, match="H, W"):
        mask_png(np.zeros((4, 4, 3), np.uint8))


def test_overlay_by_pencil() -> None:
    image, mask = np.full((20, 20), 100, np.uint8), np.zeros((20, 20), bool)
    mask[5:10, 5:10] = True
    found = read_image(overlay_png(image, mask, opacity=0.5)).pixels
    assert found[0, 0].tolist() == [100, 100, 100]
    assert found[5, 5].tolist() == [0xF0, 0xE4, 0x42]  # the contour lies on the foreground
    assert found[4, 5].tolist() == [100, 100, 100]
    assert found[7, 7].tolist() == [170, 164, 83]  # half 100, half the colour
    assert (found == [0xF0, 0xE4, 0x42]).all(axis=2).sum() == 16
    plain = read_image(overlay_png(np.dstack([image] * 3), mask, opacity=0, contour=False))
    assert np.array_equal(plain.pixels, image)
    full = read_image(overlay_png(image, np.ones((20, 20), bool), opacity=0)).pixels
    assert (full == [0xF0, 0xE4, 0x42]).all(axis=2).sum() == 76  # closed at the image's edge
    assert overlay_png(image, mask) == overlay_png(image.copy(), mask.copy())


def test_overlay_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        overlay_png(np.zeros((4, 5), np.uint8), np.zeros((5, 4), bool))
    with pytest.raises(ValueError, match="opacity"):
        overlay_png(np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool), opacity=2)


# ---------------------------------------------------------------- real data

REAL = Path(os.environ.get("ISOLINE_REALDATA", Path(__file__).parents[2] / "shared" / "data"))


def real(pattern: str) -> Path:
    found = sorted(REAL.glob(pattern))
    if not found:
        pytest.skip(f"no {pattern} under the real data")
    return found[0]


@pytest.mark.realdata
def test_isbi_stack() -> None:
    path = real("isbi2012_em/train-volume.tif")
    image = read_image(path, page=29)
    assert image.page_count == 30
    assert image.pixels.shape == (512, 512)
    assert image.pixels.dtype == np.uint8
    assert image.spacing_mm is None
    assert np.array_equal(image.pixels, tifffile.imread(path)[29])


@pytest.mark.realdata
def test_lung_ct_keeps_negative_values() -> None:
    path = real("lung_ct/2d_images/*.tif")
    image = read_image(path)
    assert image.pixels.dtype == np.int16
    assert image.pixels.min() < -900
    assert np.array_equal(image.pixels, tifffile.imread(path))


@pytest.mark.realdata
def test_busi() -> None:
    image = read_image(real("busi/*/benign/benign (1).png"))
    assert image.pixels.ndim == 2
    mask = read_image(real("busi/*/benign/benign (1)_mask.png"))
    assert set(np.unique(mask.pixels)) == {0, 255}
    assert mask.pixels.shape == image.pixels.shape


def test_reads_at_once_are_quiet_and_leave_the_warnings_as_they_were(tmp_path: Path) -> None:
    """A palette with transparency bytes makes Pillow warn; here a warning is an error."""
    import warnings
    from concurrent.futures import ThreadPoolExecutor

    from PIL import Image as Pillow

    before = list(warnings.filters)
    picture = Pillow.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).convert("P")
    file = tmp_path / "palette.png"
    picture.save(file, transparency=bytes(range(256)))
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(lambda _n: read_image(file).pixels, range(64)))
    assert all(np.array_equal(image, images[0]) for image in images)
    assert list(warnings.filters) == before
