"""What clients may not do to the HTTP API: hold it, slow it down, or read what is not theirs."""

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import nibabel
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core import __version__
from core.errors import InputError
from core.models import list_weights
from core.serve import Limits, allowed_hosts, routes
from core.serve.answers import Answer, Submission
from core.serve.fair_share import ACTIVE_SECONDS, FairShare, client_of
from core.serve.http import application
from core.serve.limits import MAX_HEADER_BYTES
from core.serve.models import Models
from core.serve.protocol import BoundedProtocol
from core.serve.work import Work
from core.system.home import ROOT
from tests.serving import ask, picture, served

MODEL = "phantoms-unet"


def wait_for(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def metric(address: str, name: str) -> float:
    text = ask(address, "/metrics")[2].decode()
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), 0)


def connected(address: str, *, source: str = "127.0.0.1") -> socket.socket:
    port = int(address.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), 30, source_address=(source, 0))


def head(length: int, path: str = "/predict") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


def status_of(connection: socket.socket) -> int:
    with connection, connection.makefile("rb") as stream:
        return int(stream.readline().split()[1])


@contextmanager
def slow_server(
    monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> Iterator[tuple[str, threading.Event]]:
    """The API with predictions that answer when they are told to; classical models alone."""
    go = threading.Event()

    def slow(submission: Submission, _models: Models, _work: Work) -> Answer:
        go.wait(30)
        content = str(len(submission.content)).encode()
        return Answer(status=200, media_type="text/plain", content=content)

    monkeypatch.setattr("core.serve.predictions.answer", slow)
    with served(application(Models(["classical/otsu"]), limits)) as address:
        try:
            yield address, go
        finally:
            go.set()


class SlowNetwork(torch.nn.Module):
    """Answers nothing everywhere, after a while; counts."""

    def __init__(self) -> None:
        super().__init__()
        self.tiles = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.tiles += len(x)
        time.sleep(0.1)
        return torch.zeros_like(x[:, :1])


@contextmanager
def slow_network(limits: Limits) -> Iterator[tuple[str, SlowNetwork]]:
    """The API with a real predictor around a network that takes 0.1 s for each tile."""
    models, network = Models([MODEL]), SlowNetwork()
    models.open().trained.predictor.model.model = network
    with served(application(models, limits)) as address:
        yield address, network


def test_above_the_cap_come_429_and_advice_and_health_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = Limits(in_flight=2)
    with slow_server(monkeypatch, limits) as (address, go), ThreadPoolExecutor(12) as pool:
        held = [pool.submit(ask, address, "/predict", b"x" * 10) for _ in range(2)]
        wait_for(lambda: metric(address, "isoline_in_flight") == 2)
        for _ in range(8):
            status, headers, content = ask(address, "/predict", b"x" * 200_000)
            assert (status, headers["retry-after"]) == (429, "1")
            assert "2 predictions are under way" in json.loads(content)["error"]
        assert ask(address, "/health")[0] == 200
        go.set()
        assert [answer.result()[0] for answer in held] == [200, 200]
        assert ask(address, "/predict", b"x")[0] == 200
        assert metric(address, 'isoline_requests_total{status="429"}') == 8
        assert metric(address, 'isoline_requests_total{status="200"}') == 3


def test_large_uploads_are_refused_with_and_without_their_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with slow_server(monkeypatch, Limits(max_bytes=1000)) as (address, go):
        go.set()
        assert ask(address, "/predict", b"x" * 1000)[2] == b"1000"
        assert ask(address, "/predict", b"x" * 1001)[0] == 413
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        pieces = iter([b"x" * 600] * 2)
        connection.request("POST", "/predict", pieces, encode_chunked=True)
        assert connection.getresponse().status == 413
        connection.close()


def test_a_slow_upload_holds_no_place_and_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(in_flight=1, body_seconds=1)
    with slow_server(monkeypatch, limits) as (address, go), connected(address) as slow:
        go.set()
        started = time.monotonic()
        slow.sendall(head(100) + b"half")
        wait_for(lambda: ask(address, "/predict", b"x")[0] == 200, seconds=0.9)
        assert status_of(slow) == 408
        assert time.monotonic() - started < 5


def test_uploads_together_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = Limits(max_bytes=1000)
    with slow_server(monkeypatch, limits) as (address, go):
        go.set()
        with ExitStack() as pending:
            for _ in range(8):
                pending.enter_context(connected(address)).sendall(head(1000) + b"x" * 999)
            time.sleep(0.3)
            assert ask(address, "/predict", b"x" * 1000)[0] == 429
        wait_for(lambda: ask(address, "/predict", b"x" * 1000)[0] == 200)


def test_the_work_of_a_client_that_left_ends_and_its_place_is_free() -> None:
    with slow_network(Limits(in_flight=1)) as (address, network):
        body = picture(size=2048)  # 36 tiles, 3.6 s
        with connected(address) as leaving:
            leaving.sendall(head(len(body)) + body)
            wait_for(lambda: network.tiles > 1)
        wait_for(lambda: metric(address, "isoline_in_flight") == 0)
        tiles = network.tiles
        time.sleep(0.4)
        assert network.tiles == tiles < 20
        assert metric(address, 'isoline_requests_total{status="499"}') == 1


def test_a_prediction_has_a_deadline() -> None:
    limits = Limits(in_flight=1, work_seconds=0.5)
    with slow_network(limits) as (address, network):
        body = picture(size=2048)
        status, _, content = ask(address, "/predict", body)
        assert status == 503
        assert "took more than 0.5 s" in json.loads(content)["error"]
        wait_for(lambda: metric(address, "isoline_in_flight") == 0)
        tiles = network.tiles
        time.sleep(0.3)
        assert network.tiles == tiles < 20


def test_a_deadline_holds_for_volumes_too() -> None:
    volume = np.random.default_rng(0).integers(0, 255, (32, 32, 40), dtype=np.uint8)
    nifti = nibabel.Nifti1Image(volume, np.eye(4)).to_bytes()  # type: ignore[no-untyped-call]
    with slow_network(Limits(work_seconds=0.5)) as (address, network):
        assert ask(address, "/predict?format=nifti", nifti)[0] == 503
        tiles = network.tiles
        time.sleep(0.4)
        assert network.tiles <= tiles + 1 < 40


def blank(side: int, kind: str) -> bytes:
    stream = io.BytesIO()
    Pillow.new("L", (side, side)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "nifti", "npy"])
