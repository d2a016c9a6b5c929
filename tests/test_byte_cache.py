"""The cache of expensive results: made once, bounded in bytes, nothing under way is dropped."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.common.cache.recent import ByteCache


@dataclass
class Job:
    """A value that may grow and be under way."""

    size: int
    busy: bool = False
    made: list[str] = field(default_factory=list)


def size(job: Job) -> int:
    return job.size


def busy(job: Job) -> bool:
    return job.busy


def test_whoever_asks_meanwhile_waits_for_the_one_that_makes_it() -> None:
    cache, begun, go = ByteCache(100), threading.Event(), threading.Event()
    made: list[int] = []

    def make() -> Job:
        made.append(1)
        begun.set()
        assert go.wait(10)
        return Job(1)

    found: list[Job] = []
    threads = [
        threading.Thread(target=lambda: found.append(cache.get(("a",), make, size)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    assert cache.get(("b",), lambda: Job(1), size).size == 1, "another key waits for nobody"
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1
    assert len({id(job) for job in found}) == 1
    assert len(found) == 8


def test_what_fails_is_made_again() -> None:
    cache = ByteCache(100)

    def fail() -> Job:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            cache.get(("a",), fail, size)
    assert cache.get(("a",), lambda: Job(3), size).size == 3


def test_growth_counts_at_the_next_eviction() -> None:
    cache, growing = ByteCache(100), Job(10)
    cache.get(("growing",), lambda: growing, size)
    cache.get(("small",), lambda: Job(10), size)
    growing.size = 95
    cache.get(("next",), lambda: Job(10), size)
    assert cache.get(("growing",), lambda: Job(1), size).size == 1, "it had to go"


def test_work_under_way_stays() -> None:
    cache, work = ByteCache(100), Job(90, busy=True)
    cache.get(("work",), lambda: work, size, busy)
    cache.get(("other",), lambda: Job(90), size)
    assert cache.get(("work",), lambda: Job(1), size) is work
    work.busy = False
    cache.get(("third",), lambda: Job(90), size)
    assert cache.get(("work",), lambda: Job(1), size) is not work


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60))
def test_the_bound_holds_but_for_the_last_value(asked: list[tuple[int, int]]) -> None:
    cache = ByteCache(100)
    for key, bytes_ in asked:
        cache.get((key,), _of(bytes_), size)
        entries = [entry.value.size for entry in cache._entries.values()]
        assert sum(entries[:-1]) + entries[-1] <= max(100, entries[-1])


def _of(bytes_: int) -> Callable[[], Job]:
    return lambda: Job(bytes_)
