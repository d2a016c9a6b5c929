"""A volume slice by slice: the maps of single images; stopped, resumed, failed, shared."""

import threading
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import InputError
from core.export.model_facts import model_facts
from core.imaging import SourceFile, Volume
from core.inference.predictor import Predictor, Progress
from core.inference.slice_by_slice import VolumePrediction, predict_volume
from core.levels import LevelMap
from core.models import load_weights
from core.predict.cases import predict_case
from core.system import background
from tests.uploads import D, nrrd, ramp


class Slow(Predictor):
    """Looks at the pixels themselves; waits before each answer until it may."""

    def __init__(self, *, problem: Exception | None = None) -> None:
        self.may, self.calls, self.problem = threading.Semaphore(0), 0, problem

    def levels(self, image: NDArray[np.uint8], *, progress: Progress | None = None) -> LevelMap:
        del progress
        assert self.may.acquire(timeout=20)
        if self.problem:
            raise self.problem
        self.calls += 1
        return image.astype(np.uint16)


def volume() -> Volume:
    from core.imaging import survey

    content = nrrd(ramp(depth=D).transpose(2, 1, 0))
    found = survey([SourceFile(name="drawn.nrrd", data=content)]).only().read()
    assert isinstance(found, Volume)
    return found


def stack(depth: int = 6) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, (depth, 16, 20), dtype=np.uint8)


def test_the_map_is_that_of_the_command_line() -> None:
    trained, found = load_weights("classical/otsu"), volume()
    job = VolumePrediction(trained.predictor, found.to_uint8(), turn=threading.Lock())
    assert job.state == "stopped"
    job.start()
    assert job.wait(20) == "done"
    case = predict_case(found, trained, model_facts(trained))
    np.testing.assert_array_equal(job.levels, case.levels)
    assert job.done == job.total == len(case.levels)
    assert job.seconds_left == 0


def test_it_stops_after_the_slice_and_goes_on_from_there() -> None:
    slow, slices = Slow(), stack()
    job = VolumePrediction(slow, slices, turn=threading.Lock())
    job.start()
    slow.may.release(2)
    deadline = time.monotonic() + 20
    while job.done < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert job.watch() == "running"
    assert job.seconds_left >= 0
    job.stop()
    slow.may.release()  # the slice under way
    assert job.wait(20) == "stopped"
    assert 2 <= job.done < job.total
    np.testing.assert_array_equal(job.levels[: job.done], slices[: job.done])
    assert not job.levels[job.done :].any()
    slow.may.release(20)
    job.start()
    job.start()  # twice is once
    assert job.wait(20) == "done"
    np.testing.assert_array_equal(job.levels, slices)
    assert slow.calls == job.total


def test_it_goes_on_although_the_slice_under_way_has_not_ended() -> None:
    slow = Slow()
    job = VolumePrediction(slow, stack(), turn=threading.Lock())
    job.start()
    job.stop()
    threading.Timer(0.1, slow.may.release, (20,)).start()
    job.start()
    assert job.wait(20) == "done"


def test_others_get_the_network_between_slices() -> None:
    slow, turn = Slow(), threading.Lock()
    job = VolumePrediction(slow, stack(), turn=turn)
    job.start()
    served = []

    def other() -> None:
        with turn:
            served.append(job.done)

    slow.may.release()
    waiting = threading.Thread(target=other)
    waiting.start()
    for _ in range(5):
        time.sleep(0.05)
        slow.may.release()
    waiting.join(20)
    assert job.wait(20) == "done"
    assert served[0] < job.total


def test_a_page_that_was_closed_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "IDLE_SECONDS", 0.05)
    slow = Slow()
    job = VolumePrediction(slow, stack(), turn=threading.Lock())
    job.start()
    time.sleep(0.1)
    slow.may.release(6)
    assert job.wait(20) == "stopped"
    assert job.done == 1


def test_a_persons_mistake_is_its_sentence_and_it_can_be_tried_again() -> None:
    slow = Slow(problem=InputError("the image is 8x8 pixels"))
    job = VolumePrediction(slow, stack(), turn=threading.Lock())
    slow.may.release(20)
    job.start()
    assert job.wait(20) == "failed"
    assert job.problem == "the image is 8x8 pixels"
    slow.problem = None
    job.start()
    assert job.wait(20) == "done"
    assert job.problem == ""


def test_empty_slices_are_seen_once() -> None:
    slow, slices = Slow(), stack(5)
    slices[[0, 3, 4]] = 7
    slow.may.release(20)
    levels = np.zeros(slices.shape, np.uint16)
    predict_volume(slow, slices, levels)
    np.testing.assert_array_equal(levels, slices)
    assert slow.calls == 3


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one \\(D, H, W\\)"):
        predict_volume(Slow(), stack(2), np.zeros((3, 16, 20), np.uint16))
