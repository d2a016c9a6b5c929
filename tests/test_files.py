"""Files are whole or absent, whoever is killed and whatever fails."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.errors import InputError
from core.system.files import (
    TEMPORARY,
    atomic_path,
    read_json,
    sha256,
    sweep_temporary,
    write_atomic,
    write_json,
)


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(TEMPORARY)]


def test_write_and_replace(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomic(path, b"old")
    write_atomic(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_temporary_is_in_the_same_folder_with_the_same_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "model.npz") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".npz"
        assert temporary.read_bytes() == b""


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    write_atomic(tmp_path / "ours", b"1")
    (tmp_path / "plain").write_bytes(b"1")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_in_the_middle_keeps_the_old_file(tmp_path: Path, fault: BaseException) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, b"old")
    with pytest.raises(type(fault)), atomic_path(path) as temporary:  # noqa: PT012
        temporary.write_bytes(b"half of the ne")
        raise fault
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_failure_to_flush_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_target_that_is_a_folder_is_an_error_without_leftovers(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomic(tmp_path / "folder", b"x")
    assert leftovers(tmp_path) == []


WRITER = """
import sys
from core.system.files import write_atomic
n = 0
while True:
    n += 1
    write_atomic(sys.argv[1], bytes([n % 256]) * 300_000)
"""


def test_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    write_atomic(path, b"\0" * 300_000)
    root = Path(__file__).parents[1]
    for attempt in range(20):
        before = path.stat().st_mtime_ns
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=root) as child:
            deadline = time.monotonic() + 30
            while path.stat().st_mtime_ns == before and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(attempt * 0.0007)  # hit a different moment each time
            child.send_signal(signal.SIGKILL)
        data = path.read_bytes()
        assert len(data) == 300_000
        assert len(set(data)) == 1
    sweep_temporary(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["data.bin"]


def test_two_writers_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"

    def write(value: int) -> None:
        for _ in range(20):
            write_atomic(path, bytes([value]) * 200_000)

    threads = [threading.Thread(target=write, args=(value,)) for value in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = path.read_bytes()
    assert len(data) == 200_000
    assert len(set(data)) == 1
    assert leftovers(tmp_path) == []


def test_sweep_removes_the_dead_and_spares_the_living(tmp_path: Path) -> None:
    (tmp_path / f"{TEMPORARY}0123.json").write_text("left by a killed writer")
    (tmp_path / "mine.json").write_text("{}")
    with atomic_path(tmp_path / "a.json") as temporary:
        assert sweep_temporary(tmp_path) == 1
        temporary.write_text("done")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "mine.json"]
    assert sweep_temporary(tmp_path / "missing") == 0


def test_json_keeps_order_and_letters(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    document = {"b": 1, "a": [1.5, None, "Süß µm"]}
    write_json(path, document)
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    assert list(read_json(path)) == ["b", "a"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_nan(tmp_path: Path, value: float) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"dice": 0.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"dice": value})
    assert read_json(path) == {"dice": 0.5}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{\n  "a": 1,\n  "b": \n}', "line 4"),
        (b"", "line 1"),
        (b'{"a": NaN}', "NaN"),
        (b'{\n"a": "\xff"}', "line 2.*UTF-8"),
        (b"[" * 200_000, "deeply"),
    ],
)
def test_broken_json_names_file_and_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"broken\.json.*{says}") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)


def test_json_missing_or_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(InputError, match="folder"):
        read_json(tmp_path)


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 3_000_000)
    assert sha256(path) == hashlib.sha256(b"x" * 3_000_000).hexdigest()
