"""Downloads from a local server: whole, resumed, changed at the source, gated, cut off."""

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import tifffile

from core.data.download import download_dataset
from core.data.importing import imported_path, open_where_it_lies
from core.errors import InputError


class Server(BaseHTTPRequestHandler):
    """Serves ``content`` with ranges; breaks off once after ``breaks_after`` bytes."""

    content: ClassVar[bytes] = b""
    breaks_after: ClassVar[int] = 0
    ranges: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if self.path == "/gone.zip":
            self.send_error(404)
            return
        if start >= len(self.content):
            self.send_error(416)
            return
        body = self.content[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.breaks_after:
            body = body[: self.breaks_after]
            type(self).breaks_after = 0
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Server.ranges.clear()
    Server.breaks_after = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def published(tmp_path: Path, *, grey: int = 50) -> bytes:
    """A nuclei zip with two images, in the layout of stage 1."""
    from PIL import Image

    file = tmp_path / "stage1_train.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("a" * 64, "b" * 64):
            for part, value in (("images", grey), ("masks", 255)):
                picture = np.full((20, 24), value, np.uint8)
                place = tmp_path / "one.png"
                Image.fromarray(picture).save(place)
                archive.write(place, f"stage1_train/{name}/{part}/{name}.png")
    return file.read_bytes()


@pytest.mark.usefixtures("home")
def test_a_download_is_kept_and_found_by_name(tmp_path: Path, address: str) -> None:
    Server.content = published(tmp_path)
    seen: list[tuple[int, int]] = []
    facts = download_dataset(
        "dsb2018",
        url=f"{address}/stage1_train.zip",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert facts["sha256"] == hashlib.sha256(Server.content).hexdigest()
    assert facts["images"] == 2
    assert seen[-1] == (len(Server.content), len(Server.content))
    assert len(open_where_it_lies("dsb2018", None).samples) == 2


@pytest.mark.usefixtures("home")
def test_a_broken_download_goes_on_where_it_was(tmp_path: Path, address: str) -> None:
    Server.content = published(tmp_path)
    Server.breaks_after = 200
    with pytest.raises(InputError, match="run it again to continue where it was"):
        download_dataset("dsb2018", url=f"{address}/stage1_train.zip")
    assert imported_path("dsb2018") is None
    download_dataset("dsb2018", url=f"{address}/stage1_train.zip")
    assert Server.ranges == ["", "bytes=200-"]
    path = imported_path("dsb2018")
    assert path is not None
    assert path.read_bytes() == Server.content


def test_a_file_that_changed_at_its_source_is_refused(
    tmp_path: Path, address: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from core.data import DATASETS

    kind = DATASETS["dsb2018"]
    monkeypatch.setattr(
        kind, "info", replace(kind.info, download_url=f"{address}/stage1_train.zip")
    )
    Server.content = published(tmp_path)
    download_dataset("dsb2018")
    next((home / "downloads").glob("*/stage1_train.zip")).unlink()
    Server.content = published(tmp_path, grey=51)
    with pytest.raises(InputError, match="differs from the one downloaded before"):
        download_dataset("dsb2018")


@pytest.mark.usefixtures("home")
def test_what_is_gone_or_not_public_is_one_clear_sentence(address: str) -> None:
    with pytest.raises(InputError, match="404"):
        download_dataset("dsb2018", url=f"{address}/gone.zip")
    with pytest.raises(InputError, match="brats2020 cannot be fetched by a program"):
        download_dataset("brats2020")
    with pytest.raises(InputError, match="It is drawn"):
        download_dataset("phantoms")


@pytest.mark.usefixtures("home")
def test_a_stack_is_not_a_nuclei_zip(tmp_path: Path, address: str) -> None:
    file = tmp_path / "stack.tif"
    tifffile.imwrite(file, np.zeros((2, 16, 16), np.uint8), photometric="minisblack")
    Server.content = file.read_bytes()
    with pytest.raises(InputError):
        download_dataset("dsb2018", url=f"{address}/stack.tif")
    assert imported_path("dsb2018") is None
