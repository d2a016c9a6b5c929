"""The HTTP API: the bytes of the command line, and one clear answer to everything else."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from starlette.applications import Starlette

from core.data.datasets.phantoms import draw
from core.errors import InputError
from core.export import EXPORTS
from core.imaging import read_image
from core.models import load_weights
from core.predict.batch import PredictionOptions, predict_files
from core.predict.remote import remote_model, remote_models, server_address
from core.serve import Limits, routes
from core.serve.batching import TileBatcher
from core.threshold.postprocessing import PostProcessing
from tests.serving import ask, picture, served

MODEL = "phantoms-unet"
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    app = Starlette(routes=routes("/api", models=[MODEL, "classical/otsu"]))
    with served(app) as address:
        yield f"{address}/api"


def test_masks_are_byte_for_byte_those_of_the_command_line(api: str, tmp_path: Path) -> None:
    path = tmp_path / "cells.png"
    path.write_bytes(picture())
    for query, wanted in (
        ("", PredictionOptions()),
        (
            "&threshold=0.7&post_processing=fill_holes",
            PredictionOptions(k=700, post_processing=PostProcessing(fill_holes=True)),
        ),
    ):
        (row,) = predict_files(load_weights(MODEL), [path], tmp_path / "out", wanted=wanted)
        status, headers, content = ask(api, f"/predict?format=mask{query}", path.read_bytes())
        assert status == 200
        assert headers["content-type"] == "image/png"
        assert content == Path(row["mask"]).read_bytes()


def test_answers_in_a_crowd_are_those_alone(api: str) -> None:
    pictures = [picture(index) for index in range(6)]
    alone = [ask(api, "/predict?format=levels", each)[2] for each in pictures]
    with ThreadPoolExecutor(6) as pool:
        together = list(
            pool.map(lambda each: ask(api, "/predict?format=levels", each)[2], pictures)
        )
    assert together == alone


def test_json_says_what_the_row_of_the_command_line_says(api: str) -> None:
    body = picture()
    boundary = "frontier"
    form = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a b.png"\r\n\r\n'
    ).encode() + body
    form += f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    status, _, content = ask(api, "/predict", form, Content_Type=kind)
    document = json.loads(content)
    assert status == 200
    assert document["input"] == "a b.png"
    assert document["components"] == len(document["measurements"]) > 0
    assert document["model"]["name"] == MODEL
    assert "Not a medical device" in document["note"]


@pytest.mark.parametrize("name", [name for name in EXPORTS if name != "dicom-seg"])
def test_every_format_is_answered(api: str, name: str) -> None:
    path = f"/predict?format={name}&name=x.png&model=classical/otsu"
    status, headers, content = ask(api, path, picture(size=48))
    assert status == 200
    assert headers["content-type"].startswith(EXPORTS[name].media_type)
    assert f'filename="x{EXPORTS[name].suffix}"' in headers["content-disposition"]
    assert content


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("image/png", "image/png"), ("text/html,*/*", "text/html"), ("*/*", "application/json")],
)
def test_the_accept_header_chooses(api: str, accept: str, kind: str) -> None:
    _, headers, _ = ask(api, "/predict?model=classical/otsu", picture(size=48), Accept=accept)
    assert headers["content-type"].startswith(kind)


@pytest.mark.parametrize(
    ("query", "body", "words"),
    [
        ("", b"", "there is no file"),
        ("", b"not an image", "not an image that can be read"),
        ("?model=nope", picture(size=48), "no model 'nope' here; choose one of phantoms-unet"),
        ("?threshold=2", picture(size=48), "threshold 2 is not on the grid"),
        ("?threshold=high", picture(size=48), "threshold 'high' is not a number"),
        ("?format=gif", picture(size=48), "unknown format 'gif'"),
        ("?colour=red", picture(size=48), "unknown parameter 'colour'"),
        ("?post_processing=polish", picture(size=48), "unknown post-processing 'polish'"),
        ("?format=dicom-seg", picture(size=48), "refers to DICOM images"),
        ("?page=2", picture(size=48), "page"),
        ("?page=nan", picture(size=48), "page 'nan' is not a whole number from 1"),
        ("?page=1.5", picture(size=48), "page '1.5' is not a whole number from 1"),
    ],
)
def test_wrong_input_is_one_sentence(api: str, query: str, body: bytes, words: str) -> None:
    status, headers, content = ask(api, f"/predict{query}", body)
    assert status == 400
    assert headers["content-type"] == "application/json"
    assert words in json.loads(content)["error"]


def test_a_fault_of_ours_says_nothing_of_the_picture(
    api: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_given: object, **_named: object) -> None:
        raise RuntimeError("Can" + "ary")

    monkeypatch.setattr("core.serve.answers.predict_case", broken)
    status, _, content = ask(api, "/predict?name=Canary.png", picture(size=48))
    assert status == 500
    assert b"Canary" not in content
    assert "RuntimeError" in caplog.text
    assert "Canary" not in caplog.text


def test_the_server_says_what_it_offers(api: str) -> None:
    models = {model["name"]: model for model in json.loads(ask(api, "/models")[2])}
    assert set(models) == {MODEL, "classical/otsu"}
    assert len(models[MODEL]["sha256"]) == 64
    described = json.loads(ask(api, "/openapi.json")[2])
    assert "/api/predict" in described["paths"]
    assert ask(api, "/health")[2] == b"ok"
    assert 'isoline_requests_total{status="200"}' in ask(api, "/metrics")[2].decode()


def test_a_remote_model_is_as_good_as_one_here(api: str) -> None:
    documents = remote_models(api)
    trained, facts = remote_model(api, documents[MODEL])
    here = load_weights(MODEL)
    image = draw("nuclei", index=3, size=80).image
    assert np.array_equal(trained.predictor.levels(image), here.predictor.levels(image))
    assert trained.operating_point == here.operating_point
    assert facts.sha256 == documents[MODEL]["sha256"]
    otsu, _ = remote_model(api, documents["classical/otsu"])
    assert otsu.predictor.levels(image).shape == image.shape
    with pytest.raises(InputError, match="16"):
        trained.predictor.levels(np.zeros((4, 40), np.uint8))


def test_a_server_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(InputError, match=r"cannot be reached .*check ISOLINE_SERVER"):
            remote_models(address)
    monkeypatch.setenv("ISOLINE_SERVER", "file:///etc")
    with pytest.raises(InputError, match="no address"):
        server_address()
    monkeypatch.setenv("ISOLINE_SERVER", "http://127.0.0.1:8000/")
    assert server_address() == "http://127.0.0.1:8000"


def test_a_token_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(token="word")  # noqa: S106 - a test's own
    app = Starlette(routes=routes("/api", models=["classical/otsu"], limits=limits))
    with served(app) as address:
        api = f"{address}/api"
        body = picture(size=48)
        refused: tuple[dict[str, str], ...] = (
            {},
            {"Authorization": "Bearer worse"},
            {"Authorization": "word"},
        )
        for given in refused:
            assert ask(api, "/predict", body, **given)[0] == 401
            assert ask(api, "/models", None, **given)[0] == 401
        assert ask(api, "/predict", body, Authorization="Bearer word")[0] == 200
        assert ask(api, "/health")[0] == 200
        monkeypatch.setenv("ISOLINE_TOKEN", "word")
        assert set(remote_models(api)) == {"classical/otsu"}


class Counting(torch.nn.Module):
    """Doubles, remembers the batches, and waits so that they can gather."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shapes.append(tuple(x.shape))
        time.sleep(0.05)
        if x.shape[-1] == 7:
            raise ValueError("seven")
        return x * 2


