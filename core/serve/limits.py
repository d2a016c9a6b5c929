"""What a server takes on, from whom, and for how long."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_HEADER_BYTES = 32 << 10
"""Request line and headers of one request."""
HEADER_SECONDS = 10
"""How long they may take, and how long a connection may stay idle."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one server; sizes in bytes, durations in seconds."""

    in_flight: int = 16
    """Predictions at a time, those that wait for the network included; more get 429."""
    max_bytes: int = 64 << 20
    """Largest upload; more gets 413."""
    max_pixels: int = 20_000_000
    """Of an image, or of a slice of a volume; more gets 400 before it is decoded."""
    body_seconds: float = 30
    """How long an upload may take; then 408."""
    work_seconds: float = 120
    """How long a prediction may take; then 503."""
    token: str = ""
    """Required as ``Authorization: Bearer …`` where it is not empty; ``/health`` is open."""
    hosts: tuple[str, ...] = ()
    """Names in the ``Host`` header that are answered; empty answers any."""
    retry_after_seconds: int = 1
    """What a 429 advises."""

    @property
    def uploads_bytes(self) -> int:
        """All uploads in memory together; more get 429."""
        return 8 * self.max_bytes

    @property
    def volume_bytes(self) -> int:
        """One decoded volume: compressed files grow."""
        return 8 * self.max_bytes


def allowed_hosts(address: str, named: Sequence[str] = ()) -> tuple[str, ...]:
    """The ``Host`` names to answer, against DNS rebinding; empty for any.

    A page elsewhere can point its own name at 127.0.0.1 and then read what a server there answers;
    the browser still sends that page's name.

    Args:
        address: Where the server listens.
        named: Names that a person gave; empty takes ``ISOLINE_ALLOWED_HOSTS`` (comma-separated),
            then the names of this machine where ``address`` is one of them, then any.
    """
    listed = os.environ.get("ISOLINE_ALLOWED_HOSTS", "").split(",")
    names = tuple(named) or tuple(name.strip() for name in listed if name.strip())
    return names or (LOOPBACK if address in LOOPBACK else ())
