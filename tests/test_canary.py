"""Names, dates and numbers of patients planted in every header field: none comes out anywhere.

File names are the exception, as they are what a person recognises an upload by: an image keeps
its own. Folders never show, and the files of a DICOM series are named by what they are, since
exports are often called by patients.
"""

import dataclasses
import gzip
import io
import logging
import pickle  # only to look at everything an object holds
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from nibabel.nifti1 import Nifti1Extension
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_keyword
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless

from core.errors import InputError
from core.imaging import Image, SourceFile, Volume, page_count, read_image, survey
from tests.uploads import D, ct, ct_series, mha, nifti, nrrd, ramp, saved, tiff, zipped

nib: Any = nibabel

CANARY = "Zaphod"
NUMBER = "19420815"
TEXT_KINDS = {"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
DATE_KINDS = {"DA": NUMBER, "DT": f"{NUMBER}120000", "TM": "194208", "AS": "042Y"}


def fields(kind: str) -> Iterator[str]:
    """Keywords of every element of the standard of one kind, but for retired and file ones."""
    for tag, (vr, _count, _name, retired, keyword) in DicomDictionary.items():
        if vr == kind and not retired and keyword and tag >> 16 not in {0, 2, 4}:
            yield dictionary_keyword(tag)


def planted(dataset: Dataset, *, codes: bool = False) -> Dataset:
    """A data set with the canary in every text, date and number of a person, private ones too."""
    for kind in TEXT_KINDS:
        for keyword in fields(kind):
            if keyword not in dataset:
                setattr(dataset, keyword, CANARY)
    for kind, value in DATE_KINDS.items():
        for keyword in fields(kind):
            setattr(dataset, keyword, value)
    dataset.StudyInstanceUID = dataset.SeriesInstanceUID = f"1.2.{NUMBER}.1"
    dataset.FrameOfReferenceUID = f"1.2.{NUMBER}.3"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", CANARY.upper()]
    block = dataset.private_block(0x0029, f"{CANARY} PRIVATE", create=True)
    block.add_new(0x10, "LO", CANARY)
    item = Dataset()
    item.PatientName = CANARY
    dataset.ReferencedImageSequence = [item]
    if codes:  # where a code of a closed list belongs
        for keyword in ("Modality", "BurnedInAnnotation", "VOILUTFunction", "RescaleType"):
            setattr(dataset, keyword, CANARY.upper())
    return dataset


def planted_ct(data: bytes, *, codes: bool = False) -> bytes:
    dataset = planted(pydicom.dcmread(io.BytesIO(data)), codes=codes)
    stream = io.BytesIO()
    stored = dataset.file_meta
    stored.ImplementationVersionName = CANARY.upper()
    stored.SourceApplicationEntityTitle = CANARY.upper()
    dataset.preamble = CANARY.encode().ljust(128, b"\0")
    pydicom.dcmwrite(stream, dataset)
    return stream.getvalue()


def planted_nifti() -> bytes:
    image = nib.Nifti1Image(ramp(depth=D), np.eye(4))
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[name] = CANARY.encode()
    image.header.extensions.append(Nifti1Extension("comment", CANARY.encode()))
    data: bytes = image.to_bytes()
    return data


def planted_pictures() -> dict[str, bytes]:
    grey = Pillow.fromarray(ramp("u1"))
    exif = Pillow.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298, 0x9286):
        exif[tag] = CANARY
    exif[0x0132] = f"{NUMBER[:4]}:08:15 12:00:00"
    text = PngInfo()
    text.add_text("Author", CANARY)
    text.add_itxt("Comment", CANARY)
    text.add_text("Description", CANARY, zip=True)
    tags = [(code, "s", 0, CANARY, True) for code in (270, 271, 272, 305, 315, 316, 33432, 65000)]
    return {
        "png": saved(grey, "PNG", pnginfo=text, exif=exif),
        "jpeg": saved(grey, "JPEG", exif=exif, comment=CANARY.encode()),
        "webp": saved(grey, "WEBP", exif=exif, xmp=f"<x>{CANARY}</x>".encode()),
        "gif": saved(grey, "GIF", comment=CANARY.encode()),
        "pgm": saved(grey, "PPM").replace(b"P5\n", b"P5\n# " + CANARY.encode() + b"\n", 1),
        "tiff": tiff(ramp(), extratags=tags, description=CANARY, software=CANARY, metadata=None),
        "tiff of ImageJ": tiff(ramp("u2"), imagej=True, metadata={"Info": CANARY, "unit": CANARY}),
        "tiff of Pillow": saved(grey, "TIFF", compression="tiff_lzw", description=CANARY),
    }