def test_large_images_are_refused_before_they_cost_anything(kind: str) -> None:
    models = Models(["classical/otsu"])
    client = TestClient(application(models, Limits(max_pixels=100 * 100)))
    for side, status in ((100, 200), (101, 400)):
        if kind == "nifti":
            image = nibabel.Nifti1Image(np.zeros((side, side, 2), np.uint8), np.eye(4))  # type: ignore[no-untyped-call]
            body = image.to_bytes()
        elif kind == "npy":
            stream = io.BytesIO()
            np.save(stream, np.zeros((side, side), np.uint8))
            body = stream.getvalue()
        else:
            body = blank(side, kind)
        answer = client.post("/predict", content=body)
        assert answer.status_code == status, answer.text
    assert "101 x 101 pixels are more than the 0.01 million allowed" in answer.json()["error"]


def test_by_default_an_image_of_100_million_pixels_is_refused_at_once() -> None:
    client = TestClient(application(Models([MODEL]), Limits()))
    body = blank(10_000, "PNG")
    assert len(body) < 200_000
    started = time.monotonic()
    assert client.post("/predict", content=body).status_code == 400
    assert time.monotonic() - started < 2


def test_one_client_leaves_room_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        slow_server(monkeypatch, Limits(in_flight=4)) as (address, go),
        ThreadPoolExecutor(8) as pool,
    ):
        greedy = [pool.submit(ask, address, "/predict", b"x") for _ in range(4)]
        wait_for(lambda: metric(address, "isoline_in_flight") == 4)
        other = connected(address, source="127.0.0.2")
        other.sendall(head(1) + b"x")
        assert status_of(other) == 429  # it is noticed all the same
        go.set()
        assert [answer.result()[0] for answer in greedy] == [200] * 4
        go.clear()
        held = [pool.submit(ask, address, "/predict", b"x") for _ in range(2)]
        wait_for(lambda: metric(address, "isoline_in_flight") == 2)
        assert ask(address, "/predict", b"x")[0] == 429  # two of four are the share of each
        other = connected(address, source="127.0.0.2")
        other.sendall(head(1) + b"x")
        wait_for(lambda: metric(address, "isoline_in_flight") == 3)
        go.set()
        assert status_of(other) == 200
        assert [answer.result()[0] for answer in held] == [200, 200]


