"""What is expensive and held by its bytes: level maps, packed scenes, volumes, work under way."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

LEVEL_BYTES = 512 * 2**20


class Recent:
    """Values used last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()
        self.lock = Lock()

    def get(self, key: tuple[Any, ...], make: Callable[[], Any], size: Callable[[Any], int]) -> Any:  # noqa: ANN401 - holds anything
        """The value of a key, made if it is not held."""
        with self.lock:
            if key in self.held:
                self.held.move_to_end(key)
                return self.held[key][0]
        value = make()
        with self.lock:
            self.held[key] = (value, size(value))
            while (
                sum(bytes_ for _, bytes_ in self.held.values()) > self.limit and len(self.held) > 1
            ):
                self.held.popitem(last=False)
        return value


@st.cache_resource(max_entries=1, show_spinner=False)
def _recent() -> Recent:
    return Recent(LEVEL_BYTES)


LOCK = Lock()


def cached(key: tuple[Any, ...], make: Callable[[], Any], size: Callable[[Any], int]) -> Any:  # noqa: ANN401 - holds anything
    """What else is expensive: made once for a key and held among the level maps by its bytes."""
    return _recent().get(key, make, size)


def id_of(array: NDArray[np.generic]) -> str:
    """A name for the content of an array."""
    digest = hashlib.blake2b(repr((array.shape, array.dtype)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
