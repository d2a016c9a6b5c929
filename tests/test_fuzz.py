"""Damaged files of every format, in a child with a memory limit: an image or an ``InputError``.

``ISOLINE_FUZZ=2000`` sets how many mutants of each format are tried. Manually, with the seconds and
the slowest mutant of a format: ``python -m tests.test_fuzz DICOM 2000``.
"""

import faulthandler
import gc
import json
import os
import random
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.errors import InputError
from core.imaging import Image, SourceFile, Volume, survey
from tests.uploads import examples, npy, zipped

COUNT = int(os.environ.get("ISOLINE_FUZZ", "60"))
SECONDS = 10.0
"""No mutant may take longer."""
MEMORY = 3 << 30
"""Address space of the child; the libraries themselves take a third of it."""
FORMATS = (
    "PNG", "JPEG", "TIFF", "BMP", "WebP", "GIF", "Netpbm", "DICOM", "DICOM compressed", "NIfTI",
    "NRRD", "MetaImage", "NumPy", "zip",
)  # fmt: skip


def mutant(seed: bytes, dice: random.Random) -> bytes:
    """Bytes changed, mostly near the beginning, pieces cut or doubled, the end gone."""
    data = bytearray(seed)
    for _ in range(dice.choice((1, 1, 2, 4, 8, 30))):
        reach = len(data) if dice.random() < 0.4 else min(len(data), 700)
        at = dice.randrange(max(1, reach))
        kind = dice.randrange(8)
        if kind < 3:
            data[at : at + 1] = bytes([dice.randrange(256)])
        elif kind == 3:  # a number that is zero, small, large or negative
            value = dice.choice((0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
            data[at : at + 4] = value.to_bytes(4, dice.choice(("little", "big")))
        elif kind == 4:
            data[at : at + 1] = bytes([data[at] ^ 1 << dice.randrange(8)]) if data else b""
        elif kind == 5:
            del data[at : at + dice.choice((1, 2, 4, 16, 200))]
        elif kind == 6:
            data[at:at] = data[at : at + dice.choice((1, 4, 64))]
        else:
            data[at : at + 2] = dice.choice((b"99", b"-1", b"00", b"na", b"\xff\xff", b"1e"))
        if not data:
            break
    if dice.random() < 0.15:
        del data[dice.randrange(len(data) + 1) :]
    return bytes(data)


def read_everything(data: bytes) -> int:
    """What a page does with an upload; the number of images that came of it."""
    count = 0
    for item in survey([SourceFile(name="scan", data=data)]).items:
        found = item.read()
        picture = found.image(0) if isinstance(found, Volume) else found
        assert isinstance(picture, Image)
        assert picture.grey8().shape == picture.pixels.shape[:2]
        count += 1
    return count


def child(form: str, count: int) -> None:
    """Read mutants; the number of the one under way is on stdout, should it be the last."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seeds, dice = examples()[form], random.Random(f"{form} 2026")  # noqa: S311 - no secret, the same each time
    read = refused = 0
    slowest = 0.0
    for number in range(count):
        data = mutant(dice.choice(seeds), dice)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        start = time.monotonic()
        try:
            read += bool(read_everything(data))
        except InputError as fault:
            refused += len(str(fault).splitlines()) == 1
        slowest = max(slowest, time.monotonic() - start)
        faulthandler.cancel_dump_traceback_later()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    report = {"read": read, "refused": refused, "slowest_s": round(slowest, 2), "peak_mb": peak_mb}
    sys.stdout.write(f"{json.dumps(report)}\n")


@pytest.mark.parametrize("form", FORMATS)
def test_no_mutant_kills_hangs_or_fails_otherwise(form: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.test_fuzz", form, str(COUNT)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        timeout=60 + COUNT * SECONDS,
    )
    lines = finished.stdout.split("\n")
    assert finished.returncode == 0, f"mutant {lines[-2:]}: {finished.stderr[-3000:]}"
    report = json.loads(lines[-2])
    assert report["read"] + report["refused"] == COUNT
    assert report["refused"], "no mutant was damaged: the test tests nothing"


def test_the_seeds_are_good() -> None:
    seeds = examples()
    assert set(seeds) == set(FORMATS)
    for form, several in seeds.items():
        for data in several:
            assert read_everything(data), form


@pytest.mark.slow
def test_memory_returns_after_200_uploads() -> None:
    picture = np.add.outer(np.arange(1500), np.arange(1500)).astype(np.uint16)
    volume = np.add.outer(np.arange(60), picture[:200, :200]).astype(np.int16)
    uploads = [npy(picture), npy(volume), zipped({"a.npy": npy(volume)}), b"no picture at all"]
    process, after = psutil.Process(), {}
    for number in range(200):
        with suppress(InputError):
            read_everything(uploads[number % len(uploads)])
        if number in {19, 199}:
            gc.collect()
            after[number] = process.memory_info().rss
    assert after[199] <= 1.1 * after[19]


if __name__ == "__main__":
    child(sys.argv[1], int(sys.argv[2]))
