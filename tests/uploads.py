"""Files of every format, small and drawn here, as people upload them; shared by several tests."""

import gzip
import io
import zipfile
import zlib
from typing import Any

import nibabel
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
    generate_uid,
)

nib: Any = nibabel  # its types are half there
H, W, D = 40, 48, 5
SERIES = "1.2.826.0.1.3680043.8.498.1"


def ramp(dtype: str = "i2", *, depth: int = 0) -> NDArray[Any]:
    """Every pixel another value where the type has room: (H, W) or (D, H, W)."""
    shape = (depth, H, W) if depth else (H, W)
    return (np.arange(np.prod(shape)).reshape(shape) % 251 - 20 * (dtype[0] == "i")).astype(dtype)


def saved(picture: Pillow.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def ct(
    pixels: NDArray[Any] | None = None,
    *,
    position: tuple[float, float, float] = (0, 0, 0),
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    encoding: Any = ExplicitVRLittleEndian,
    **elements: Any,
) -> bytes:
    """A CT slice of 0.5 x 0.5 mm; ``elements`` are added, None takes one away."""
    stored = ramp() if pixels is None else pixels
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.file_meta.TransferSyntaxUID = encoding
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.SeriesInstanceUID = SERIES
    dataset.Modality = "CT"
    dataset.ImagePositionPatient = list(position)
    dataset.ImageOrientationPatient = list(orientation)
    dataset.PixelSpacing = [0.5, 0.5]
    dataset.SliceThickness = 2
    dataset.SamplesPerPixel = stored.shape[2] if stored.ndim == 3 else 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = stored.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -100
    if encoding.is_encapsulated and encoding is not RLELossless:
        form = "JPEG2000" if encoding == JPEG2000Lossless else "JPEG"
        picture = saved(Pillow.fromarray(stored), form, **_codec(form))
        dataset.PixelData = encapsulate([picture])
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.PixelData = stored.tobytes()
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    if encoding is RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless)
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _codec(form: str) -> dict[str, Any]:
    return {"irreversible": False, "no_jp2": True} if form == "JPEG2000" else {"quality": 95}


def ct_series(count: int = D, *, spacing: float = 2.0, **elements: Any) -> list[bytes]:
    """Slices of one series; slice n holds ``ramp() + n``."""
    return [
        ct(ramp() + np.int16(n), position=(0, 0, spacing * n), **elements) for n in range(count)
    ]


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in files.items():
            container.writestr(name, data)
    return stream.getvalue()


def nrrd(array: NDArray[Any], *lines: str, encoding: str = "raw") -> bytes:
    """A volume (X, Y, Z) with directions of 1, 2 and 3 mm, left, posterior, superior."""
    kinds = {"i2": "int16", "u1": "uint8", "f4": "float"}
    head = [
        "NRRD0004",
        "# drawn for a test",
        f"type: {kinds[array.dtype.str[1:]]}",
        f"dimension: {array.ndim}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, array.shape))}",
        "space directions: (1,0,0) (0,2,0) (0,0,3)",
        "kinds: domain domain domain",
        "endian: little",
        f"encoding: {encoding}",
        "space origin: (10,20,30)",
        *lines,
    ]
    data = array.tobytes(order="F")
    packed = gzip.compress(data) if encoding == "gzip" else data
    return "\n".join(head).encode() + b"\n\n" + packed


def mha(array: NDArray[Any], *lines: str, packed: bool = False, file: str = "LOCAL") -> bytes:
    """A volume (X, Y, Z) of 1 x 2 x 3 mm."""
    kinds = {"i2": "MET_SHORT", "u1": "MET_UCHAR", "f4": "MET_FLOAT"}
    head = [
        "ObjectType = Image",
        f"NDims = {array.ndim}",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        f"CompressedData = {packed}",
        "TransformMatrix = 1 0 0 0 1 0 0 0 1",
        "Offset = 10 20 30",
        "ElementSpacing = 1 2 3",
        *lines,
        f"DimSize = {' '.join(map(str, array.shape))}",
        f"ElementType = {kinds[array.dtype.str[1:]]}",
        f"ElementDataFile = {file}",
    ]
    data = array.tobytes(order="F")
    voxels = (zlib.compress(data) if packed else data) if file == "LOCAL" else b""
    return "\n".join(head).encode() + b"\n" + voxels


def npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def nifti(array: NDArray[Any]) -> bytes:
    data: bytes = nib.Nifti1Image(array, np.diag([-1.0, -2.0, 3.0, 1.0])).to_bytes()
    return data


def tiff(array: NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


def examples() -> dict[str, list[bytes]]:
    """Good files of every format, for mutation."""
    grey, colour = ramp("u1"), np.stack([ramp("u1"), ramp("u1") // 2, ramp("u1") // 3], axis=2)
    stack, picture = ramp(depth=D), Pillow.fromarray(colour)
    text = PngInfo()
    text.add_text("Comment", "a word")
    series = {f"{n}.dcm": data for n, data in enumerate(ct_series())}
    exif = Pillow.Exif()
    exif[0x0112] = 6
    return {
        "PNG": [saved(picture, "PNG", pnginfo=text), saved(Pillow.fromarray(ramp("u2")), "PNG")],
        "JPEG": [saved(picture, "JPEG", exif=exif), saved(Pillow.fromarray(grey), "JPEG")],
        "TIFF": [
            tiff(stack),
            tiff(ramp("f4"), compression="zlib"),
            saved(picture, "TIFF", compression="tiff_lzw"),
        ],
        "BMP": [saved(picture, "BMP")],
        "WebP": [saved(picture, "WEBP"), saved(picture, "WEBP", lossless=True)],
        "GIF": [saved(picture, "GIF")],
        "Netpbm": [
            saved(picture, "PPM"),
            b"P2\n# in words\n20 20\n255\n"
            + b" ".join(b"%d" % n for n in range(245))
            + b" 7" * 155,
        ],
        "DICOM": [
            ct(),
            ct(WindowCenter=40, WindowWidth=80),
            ct(encoding=DeflatedExplicitVRLittleEndian),
            ct(encoding=RLELossless),
        ],
        "DICOM compressed": [
            ct(grey, encoding=JPEGBaseline8Bit),
            ct(ramp("u2"), encoding=JPEG2000Lossless),
        ],
        "NIfTI": [nifti(stack), gzip.compress(nifti(stack)), nifti(stack.astype("f4"))],
        "NRRD": [nrrd(stack), nrrd(stack, encoding="gzip")],
        "MetaImage": [mha(stack), mha(stack, packed=True)],
        "NumPy": [npy(stack), npy(ramp("f4")), npy(colour)],
        "zip": [zipped(series), zipped({"a.png": saved(picture, "PNG"), "b/c.nii": nifti(stack)})],
    }
