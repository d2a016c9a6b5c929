"""A bounded resource shared fairly by the clients that ask for it at the same time."""

import ipaddress
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

ACTIVE_SECONDS = 10
"""A client counts as active this long after it last asked."""


class FairShare:
    """Units of something, of which each active client may hold an equal share.

    A client alone may hold all of them. As soon as another asks, also in vain, the first gets no
    more until it is back within its share, so the second gets in when units come free.

    Args:
        total: Units in all.
        at_least: A client's share is never smaller.
    """

    def __init__(self, total: int, *, at_least: int = 1) -> None:
        self.total, self.at_least = total, at_least
        self._held: Counter[str] = Counter()
        self._asked: dict[str, float] = {}  # when each client last asked
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """Units that are held."""
        return self._held.total()

    def take(self, client: str, units: int = 1) -> bool:
        """Hold more units, where the share and what is left allow it."""
        with self._lock:
            now = time.monotonic()
            if client not in self._asked:  # forgotten here, so that the table stays small
                self._asked = {
                    name: asked
                    for name, asked in self._asked.items()
                    if now - asked < ACTIVE_SECONDS or name in self._held
                }
            self._asked[client] = now
            active = sum(now - asked < ACTIVE_SECONDS for asked in self._asked.values())
            share = max(self.at_least, -(-self.total // active))
            held = self._held[client] + units
            if held > share or self._held.total() + units > self.total:
                return False
            self._held[client] = held
            return True

    def give_back(self, client: str, units: int = 1) -> None:
        """Release units that ``take`` granted."""
        with self._lock:
            self._held[client] -= units
            if not self._held[client]:
                del self._held[client]


def client_of(scope: Mapping[str, Any]) -> str:
    """Who sends a request: the peer's address, of IPv6 its network, which one person owns whole."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a socket without addresses
        return str(host)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