NRRD_LINES = (
    f"# {CANARY}",
    f"content: {CANARY}",
    f"patient name:={CANARY}",
    f"sample units: {CANARY}",
)
MHA_LINES = (f"Comment = {CANARY}", f"PatientName = {CANARY}", f"AcquisitionDate = {NUMBER}")


def good_files() -> dict[str, list[bytes]]:
    stack = ramp(depth=D).transpose(2, 1, 0)
    return {
        "dicom": [planted_ct(ct())],
        "dicom codes": [planted_ct(ct(), codes=True)],
        "dicom compressed": [planted_ct(ct(ramp("u2"), encoding=JPEG2000Lossless))],
        "dicom series": [planted_ct(data) for data in ct_series()],
        "nifti": [planted_nifti()],
        "nifti packed": [gzip.compress(planted_nifti())],
        "nrrd": [nrrd(stack, *NRRD_LINES)],
        "mha": [mha(stack, *MHA_LINES)],
        "zip": [zipped({f"{CANARY}^Beeblebrox/{CANARY}_{n}.dcm": planted_ct(data)
                        for n, data in enumerate(ct_series())})],
        **{name: [data] for name, data in planted_pictures().items()},
    }  # fmt: skip


def bad_files() -> dict[str, list[bytes]]:
    """Files whose fault lies where the canary is, so that a message might quote it."""
    good = good_files()
    dicom = good["dicom"][0]
    number = pydicom.dcmread(io.BytesIO(dicom))
    words = {
        f"dicom {keyword}": [_with_bytes(dicom, keyword)]
        for keyword in ("PixelSpacing", "ImagePositionPatient", "RescaleSlope", "WindowCenter",
                        "NumberOfFrames", "PhotometricInterpretation")
    }  # fmt: skip
    number.Rows = number.Columns = 0
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, number)
    (stack,) = good["mha"]
    (lines,) = good["nrrd"]
    return {
        **{f"{name} cut": [files[0][:size]] for name, files in good.items() for size in (300, 500)},
        **{
            f"{name} cut late": [files[0][: len(files[0]) * 9 // 10]]
            for name, files in good.items()
        },
        **words,
        "dicom without pixels": [stream.getvalue()],
        "dicom without its head": [dicom[132:], dicom[300:]],
        "mha size": [stack.replace(b"DimSize = ", f"DimSize = {CANARY} ".encode())],
        "mha kind": [stack.replace(b"MET_SHORT", CANARY.encode())],
        "mha second file": [stack.replace(b"LOCAL", f"{CANARY}.raw".encode())],
        "nrrd kind": [lines.replace(b"int16", CANARY.encode())],
        "nrrd encoding": [lines.replace(b"raw", CANARY.encode())],
        "nrrd second file": [lines.replace(b"encoding: raw", f"data file: {CANARY}".encode())],
        "nrrd space": [lines.replace(b"(10,20,30)", f"({CANARY},0,0)".encode())],
        "npy": [b"\x93NUMPY\x01\x00v\x00" + f"{{'descr': '{CANARY}'}}".encode().ljust(118)],
        "text": [f"{CANARY} was born on {NUMBER}".encode()],
        "pdf": [f"%PDF-1.7 {CANARY}".encode()],
    }


def _with_bytes(data: bytes, keyword: str) -> bytes:
    """The canary as the value of an element that should be something else."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    tag = dataset[keyword].tag if keyword in dataset else pydicom.tag.Tag(keyword)
    raw = CANARY.encode()
    dataset._dict[tag] = pydicom.dataelem.RawDataElement(
        tag, pydicom.datadict.dictionary_VR(tag), len(raw), raw, 0, False, True
    )
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset)
    return stream.getvalue()


GOOD, BAD = good_files(), bad_files()


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pydicom.config.debug(False)  # sets its logger's level, as its import does


def upload(files: list[bytes]) -> list[SourceFile]:
    return [SourceFile(name=f"upload {n}", data=data) for n, data in enumerate(files)]


def seen_text(found: Image | Volume) -> str:
    """Everything a result says, but for its pixels and the file itself."""
    plain = dataclasses.replace(found, source_files=())
    values = {
        field.name: getattr(plain, field.name)
        for field in dataclasses.fields(plain)
        if field.name not in {"pixels", "array"}
    }
    everything = pickle.dumps(values).decode("latin-1")
    return "\n".join(
        [repr(found.source_files), repr(plain.facts.document()), str(values), everything]
    )


def assert_silent(text: str) -> None:
    lowered = text.lower()
    assert CANARY.lower() not in lowered
    assert NUMBER not in lowered


@pytest.mark.parametrize("kind", GOOD)
def test_nothing_of_a_person_comes_out_of_a_good_file(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert any(CANARY.encode() in data or kind in {"zip", "nifti packed"} for data in GOOD[kind])
    found = survey(upload(GOOD[kind]))
    assert found.problems == ()
    assert_silent(repr(found))
    for item in found.items:
        result = item.read()
        assert_silent(seen_text(result))
        assert_silent(repr(result.source_files))
        if isinstance(result, Volume):
            assert_silent(seen_text(result.image(0)))
    if len(GOOD[kind]) == 1 and kind != "zip":
        path = tmp_path / "scan"
        path.write_bytes(GOOD[kind][0])
        assert page_count(path)
        assert_silent(repr(read_image(path)))
    assert_silent(caplog.text)
    assert_silent("".join(capfd.readouterr()))


@pytest.mark.parametrize("kind", BAD)
def test_nothing_of_a_person_comes_out_of_an_error(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for data in BAD[kind]:
        for read in (
            lambda data: [item.read() for item in survey(upload([data])).items],
            lambda data: [read_image(data, name="scan")],
            lambda data: [item.read() for item in survey(upload([data, b"words"])).items],
        ):
            try:
                for result in read(data):
                    assert_silent(seen_text(result))
            except InputError as fault:
                logging.getLogger("test").exception("an upload failed", exc_info=fault)
                assert_silent("".join(traceback.format_exception(fault)))
    assert_silent(caplog.text)
    assert_silent("".join(capfd.readouterr()))


def test_most_of_the_bad_files_are_refused() -> None:
    refused = 0
    for files in BAD.values():
        try:
            read_image(files[0], name="scan")
        except InputError:
            refused += 1
    assert refused > 0.6 * len(BAD)


def test_the_canaries_are_really_there() -> None:
    dataset = pydicom.dcmread(io.BytesIO(GOOD["dicom"][0]))
    texts = [element for element in dataset.iterall() if CANARY in str(element.value)]
    assert len(texts) > 500
    assert str(dataset.PatientName) == CANARY
    assert dataset.PatientBirthDate == NUMBER
    assert nifti(ramp(depth=D)) != planted_nifti()
    with pytest.raises(AssertionError):
        assert_silent(f"a log line with {CANARY}")


def test_a_picture_keeps_its_file_name_and_loses_its_folder() -> None:
    archive = zipped({f"{CANARY}/scan.png": planted_pictures()["png"]})
    (item,) = survey([SourceFile(name="uploads.zip", data=archive)]).items
    assert item.name == "scan.png"
    assert_silent(repr(item) + seen_text(item.read()))
    archive = zipped({f"{CANARY}.dcm": ct()})  # alone in its zip
    (item,) = survey([SourceFile(name="uploads.zip", data=archive)]).items
    assert item.name == "CT image 1"
    assert_silent(repr(item) + seen_text(item.read()))
