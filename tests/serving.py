"""An app on a port of this machine, an image to send, and a client to send it with."""

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from PIL import Image as Pillow

from core.data.datasets.phantoms import draw


def picture(index: int = 0, size: int = 96) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(draw("nuclei", index=index, size=size).image).save(stream, format="PNG")
    return stream.getvalue()


def ask(
    address: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    host = address.removeprefix("http://")
    connection = http.client.HTTPConnection(host.partition("/")[0], timeout=60)
    try:
        prefix = "/" + host.partition("/")[2] if "/" in host else ""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request("POST" if body is not None else "GET", prefix + path, body, named)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@contextmanager
def served(app: Any, **settings: Any) -> Iterator[str]:
    """An app on a port of this machine, in a thread."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", **settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()
