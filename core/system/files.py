"""Files that are whole or absent: atomic writes, JSON and checksums for the whole project.

A reader of a path written here sees the old content or the new, never a part, even when the writer
is killed or the disk fills up. What a killed writer leaves behind has a name of its own and is
removed by ``sweep_temporary``.
"""

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from core.errors import InputError

if sys.platform != "win32":
    import fcntl

TEMPORARY = ".isoline-tmp-"


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it becomes ``path`` when the block ends well.

    The temporary file exists already, empty, and has the suffix of ``path``. On any exception it is
    removed and ``path`` stays as it was. Of two writers at once the last to finish wins.

    Raises:
        OSError: The folder is missing or read-only, or the disk is full.
    """
    path = Path(path)
    temporary, lock = _create_locked(path)
    try:
        try:
            yield temporary
            _flush(temporary)
        finally:
            os.close(lock)  # before the rename: Windows moves no open file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        _flush(path.parent)  # without this a power cut can undo the rename


def write_atomic(path: Path | str, data: bytes) -> None:
    """Write ``data`` to ``path``, all of it or nothing.

    Raises:
        OSError: As ``atomic_path``; the old file is intact.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path | str, document: object) -> None:
    """Write ``document`` as UTF-8 JSON, keys in the order given, indented by two, atomically.

    Raises:
        ValueError: A number is NaN or infinite; JSON has no such numbers, so store null.
        OSError: As ``atomic_path``.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomic(path, (text + "\n").encode())


def read_json(path: Path | str) -> Any:  # noqa: ANN401 - JSON is any of six types
    """The document in a UTF-8 JSON file.

    Raises:
        InputError: The file is missing, unreadable, not UTF-8 or not JSON; names the line.
    """
    path = Path(path)
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; give the JSON file itself") from None
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); check access") from fault
    except UnicodeDecodeError as fault:
        line = fault.object[: fault.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: not UTF-8 text; save it as UTF-8") from fault
    except json.JSONDecodeError as fault:
        raise InputError(
            f"{path}, line {fault.lineno}, column {fault.colno}: not valid JSON ({fault.msg}); "
            "correct the file or restore it"
        ) from fault
    except (ValueError, RecursionError) as fault:
        reason = "nested too deeply" if isinstance(fault, RecursionError) else str(fault)
        raise InputError(f"{path}: not valid JSON ({reason}); correct the file") from fault


def sha256(path: Path | str) -> str:
    """SHA-256 of a file, 64 hex digits, read in pieces so that size does not matter.

    Raises:
        OSError: The file is missing or unreadable.
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sweep_temporary(folder: Path | str) -> int:
    """Remove what killed writers left directly in ``folder``; files still being written stay.

    Returns:
        How many files were removed; 0 when the folder does not exist.
    """
    removed = 0
    for leftover in sorted(Path(folder).glob(f"{TEMPORARY}*")):
        if leftover.is_symlink() or not leftover.is_file():
            continue
        with suppress(OSError):  # gone meanwhile, or held open on Windows
            lock = os.open(leftover, os.O_RDWR)
            try:
                if _try_lock(lock):
                    leftover.unlink()
                    removed += 1
            finally:
                os.close(lock)
    return removed


def _create_locked(path: Path) -> tuple[Path, int]:
    """A new empty file beside ``path`` and the descriptor that segments its writer as alive.

    A lock, not the process number in the name: numbers are reused, and differ between containers
    that share a folder. The kernel drops the lock however the writer ends.
    """
    while True:
        temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}{path.suffix}"
        # mkstemp would make it private; 0o666 lets the umask decide, as for any other file
        lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if _try_lock(lock) and temporary.exists():
            return temporary, lock
        os.close(lock)  # a sweep came between creation and lock
        temporary.unlink(missing_ok=True)


def _try_lock(descriptor: int) -> bool:
    """Take the writer's lock if nobody holds it."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _flush(path: Path) -> None:
    """Have the disk hold a file's content, or a folder's entries, before continuing."""
    flags = os.O_RDWR if path.is_file() else os.O_RDONLY  # Windows flushes writable files only
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
