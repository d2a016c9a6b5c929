"""Which of the uploaded images is shown, as files come and go."""

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from dashboard.common import session_uploads as kept_uploads
from dashboard.common.cache import ItemKey
from dashboard.common.uploads import Seen, shown_next, uploaded_image
from tests.uploads import D, H, W, ct, ramp, saved

SERIES: ItemKey = (("c", "d"), 0)
FIRST, SECOND = (("z",), 0), (("z",), 1)
A: ItemKey = (("a",), 0)


@pytest.mark.parametrize(
    ("keys", "files", "seen", "shown"),
    [
        ([A], "a", Seen(), A),
        ([SERIES, A], "acd", Seen(files=frozenset("a"), shown=A), SERIES),
        ([SERIES, A], "cda", Seen(files=frozenset("cd"), shown=SERIES), A),
        ([FIRST, SECOND, A], "az", Seen(files=frozenset("a"), shown=A), FIRST),
        ([FIRST, SECOND, A], "aze", Seen(files=frozenset("az"), shown=SECOND), SECOND),
        ([FIRST, SECOND, A], "az", Seen(files=frozenset("azc"), shown=SECOND), SECOND),
        ([SERIES, A], "cda", Seen(files=frozenset("bcda"), shown=(("b", "c", "d"), 0)), SERIES),
        ([SERIES, A], "acd", Seen(files=frozenset("bacd"), shown=(("b",), 0)), SERIES),
        ([SERIES, A], "cda", Seen(files=frozenset("bcda"), shown=(("b",), 0)), A),
    ],
    ids=[
        "the first",
        "a series is added",
        "an image is added, listed after the series",
        "of a zip the first",
        "what is added cannot be read",
        "another is removed",
        "the series on show lost a slice",
        "what was on show is removed, the series is the newest",
        "what was on show is removed, the image is the newest",
    ],
)
def test_what_was_brought_last_is_shown_and_a_choice_stays(
    keys: list[ItemKey], files: str, seen: Seen, shown: ItemKey
) -> None:
    assert keys[shown_next(keys, list(files), seen)] == shown


def uploads(files: dict[str, bytes]) -> tuple[UploadedFile, ...]:
    """Files as the page gets them from the browser."""
    return tuple(
        UploadedFile(
            UploadedFileRec(file_id=f"id-{name}", name=name, type="", data=data),
            FileURLs(file_id=f"id-{name}", upload_url="", delete_url=""),
        )
        for name, data in files.items()
    )


MHD = (
    f"ObjectType = Image\nNDims = 3\nDimSize = {W} {H} {D}\nElementType = MET_SHORT\n"
    "ElementDataFile = vol.raw\n"
).encode()


@pytest.mark.parametrize("name", ["IM000001", "scan.IMA", "CT.1.2.840.113619", "photo.png"])
def test_a_dicom_file_of_any_name_is_looked_at(name: str) -> None:
    found = uploaded_image(uploads({name: ct()}))
    assert found.spacing_mm == (0.5, 0.5)
    assert found.image.shape[:2] == (H, W)


@pytest.mark.parametrize("name", ["page", "page.dcm"])
def test_an_image_of_any_name_is_looked_at(name: str) -> None:
    found = uploaded_image(uploads({name: saved(Image.fromarray(ramp("u1")), "PNG")}))
    assert np.array_equal(found.image, ramp("u1"))


def test_a_header_with_its_voxels_is_one_volume() -> None:
    found = uploaded_image(uploads({"vol.mhd": MHD, "vol.raw": ramp(depth=D).tobytes()}))
    assert found.items == 1
    assert found.image.shape[:2] == (H, W)


def test_the_uploader_refuses_no_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def uploader(_label: str, **options: object) -> list[UploadedFile]:
        asked.update(options)
        return []

    monkeypatch.setattr(st, "file_uploader", uploader)
    kept_uploads.ask("anything")
    assert asked.get("type") is None
