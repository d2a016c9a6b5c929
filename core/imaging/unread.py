"""Healthy files in a form that is not read: recognised to say what they are and the way out."""

from core.errors import InputError
from core.imaging.opening import EXPORT

_FIJI = "open it in Fiji (Bio-Formats) and save it as TIFF"
_SLICER = "convert it to NIfTI (.nii.gz)"
_FRAMES = "save the frames as PNG or as a TIFF stack"
_UNPACK = "unpack it and give the files, or zip them"
_ARRAY = "save the array as .npy, or the image as PNG or TIFF"
_DOWNLOAD = "download the file itself again"
_TABLE = "give the image that belongs to it"

UNREAD: tuple[tuple[str, str, int, bytes], ...] = (
    ("a DICOM data set without its file header", EXPORT, 0, b"\x08\0"),
    ("a DICOM data set without its file header", EXPORT, 1, b"\x08\0\5\0"),
    ("a gzip file of something else than NIfTI", EXPORT, 0, b"\x1f\x8b"),
    ("a ZIP archive", EXPORT, 0, b"PK\x03\x04"),
    ("a RAR archive", _UNPACK, 0, b"Rar!\x1a\x07"),
    ("a 7z archive", _UNPACK, 0, b"7z\xbc\xaf\x27\x1c"),
    ("a bzip2 archive", _UNPACK, 0, b"BZh"),
    ("an xz archive", _UNPACK, 0, b"\xfd7zXZ\0"),
    ("a tar archive", _UNPACK, 257, b"ustar"),
    ("a PDF", EXPORT, 0, b"%PDF"),
    ("a JPEG 2000 image", EXPORT, 4, b"jP  "),
    ("a JPEG 2000 image", EXPORT, 0, b"\xff\x4f\xff\x51"),
    ("a JPEG XL image", EXPORT, 0, b"\xff\x0a"),
    ("a JPEG XL image", EXPORT, 4, b"JXL "),
    ("a QOI image", EXPORT, 0, b"qoif"),
    ("an OpenEXR image", EXPORT, 0, b"\x76\x2f\x31\x01"),
    ("a Photoshop document", EXPORT, 0, b"8BPS"),
    ("an SVG drawing", EXPORT, 0, b"<svg"),
    ("an AVI video", _FRAMES, 8, b"AVI "),
    ("a Matroska or WebM video", _FRAMES, 0, b"\x1a\x45\xdf\xa3"),
    ("an MPEG video", _FRAMES, 0, b"\0\0\x01\xba"),
    ("a Zeiss CZI file", _FIJI, 0, b"ZISRAWFILE"),
    ("a Leica LIF file", _FIJI, 0, b"\x70\0\0\0"),
    ("a Nikon ND2 file", _FIJI, 0, b"\xda\xce\xbe\x0a"),
    ("an Olympus OIB or another OLE file", _FIJI, 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ("a MATLAB file (version 7.3, HDF5)", _ARRAY, 0, b"MATLAB 7.3"),
    ("a MATLAB file", _ARRAY, 0, b"MATLAB 5"),
    ("an HDF5 file", _ARRAY, 0, b"\x89HDF\r\n\x1a\n"),
    ("a NetCDF or MINC file", _SLICER, 0, b"CDF\x01"),
    ("a NetCDF or MINC file", _SLICER, 0, b"CDF\x02"),
    ("an MRC map", _SLICER, 208, b"MAP "),
    ("a VTK file", _SLICER, 0, b"# vtk DataFile"),
    ("a Philips PAR header", _SLICER, 0, b"# === DATA DESCRIPTION FILE"),
    ("an SQLite database", _TABLE, 0, b"SQLite format 3"),
    (
        "a Git LFS pointer, not the file it points to",
        "run git lfs pull, then give the file",
        0,
        b"version https://git-lfs",
    ),
)
"""What it is, the way out, offset and first bytes."""

_TEXTS: tuple[tuple[str, str, tuple[bytes, ...]], ...] = (
    ("a web page (HTML), not an image", _DOWNLOAD, (b"<!doctype html", b"<html", b"<head")),
    ("an SVG drawing", EXPORT, (b"<svg",)),
    ("an XML file, not an image", _TABLE, (b"<?xml",)),
    ("the metadata of a Zarr array", "save one image of it as TIFF", (b'{"zarr_format',)),
    ("a JSON file, not an image", _TABLE, (b"{", b"[")),
)
_PHOTOS = {b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"heim": "HEIC", b"heis": "HEIC"}
_PHOTOS |= {b"avif": "AVIF", b"avis": "AVIF"}
_MGH = b"\0\0\0\x01"  # version, before the sizes


def refuse(head: bytes, *, plain: bytes = b"") -> None:
    """Say what a file is, where that is known.

    Args:
        head: Its first 512 bytes.
        plain: What those hold where they are gzipped.

    Raises:
        InputError: It is known.
    """
    what, way_out = _known(head, plain)
    if what:
        raise InputError(f"this is {what}, which cannot be read here; {way_out}")


def _known(head: bytes, plain: bytes) -> tuple[str, str]:
    if plain[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if _is_mgh(plain or head):
        return "a FreeSurfer MGH volume", "convert it with mri_convert to NIfTI (.nii.gz)"
    if head[4:8] == b"ftyp":
        return _container(head)
    for what, way_out, offset, magic in UNREAD:
        if head[offset:].startswith(magic):
            return what, way_out
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for what, way_out, beginnings in _TEXTS:
        if start.startswith(beginnings):
            return what, way_out
    return "", ""


def _is_mgh(head: bytes) -> bool:
    sizes = [int.from_bytes(head[at : at + 4], "big") for at in (4, 8, 12, 16)]
    return head.startswith(_MGH) and all(0 < size < 1 << 16 for size in sizes)


def _container(head: bytes) -> tuple[str, str]:
    """A file of the ISO base media format, by its brands: a photo or a video."""
    length = max(16, int.from_bytes(head[:4], "big"))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(length, len(head)), 4))]
    for brand in brands:
        if brand in _PHOTOS:
            return f"a photo in {_PHOTOS[brand]}", EXPORT
    if brands[0] in {b"mif1", b"msf1"}:
        return "a photo in HEIC or AVIF", EXPORT
    return "a video (MP4 or QuickTime)", _FRAMES


def check_jpeg(head: bytes) -> None:
    """Refuse the kinds of JPEG that Pillow does not decode.

    Args:
        head: The file up to its image data; a cut-off one is not evaluated.

    Raises:
        InputError: It is one of them.
    """
    at = 2
    while at + 5 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        what = _jpeg_kind(marker, head[at + 4])
        if what:
            raise InputError(f"this is {what}, which cannot be read here; {EXPORT}")
        if marker == 0xDA or (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}):
            return
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")


def _jpeg_kind(marker: int, bits: int) -> str:
    if marker == 0xF7:
        return "a JPEG-LS image"
    if marker in {0xC3, 0xC7, 0xCB, 0xCF}:
        return "a lossless JPEG"
    if marker in {0xC0, 0xC1, 0xC2, 0xC9, 0xCA} and bits != 8:
        return f"a {bits}-bit JPEG"
    return ""
