"""Tiles of one shape from several requests go through the network together.

The network is replaced by a ``TileBatcher``, which looks like it: every request runs its own
``Predictor.levels`` in a thread of its own, as the command line does, and only where it calls the
network do tiles wait for each other. An answer must not depend on who else asked: some kernels add
up in another order in a batch (oneDNN's do below about 200 pixels a side). So the first batch of
each shape and size is run one by one too, and unless both agree bit for bit that shape and size
is never batched.
"""

import os
import queue
import sys
import threading
from collections import deque
from concurrent.futures import Future

import torch
from torch import Tensor, nn

from core.serve.work import StoppedError, Work, current_work

LINGER_SECONDS = 0.002
"""How long a batch that is not full waits for one more tile; the network takes far longer."""

REMEMBERED = 1000
"""Shapes and sizes of batches whose check is remembered."""

NICENESS = 5
"""Of the threads that predict: they take what the thread that answers HTTP leaves."""

_Waiting = tuple[Tensor, "Future[Tensor]", Work | None]


def be_nice() -> None:
    """Lower the priority of this thread; Linux alone has one for each."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


class TileBatcher(nn.Module):
    """A network whose ``forward`` may be called from many threads and runs in batches.

    Args:
        model: Called with tensors of shape (B, C, h, w), from one thread only.
        largest: Tiles in one batch, at most.
    """

    def __init__(self, model: nn.Module, *, largest: int) -> None:
        super().__init__()
        assert largest >= 1
        self.model = model
        self.largest = largest
        self.batches = 0  # runs of the network
        self._agrees: dict[object, bool] = {}
        self._arriving: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="tile-batcher", daemon=True).start()

    def forward(self, x: Tensor) -> Tensor:
        """The network's answer to tiles of shape (B, C, h, w); blocks until it is there.

        Raises:
            StoppedError: Nobody waits for this request any more.
        """
        answer: Future[Tensor] = Future()
        self._arriving.put((x, answer, current_work()))
        return answer.result()

    def _run(self) -> None:
        be_nice()
        waiting: deque[_Waiting] = deque()
        while True:
            if not waiting:
                waiting.append(self._arriving.get())
            batch = []
            for one in self._gather(waiting):
                if one[2] is not None and one[2].is_over:
                    one[1].set_exception(StoppedError())
                else:
                    batch.append(one)
            if not batch:
                continue
            try:
                with torch.inference_mode():
                    answers = self._answers([x for x, _, _ in batch])
            except Exception as fault:  # noqa: BLE001 - it belongs to those who wait
                for _, answer, _ in batch:
                    answer.set_exception(fault)
                continue
            for (_, answer, _), result in zip(batch, answers, strict=True):
                answer.set_result(result)

    def _answers(self, tiles: list[Tensor]) -> list[Tensor]:
        """One answer for each, the same as alone."""
        key = (tiles[0].shape[1:], tuple(map(len, tiles)))
        agrees = self._agrees.get(key)
        if len(tiles) == 1 or agrees is False:
            return [self._run_once(tile) for tile in tiles]
        whole = self._run_once(torch.cat(tiles))
        together = torch.split(whole, [len(tile) for tile in tiles])
        if agrees:
            return list(together)
        alone = [self._run_once(tile) for tile in tiles]
        if len(self._agrees) > REMEMBERED:
            self._agrees.clear()
        self._agrees[key] = all(map(torch.equal, together, alone))
        return alone

    def _run_once(self, x: Tensor) -> Tensor:
        self.batches += 1
        answer: Tensor = self.model(x)
        return answer

    def _gather(self, waiting: "deque[_Waiting]") -> list[_Waiting]:
        """The first that waits, and all of its shape that are there or come at once."""
        first = waiting.popleft()
        batch, count, shape = [first], len(first[0]), first[0].shape[1:]
        for _ in range(len(waiting)):  # others keep their order
            one = waiting.popleft()
            fits = one[0].shape[1:] == shape and count + len(one[0]) <= self.largest
            (batch if fits else waiting).append(one)
            count += len(one[0]) * fits
        while count < self.largest:
            try:
                one = self._arriving.get(timeout=LINGER_SECONDS)
            except queue.Empty:
                break
            fits = one[0].shape[1:] == shape and count + len(one[0]) <= self.largest
            (batch if fits else waiting).append(one)
            count += len(one[0]) * fits
        return batch