@given(
    total=st.integers(1, 20),
    asked=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60),
)
def test_a_share_is_never_above_the_total_and_a_newcomer_gets_in(
    total: int, asked: list[tuple[str, bool]]
) -> None:
    share, held = FairShare(total), dict.fromkeys("abc", 0)
    for client, give_back in asked:
        if give_back and held[client]:
            share.give_back(client)
            held[client] -= 1
        elif not give_back:
            held[client] += share.take(client)
        assert share.taken == sum(held.values()) <= total
    if share.taken < total:
        assert share.take("newcomer")


def test_a_client_that_asks_no_more_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    share = FairShare(4)
    assert share.take("other")
    share.give_back("other")
    assert [share.take("a") for _ in range(4)] == [True, True, False, False]
    now = time.monotonic() + ACTIVE_SECONDS
    monkeypatch.setattr("core.serve.fair_share.time.monotonic", lambda: now)
    assert [share.take("a") for _ in range(3)] == [True, True, False]


def test_an_ipv6_network_is_one_client() -> None:
    def of(host: str) -> str:
        return client_of({"client": (host, 1)})

    assert of("2001:db8::1") == of("2001:db8::2:3") != of("2001:db8:1::1")
    assert of("::ffff:10.0.0.1") == of("10.0.0.1") != of("10.0.0.2")


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("core.serve.protocol.HEADER_SECONDS", 0.5)
    app = application(Models(["classical/otsu"]), Limits())
    settings = {"http": BoundedProtocol, "h11_max_incomplete_event_size": MAX_HEADER_BYTES}
    with served(app, **settings) as address:
        yield address


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nX-Half",
        b"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /hea",
        b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
    ],
)
def test_what_a_client_never_finishes_is_cut(bounded: str, sent: bytes) -> None:
    with connected(bounded) as connection:
        connection.settimeout(4)  # uvicorn closes idle connections after 5 s, others never
        connection.sendall(sent)
        with suppress(ConnectionError):  # cut is cut
            while connection.recv(4096):
                pass


def sends(connection: socket.socket, piece: bytes, *, times: int, pause: float = 0) -> bool:
    """Whether the server takes all of it."""
    try:
        for _ in range(times):
            connection.sendall(piece)
            time.sleep(pause)
    except ConnectionError:
        return False
    return True


def test_a_trickle_of_headers_is_cut(bounded: str) -> None:
    with connected(bounded) as connection:
        assert not sends(connection, b"X", times=30, pause=0.1)


def test_headers_are_bounded(bounded: str) -> None:
    with connected(bounded) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nX-Large: ")
        assert not sends(connection, b"x" * 100_000, times=200)
    assert ask(bounded, "/health", None, X="x" * 10_000)[0] == 200


def test_a_slow_prediction_is_not_cut_by_the_deadline_for_headers(
    monkeypatch: pytest.MonkeyPatch, bounded: str
) -> None:
    def slow(_submission: Submission, _models: Models, _work: Work) -> Answer:
        time.sleep(1.5)
        return Answer(status=200, media_type="text/plain", content=b"x" * 3_000_000)

    monkeypatch.setattr("core.serve.predictions.answer", slow)
    with connected(bounded) as connection:
        connection.sendall(head(1) + b"x")
        with connection.makefile("rb") as stream:
            assert stream.readline().split()[1] == b"200"
            while stream.readline().strip():
                pass
            size = 0
            for _ in range(3):  # a reader that is slow, but reads
                time.sleep(0.4)
                size += len(stream.read(1_000_000))
    assert size == 3_000_000


def test_models_are_described_without_their_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_given: object, **_named: object) -> None:
        raise AssertionError("a network was loaded")

    monkeypatch.setattr("core.models.restored", refused)
    monkeypatch.setattr("core.models.stored_weights", refused)
    described = TestClient(application(Models(), Limits())).get("/models").json()
    assert {model["name"] for model in described} >= set(list_weights())


@pytest.mark.parametrize("name", [MODEL, "brats-unet", "classical/otsu"])
def test_a_description_is_that_of_the_loaded_model(name: str) -> None:
    models = Models([name])
    (described,) = models.documents()
    trained, facts = models.open().trained, models.open().facts
    assert described["in_channels"] == trained.predictor.in_channels
    assert described["config"] == {**trained.config.document(), "data": None}
    assert described["operating_point"]["threshold"] == trained.operating_point.threshold
    assert {key: described[key] for key in facts.document()} == {
        **facts.document(),
        "limits": facts.limits,
    }


