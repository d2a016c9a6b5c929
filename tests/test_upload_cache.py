"""An uploaded image is read once: a rerun of the page neither reads nor hashes its bytes again."""

import io

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from dashboard.common import cache
from dashboard.common.cache import recent
from dashboard.common.cache.recent import ByteCache

PAGES, SIDE = 3, 64


class Counted(UploadedFile):
    """An upload that counts how often its bytes are asked for."""

    reads = 0

    def getvalue(self) -> bytes:
        self.reads += 1
        return super().getvalue()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> ByteCache:
    fresh = ByteCache(recent.LEVEL_BYTES)
    monkeypatch.setattr(recent, "_recent", lambda: fresh)
    return fresh


def stack(seed: int) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 4000, (PAGES, SIDE, SIDE), dtype=np.uint16)


def uploaded(identity: str, pixels: NDArray[np.uint16]) -> Counted:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, photometric="minisblack")
    record = UploadedFileRec(identity, "stack.tif", "image/tiff", stream.getvalue())
    return Counted(record, FileURLs(upload_url="", delete_url=""))


@pytest.mark.usefixtures("held")
def test_a_rerun_asks_for_no_bytes() -> None:
    file = uploaded("a", stack(0))
    first = [cache.upload(file, page) for page in range(cache.upload_pages(file))]
    read = file.reads
    again = [cache.upload(file, page) for page in range(cache.upload_pages(file))]
    assert file.reads == read
    assert all(one is other for one, other in zip(first, again, strict=True))
    for page, one in enumerate(first):
        assert one.source is not None
        assert np.array_equal(one.source.pixels, stack(0)[page])


@pytest.mark.usefixtures("held")
def test_files_of_one_name_are_told_apart() -> None:
    shown = [cache.upload(uploaded(name, stack(n)), 0) for n, name in enumerate("ab")]
    for number, one in enumerate(shown):
        assert one.source is not None
        assert np.array_equal(one.source.pixels, stack(number)[0])


def test_uploads_are_held_up_to_a_number_of_bytes(held: ByteCache) -> None:
    file = uploaded("a", stack(0))
    one_page = SIDE * SIDE * 3 + file.size  # 16-bit values, 8-bit image, the file
    held.limit = 2 * one_page
    pages = [cache.upload(file, page) for page in range(PAGES)]
    assert cache.upload(file, PAGES - 1) is pages[-1]
    assert cache.upload(file, 0) is not pages[0], "the one used longest ago has gone"
