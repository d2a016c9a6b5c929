"""Predictions in threads: a bounded number, a fair share for each client, none for nobody."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fastapi import Request

from core.serve.answers import Answer, Submission, answer, refusal, too_slow
from core.serve.batching import be_nice
from core.serve.counters import Counters
from core.serve.fair_share import FairShare, client_of
from core.serve.guard import Receive, busy
from core.serve.limits import Limits
from core.serve.models import Models
from core.serve.work import Work

_CLIENT_LEFT = 499
"""As nginx counts requests whose client did not wait for the answer."""


class Predictions:
    """What is under way; see the module.

    Args:
        models: What is offered.
        limits: What is taken on.
        counters: What is counted.
    """

    def __init__(self, models: Models, limits: Limits, counters: Counters) -> None:
        self.models, self.limits, self.counters = models, limits, counters
        self.slots = FairShare(limits.in_flight)
        self.pool = ThreadPoolExecutor(
            limits.in_flight, thread_name_prefix="predict", initializer=be_nice
        )
        counters.in_flight.set_function(lambda: self.slots.taken)

    async def answer(self, submission: Submission, request: Request) -> Answer:
        """Predict, unless there is no room; ends when the client leaves or the time is up.

        The slot is free again when the thread is done, which can be a little later.
        """
        client = client_of(request.scope)
        if not self.slots.take(client):
            wait = self.limits.retry_after_seconds
            sentence = f"{self.slots.taken} predictions are under way; ask again in {wait} s"
            return busy(self.limits, sentence)
        work = Work(self.limits.work_seconds)
        with self.counters.seconds.time():
            future = self.pool.submit(answer, submission, self.models, work)
            future.add_done_callback(lambda _done: self.slots.give_back(client))
            result = asyncio.wrap_future(future)
            left = asyncio.create_task(_left(request.receive))
            try:
                await asyncio.wait(
                    (result, left),
                    timeout=self.limits.work_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if result.done():
                    return result.result()
                return refusal(_CLIENT_LEFT, "") if left.done() else too_slow(self.limits)
            finally:
                work.stop()
                left.cancel()


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
