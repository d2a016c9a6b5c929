"""The HTTP API under load: throughput of 16 clients, and what happens at ten times its capacity.

    python -m benchmarks.serve [--json] [--seconds 20] [--size 512]

Server and clients share this machine and speak over 127.0.0.1. The peer is the network alone, fed
with ready tensors of the same tiles in batches of 8, in a process of its own while nothing else
runs. Health is asked by a process of its own, every 50 ms, while 160 clients press.
"""

import http.client
import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
from PIL import Image as Pillow

from benchmarks._report import ROOT, emit, goal, parser, report, result
from core.data.datasets.phantoms import draw

MODEL = "phantoms-unet"
CLIENTS, CROWD = 16, 160

ALONE = """
import sys, time, torch
from core.inference.predictor import MARGIN
from core.models import load_weights
model = load_weights(sys.argv[1]).predictor.model
side, seconds = int(sys.argv[2]) + 2 * MARGIN, float(sys.argv[3])
x = torch.rand(8, 1, side, side).to(memory_format=torch.channels_last)
with torch.inference_mode():
    model(x)
    start, images = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        model(x)
        images += len(x)
    print(images / (time.perf_counter() - start))
"""
HEALTH = """
import http.client, json, sys, time
times, end = [], time.perf_counter() + float(sys.argv[2])
while time.perf_counter() < end:
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    times.append(time.perf_counter() - start)
    connection.close()
    time.sleep(0.05)
print(json.dumps(times))
"""


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=20, help="of each part")
    arguments.add_argument("--size", type=int, default=512, help="side of the images")
    given = arguments.parse_args()
    bodies = [_picture(index, given.size) for index in range(4)]
    alone = float(_child(ALONE, MODEL, str(given.size), str(given.seconds)))
    with _server() as port:
        _press(port, bodies, clients=CLIENTS, seconds=given.seconds / 2)  # warms up
        calm = _press(port, bodies, clients=CLIENTS, seconds=given.seconds)
        health = subprocess.Popen(
            [sys.executable, "-c", HEALTH, str(port), str(given.seconds)], stdout=subprocess.PIPE
        )
        crowd = _press(port, bodies, clients=CROWD, seconds=given.seconds)
        times = json.loads(health.communicate()[0])
    served, others = calm.per_second, sorted(set(crowd.statuses) - {200, 429})
    p99 = float(np.quantile(times, 0.99)) * 1000
    case = f"{given.size} x {given.size}"
    results = [
        result(
            f"{CLIENTS} clients, {case}, images per second",
            served,
            unit="1/s",
            peer=alone,
            peer_name="network alone, batches of 8",
        ),
        result(f"{CLIENTS} clients, median answer", calm.median_seconds, unit="s"),
        result(f"{CROWD} clients, images per second", crowd.per_second, unit="1/s"),
        result(f"{CROWD} clients, answers 429", crowd.statuses[429], unit="answers"),
        result(f"{CROWD} clients, health p99 of {len(times)}", p99, unit="ms"),
    ]
    goals = [
        goal("share of the network's own throughput, at least", 0.85, served / alone, least=True),
        goal("answers other than 200 and 429 in the crowd, at most", 0, _other(crowd.statuses)),
        goal("health in the crowd, p99 in ms, at most", 100, p99),
    ]
    software = f"{MODEL}; other statuses in the crowd: {others or 'none'}"
    emit(report("serve", results, goals, software=software), as_json=given.json)


class _Load:
    """What clients saw; errors of the connection count as status 0."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.statuses: Counter[int] = Counter()
        self.times: list[float] = []

    @property
    def per_second(self) -> float:
        return self.statuses[200] / self.seconds

    @property
    def median_seconds(self) -> float:
        return float(np.median(self.times)) if self.times else 0.0


def _press(port: int, bodies: list[bytes], *, clients: int, seconds: float) -> _Load:
    """Clients that ask again as soon as they have an answer, or when a 429 advises."""
    started = time.perf_counter()
    end = started + seconds
    load = _Load(seconds)
    lock = threading.Lock()

    def client(number: int) -> None:
        while time.perf_counter() < end:
            begun = time.perf_counter()
            status, wait = _ask(port, bodies[number % len(bodies)])
            with lock:
                load.statuses[status] += 1
                if status == http.client.OK:
                    load.times.append(time.perf_counter() - begun)
            time.sleep(wait)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started  # the last answers came after the end
    return load


def _ask(port: int, body: bytes) -> tuple[int, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", f"/predict?format=mask&model={MODEL}", body)
        answer = connection.getresponse()
        answer.read()
        return answer.status, float(answer.getheader("Retry-After") or 0)
    except (OSError, http.client.HTTPException):
        return 0, 0.1
    finally:
        connection.close()


def _other(statuses: Counter[int]) -> int:
    return sum(count for status, count in statuses.items() if status not in {200, 429})


@contextmanager
def _server() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["-m", "core", "serve", "--weights", MODEL, "--port", str(port)]
    words += ["--in-flight", str(CLIENTS)]
    server = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(60)


def _wait_for(port: int, server: subprocess.Popen[bytes], *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == http.client.OK:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the server did not start on port {port} within {seconds:.0f} s")


def _picture(index: int, size: int) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(draw("nuclei", index=index, size=size).image).save(stream, format="PNG")
    return stream.getvalue()


def _child(code: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
