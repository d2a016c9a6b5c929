"""``python -m core serve``: the API on a port of its own, in one process.

The thread that answers HTTP has priority over those that predict, so that health and refusals come
at once.
"""

import os
import signal
import socket
from collections.abc import Sequence

import uvicorn

from core.errors import InputError
from core.serve.http import application
from core.serve.limits import MAX_HEADER_BYTES, Limits
from core.serve.models import Models
from core.serve.protocol import BoundedProtocol

HOSTS = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - a choice, not the default
GRACE_SECONDS = 3
"""After SIGTERM what is under way may take this long; then it is cut."""


def run(names: Sequence[str] = (), *, host: str, port: int, limits: Limits, batch: int = 8) -> None:
    """Serve until interrupted.

    Raises:
        InputError: A model is not there, or host or port cannot be listened on.
    """
    if host not in HOSTS:
        raise InputError(f"host {host} cannot be listened on; choose one of {', '.join(HOSTS)}")
    if not 1024 <= port <= 65535:
        raise InputError(f"port {port} cannot be listened on; choose one from 1024 to 65535")
    models = Models(names, batch=batch)
    models.documents()  # refuses a wrong name before anything starts
    models.open()  # the first request should not wait for it
    config = uvicorn.Config(
        application(models, limits),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,  # else a client could pose as another
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises it again when it is done
        signal.signal(number, _end)
    uvicorn.Server(config).run(sockets=[_listening(host, port)])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=":" in host)
    except OSError as fault:
        raise InputError(
            f"port {port} cannot be listened on ({fault.strerror}); choose another with --port"
        ) from fault


def _end(_signal: int, _frame: object) -> None:
    """At once: Python would wait for threads that still predict for nobody."""
    os._exit(0)
