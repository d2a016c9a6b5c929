"""Expensive results, held by their bytes: level maps, packed scenes, volumes, work under way."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

LEVEL_BYTES = 512 * 2**20


@dataclass
class _Entry:
    value: Any
    size: Callable[[Any], int]
    """Asked anew at each eviction, since an entry may grow."""
    busy: Callable[[Any], bool]


class ByteCache:
    """The values used last, up to a number of bytes; each is made once, whoever asks meanwhile.

    Work under way is never evicted, and neither is the value that was asked for last, so the bound
    may be exceeded by these.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()
        self._making: dict[tuple[Any, ...], Lock] = {}
        self._guard = Lock()

    def get(
        self,
        key: tuple[Any, ...],
        make: Callable[[], Any],
        size: Callable[[Any], int],
        busy: Callable[[Any], bool] = lambda _value: False,
    ) -> Any:  # noqa: ANN401 - holds anything
        """The value of a key, made if it is not held; others wait for the one that makes it.

        Args:
            key: Names the value.
            make: Makes it; what it raises is raised here, and nothing is held.
            size: Its bytes now.
            busy: Whether it must not be evicted.
        """
        with self._guard:
            making = self._making.setdefault(key, Lock())
        with making:
            with self._guard:
                if key in self._entries:
                    self._entries.move_to_end(key)
                    self._making.pop(key, None)
                    return self._entries[key].value
            try:
                value = make()
                with self._guard:
                    self._entries[key] = _Entry(value, size, busy)
                    self._evict()
                return value
            finally:
                with self._guard:
                    self._making.pop(key, None)

    def _evict(self) -> None:
        sizes = {key: entry.size(entry.value) for key, entry in self._entries.items()}
        total = sum(sizes.values())
        for key in list(self._entries)[:-1]:
            if total <= self.limit:
                return
            entry = self._entries[key]
            if not entry.busy(entry.value):
                del self._entries[key]
                total -= sizes[key]


@st.cache_resource(max_entries=1, show_spinner=False)
def _recent() -> ByteCache:
    return ByteCache(LEVEL_BYTES)


LOCK = Lock()


def cached(
    key: tuple[Any, ...],
    make: Callable[[], Any],
    size: Callable[[Any], int],
    busy: Callable[[Any], bool] = lambda _value: False,
) -> Any:  # noqa: ANN401 - holds anything
    """An expensive result, made once for a key and held among the level maps by its bytes."""
    return _recent().get(key, make, size, busy)


def id_of(array: NDArray[np.generic]) -> str:
    """A name for the content of an array."""
    digest = hashlib.blake2b(repr((array.shape, array.dtype)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
