"""An uploaded zip as a file that only its own import sees."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dashboard.common.sources import UPLOAD_PREFIX


@contextmanager
def uploaded_zip(upload: BinaryIO) -> Iterator[Path]:
    """An upload as a file in a private folder of its own, which is deleted at the end.

    Two uploads never share a path. The folder is unreadable for other users of the machine and
    closed to ``allowed_path``, even where the import root holds the system's temporary folder.

    Args:
        upload: The file as the browser sent it; read from its beginning.

    Yields:
        Path of the zip.
    """
    with tempfile.TemporaryDirectory(prefix=UPLOAD_PREFIX) as folder:
        path = Path(folder) / "upload.zip"
        upload.seek(0)
        with path.open("wb") as stream:
            shutil.copyfileobj(upload, stream)
        yield path
