"""An uploaded zip is its sender's alone, and gone when it has been imported."""

import io
import json
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from PIL import Image

from core.data import open_dataset
from core.data.importing import import_dataset
from core.errors import InputError
from dashboard.common.sources import allowed_path
from dashboard.datasets.upload import uploaded_zip
from tests.pages import press, run_page


def packed(intensity: int) -> bytes:
    """A zip of three images of one intensity, each with its mask."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(3):
            for kind, value in (("images", intensity), ("masks", 255)):
                png = io.BytesIO()
                Image.fromarray(np.full((32, 32), value, np.uint8)).save(png, "PNG")
                archive.writestr(f"{kind}/{number}.png", png.getvalue())
    return content.getvalue()


def test_imports_at_once_hold_their_own_images(home: Path) -> None:
    both = Barrier(2)

    def bring(intensity: int) -> Path:
        with uploaded_zip(io.BytesIO(packed(intensity))) as path:
            both.wait(30)  # both uploads have arrived before either is read
            import_dataset(f"folder:of-{intensity}", path)
            return path

    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(bring, (40, 200)))
    for intensity in (40, 200):
        facts = json.loads((home / "datasets" / f"folder--of-{intensity}/import.json").read_text())
        stored = open_dataset("folder", home / f"datasets/folder--of-{intensity}" / facts["path"])
        assert {int(value) for value in np.unique(stored.image(stored.samples[0]))} == {intensity}
    assert paths[0] != paths[1]
    assert not any(path.parent.exists() for path in paths)


def test_a_failed_import_leaves_no_upload_behind() -> None:
    with pytest.raises(InputError), uploaded_zip(io.BytesIO(b"no zip")) as path:
        import_dataset("folder", path)
    assert not path.parent.exists()


def test_no_one_imports_the_upload_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOLINE_IMPORT_ROOT", tempfile.gettempdir())
    with uploaded_zip(io.BytesIO(packed(40))) as path:
        assert path.parent.stat().st_mode & 0o077 == 0
        with pytest.raises(InputError, match="can be imported from here"):
            allowed_path(str(path))


def test_the_page_leaves_no_upload_in_the_import_root(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    app = run_page("datasets")
    app.button_group(key="look").set_value("Import").run()
    kind = next(box for box in app.selectbox if box.label == "What is it?")
    kind.set_value("folder").run()
    app.file_uploader[0].upload("mine.zip", packed(40), "application/zip").run()
    press(app, "Import")
    assert "3 images imported" in app.success[0].value
    assert [path.parts[len(home.parts)] for path in home.rglob("*.zip")] == ["datasets"]
