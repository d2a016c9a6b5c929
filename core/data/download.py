"""Fetch the data sets that are openly downloadable; say plainly where the others are to be had.

A download that broke off continues where it was. The SHA-256 of the first complete download is
recorded; a later one that differs is refused, so that two people can tell that they have the same.
"""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from core.data import info_of
from core.data.importing import import_dataset
from core.errors import InputError
from core.system.files import read_json, sha256, write_json
from core.system.home import home

TIMEOUT_SECONDS = 30
BLOCK = 1 << 20

Progress = Callable[[int, int], None]


def download_dataset(
    name: str, *, url: str = "", progress: Progress = lambda _done, _total: None
) -> dict[str, Any]:
    """Download a data set and keep it under its name.

    Args:
        name: Key of ``DATASETS``.
        url: A mirror; empty takes the publisher's address.
        progress: Called with bytes done and bytes in all (0 where the server does not say).

    Returns:
        As ``import_dataset``, with ``sha256`` and ``url``.

    Raises:
        InputError: The data set is not openly downloadable, the network failed, or the bytes
            differ from those of the first download.
    """
    info = info_of(name)
    address = url or info.download_url
    if not address:
        raise InputError(f"{name} cannot be fetched by a program. {info.access or 'It is drawn.'}")
    import pooch  # 0.1 s; only where something is fetched

    pooch.get_logger().setLevel("WARNING")

    folder = home() / "downloads" / _place(name, address)
    folder.mkdir(parents=True, exist_ok=True)
    record = home() / "downloads" / f"{info.file_name}.json"
    known = read_json(record)["sha256"] if record.exists() and not url else None
    file_name = Path(unquote(urlsplit(address).path)).name or f"{name}.zip"
    try:
        file = Path(
            pooch.retrieve(
                address,
                known_hash=known and f"sha256:{known}",
                fname=file_name,
                path=folder,
                downloader=_Resuming(progress, folder),
            )
        )
    except ValueError as differs:  # pooch's word for a wrong hash
        raise InputError(
            f"{address}: the file differs from the one downloaded before (SHA-256); it was "
            f"changed at its source. To accept it remove {record}"
        ) from differs
    except OSError as fault:  # urllib's errors are OSErrors too
        raise InputError(
            f"{address}: the download broke off ({fault}); run it again to continue where it was"
        ) from fault
    digest = sha256(file)
    write_json(record, {"sha256": digest, "url": address, "file": file_name})
    return {**import_dataset(name, file, link=True), "sha256": digest, "url": address}


def _place(name: str, address: str) -> str:
    """A folder for each data set and address: two files called ``data.zip`` are not one."""
    key = hashlib.sha256(f"{name} {address}".encode()).hexdigest()[:12]
    return f"{name.replace(':', '-')}-{key}"


class _Resuming:
    """A downloader for pooch that keeps what has arrived and asks for the rest."""

    def __init__(self, progress: Progress, folder: Path) -> None:
        self.progress = progress
        self.folder = folder

    def __call__(self, url: str, output_file: str | IO[bytes], pooch: object) -> None:
        if not url.startswith(("https://", "http://")):
            raise OSError("only http and https addresses are fetched")
        part, mark = self.folder / "data.part", self.folder / "data.etag"
        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and mark.exists():  # the whole file comes where it has changed since
            headers["If-Range"] = mark.read_text(encoding="utf-8")
        request = Request(url, headers=headers)  # noqa: S310
        try:
            answer = urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310 - scheme is checked
        except HTTPError as refused:
            if refused.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            part.unlink()  # longer than the file is now: begin again
            self(url, output_file, pooch)
            return
        with answer:
            if answer.status != HTTPStatus.PARTIAL_CONTENT:
                have = 0
            length = int(answer.headers.get("Content-Length", 0))
            total = have + length if length else 0
            version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            if version and not version.startswith("W/"):  # a weak one does not compare bytes
                mark.write_text(version, encoding="utf-8")
            else:
                mark.unlink(missing_ok=True)
            with part.open("ab" if have else "wb") as stream:
                while block := answer.read1(BLOCK):  # what has arrived, not a full block
                    stream.write(block)
                    have += len(block)
                    self.progress(have, total)
        if total and have != total:
            raise OSError(f"{have} of {total} bytes arrived")
        part.replace(Path(str(output_file)))
        mark.unlink(missing_ok=True)