def test_tiles_of_one_shape_share_a_batch() -> None:
    network = Counting()
    batcher = TileBatcher(network, largest=4)
    tiles = [torch.full((1, 1, 4, 4 + n % 2), float(n)) for n in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(batcher, tiles))
    for tile, answer in zip(tiles, answers, strict=True):
        assert torch.equal(answer, tile * 2)
    assert max(shape[0] for shape in network.shapes) == 4
    with ThreadPoolExecutor(16) as pool:  # once checked, they are not run alone any more
        before = batcher.batches
        list(pool.map(batcher, tiles))
    assert batcher.batches - before < 12


def test_a_fault_reaches_those_who_wait_and_no_others() -> None:
    batcher = TileBatcher(Counting(), largest=4)
    with ThreadPoolExecutor(2) as pool:
        bad = pool.submit(batcher, torch.zeros(1, 1, 4, 7))
        good = pool.submit(batcher, torch.ones(1, 1, 4, 4))
        with pytest.raises(ValueError, match="seven"):
            bad.result()
        assert torch.equal(good.result(), torch.full((1, 1, 4, 4), 2.0))


@pytest.mark.parametrize("size", [(96, 128), (256, 256)])  # oneDNN's kernels differ for the first
def test_a_batch_treats_its_images_apart_bit_for_bit(size: tuple[int, int]) -> None:
    model = load_weights(MODEL).predictor.model
    batcher = TileBatcher(model, largest=4)
    noise = torch.rand(8, 1, *size, generator=torch.Generator().manual_seed(0))
    tiles = torch.split(noise, 1)
    with torch.inference_mode(), ThreadPoolExecutor(6) as pool:
        alone = [model(tile) for tile in tiles]
        together = list(pool.map(batcher, tiles))
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


class Unsteady(torch.nn.Module):
    """What a batch must never reach: an answer that depends on the company."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.02)
        return x + len(x)


def test_a_network_that_minds_its_company_is_run_alone() -> None:
    batcher = TileBatcher(Unsteady(), largest=4)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(batcher, [torch.zeros(1, 1, 4, 4)] * 24))
    assert all(torch.equal(answer, torch.ones(1, 1, 4, 4)) for answer in answers)


@pytest.mark.slow
def test_the_server_serves_and_ends(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-m", "core", "serve", "--weights", MODEL, "--port", str(port)]
    log = (tmp_path / "log.txt").open("wb")
    server = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stderr=log, stdout=log, env={**os.environ}
    )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 90
        while server.poll() is None and time.monotonic() < deadline:
            try:
                if ask(address, "/health")[0] == 200:
                    break
            except OSError:
                time.sleep(0.2)
        path = tmp_path / "cells.png"
        path.write_bytes(picture())
        (row,) = predict_files(load_weights(MODEL), [path], tmp_path / "out")
        answer = ask(address, "/predict", path.read_bytes(), Accept="image/png")
        assert answer[0] == 200
        assert answer[2] == Path(row["mask"]).read_bytes()
        assert ask(address, "/predict", b"no image")[0] == 400
        assert b"isoline_requests_total" in ask(address, "/metrics")[2]
        assert "/predict" in json.loads(ask(address, "/openapi.json")[2])["paths"]
        levels = read_image(ask(address, "/predict?format=levels", path.read_bytes())[2], name="l")
        assert levels.pixels.max() <= 1000
        assert b"<script" not in ask(address, "/docs")[2]
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(5) == 0
        log.close()
    assert b"Traceback" not in (tmp_path / "log.txt").read_bytes()
