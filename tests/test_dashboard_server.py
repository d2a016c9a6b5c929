"""The dashboard and the API in one process; and a dashboard whose models are on a server."""

import io
import json
import urllib.request
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.models import load_weights
from core.system.home import ROOT
from dashboard.common import cache
from dashboard.common.examples import Example

pytestmark = pytest.mark.slow


def ask(url: str, body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "image/png"}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - as above
        content: bytes = answer.read()
    return content


@pytest.fixture(scope="module")
def both(streamlit_server: Callable[..., str]) -> str:
    return streamlit_server("dashboard/server.py")


def test_one_process_has_both_and_the_page_takes_its_models_from_there(
    both: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert b"<html" in ask(both).lower()
    assert ask(f"{both}/api/health") == b"ok"
    pixels = np.random.default_rng(1).integers(0, 256, (40, 48), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    answer = json.loads(
        ask(f"{both}/api/predict?model=isbi2012-unet&name=a.png", stream.getvalue())
    )
    local = load_weights("isbi2012-unet")
    levels = local.predictor.levels(pixels)
    assert answer["foreground_px"] == (levels >= local.operating_point.k).sum()

    monkeypatch.setenv("ISOLINE_SERVER", f"{both}/api")
    names = cache.model_names()
    assert names["server/isbi2012-unet"] == "isbi2012-unet (on the server)"
    assert all(key.startswith("server/") for key in names)
    remote = cache.trained_model("server/isbi2012-unet")
    assert remote.operating_point == local.operating_point
    found = cache.level_map("server/isbi2012-unet", Example("a.png", pixels))
    np.testing.assert_array_equal(found, levels)
    assert cache.facts_of_model("server/isbi2012-unet").sha256
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120).run()
    assert not app.exception
    assert app.selectbox(key="model").options[0].endswith("(on the server)")


def test_a_server_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOLINE_SERVER", "http://127.0.0.1:9")
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120).run()
    assert not app.exception
    assert "cannot be reached" in app.error[0].value