def test_a_model_that_is_not_there_is_refused_before_anything_starts() -> None:
    for name in ("nope", f"{MODEL}:nope", "run/nope", "classical/nope"):
        with pytest.raises(InputError, match="nope"):
            Models([name]).documents()


def test_only_known_host_names_are_answered() -> None:
    app = application(Models(["classical/otsu"]), Limits(hosts=allowed_hosts("127.0.0.1")))
    for host in ("127.0.0.1:8000", "localhost", "[::1]:80", "LOCALHOST:1"):
        assert TestClient(app, f"http://{host}").get("/models").status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example:8000", "[::2]", ""):
        answer = TestClient(app).get("/models", headers={"Host": host})
        assert answer.status_code == 400
        assert "--allowed-host" in answer.json()["error"]


def test_host_names_come_from_the_option_the_environment_or_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "localhost" in allowed_hosts("127.0.0.1")
    assert allowed_hosts("0.0.0.0") == ()  # noqa: S104 - nothing listens
    assert allowed_hosts("127.0.0.1", ["a.example"]) == ("a.example",)
    monkeypatch.setenv("ISOLINE_ALLOWED_HOSTS", "b.example, c.example")
    assert allowed_hosts("0.0.0.0") == ("b.example", "c.example")  # noqa: S104 - as above


NUMBERS = ("nan", "-nan", "inf", "-inf", "1e999", "9" * 5000, "-1", "0x1", "1.5", "text", "\0", "½")


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = Starlette(routes=routes("/api", models=["classical/otsu"]))
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", ["page", "threshold"])
def test_what_is_no_number_is_refused_in_one_sentence(
    client: TestClient, name: str, number: str
) -> None:
    answer = client.post(f"/api/predict?{name}={quote(number)}", content=picture(size=48))
    assert answer.status_code == 400
    (sentence,) = answer.json().values()
    assert sentence.startswith(name)
    assert len(sentence) < 200


@given(
    name=st.sampled_from(["page", "threshold", "clean_up", "model", "greys", "format", "name"]),
    value=st.text(max_size=300) | st.floats().map(str) | st.integers().map(str),
)
def test_no_parameter_is_a_fault_of_ours(client: TestClient, name: str, value: str) -> None:
    encoded = quote(value, errors="replace")
    answer = client.post(f"/api/predict?{name}={encoded}", content=picture(size=48))
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        assert list(answer.json()) == ["error"]


def test_errors_of_the_framework_have_the_form_of_ours(client: TestClient) -> None:
    for answer, status in (
        (client.get("/api/nothing"), 404),
        (client.get("/api/predict"), 405),
    ):
        assert answer.status_code == status
        assert list(answer.json()) == ["error"]


def test_the_page_of_the_api_needs_no_other_host(client: TestClient) -> None:
    page = client.get("/api/docs")
    assert "POST /api/predict" in page.text
    for name in ("threshold", "/api/models", "413"):
        assert name in page.text
    assert not any(word in page.text for word in ("http:", "https:", "//", "<script", "url("))
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_version_has_one_place(client: TestClient) -> None:
    assert client.get("/api/openapi.json").json()["info"]["version"] == __version__
    elsewhere = [
        file
        for file in (*ROOT.glob("core/**/*.py"), ROOT / "pyproject.toml")
        if f'"{__version__}"' in file.read_text(encoding="utf-8")
    ]
    assert elsewhere == [ROOT / "core" / "__init__.py"]


@pytest.mark.slow
def test_a_server_that_predicts_ends_within_five_seconds(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-m", "core", "serve", "--weights", MODEL, "--port", str(port)]
    with (tmp_path / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stderr=log, stdout=log, env={**os.environ}
        )
    address = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        try:
            return ask(address, "/health")[0] == 200
        except OSError:
            return False

    try:
        wait_for(is_up, seconds=90)
        body = picture(size=4096)  # half a minute of work
        connections = [connected(address) for _ in range(3)]
        for connection in connections:
            connection.sendall(head(len(body)) + body)
        wait_for(lambda: metric(address, "isoline_in_flight") == 3)
        time.sleep(1)
        server.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert server.wait(10) == 0
        assert time.monotonic() - started < 5
    finally:
        server.kill()
        for connection in connections:
            connection.close()
    assert b"Traceback" not in (tmp_path / "log.txt").read_bytes()
