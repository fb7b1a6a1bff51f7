"""A question that wants an answer at once, asked plainly or as a scenario says."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tests.sandbox.scenario import Scenario
from tests.sandbox.workers import Workers

Sent = TypeVar("Sent")


@dataclass(frozen=True, slots=True)
class Question(Generic[Sent]):
    """How it is posted (time limit, name of the scenario), how silence is noted, and how long an answer may take.

    `post_anew` posts the same question under another id.
    """

    post: Callable[[float, str | None], Sent]
    post_anew: Callable[[float, str | None], Sent]
    time_out: Callable[[str], Sent]
    limit_s: float

    def ask(self, order: Scenario | None, workers: Workers) -> Sent:
        """Ask and hand back the first answer."""
        match order.do if order else None:
            case "drop":
                return self.time_out("drop")
            case "delay" if order:
                return self._ask_late(order.delay_s, workers)
            case "concurrent" if order:
                return post_copies(lambda: self.post(self.limit_s, "concurrent"), copies=order.copies)
            case "duplicate":
                answer = self.post(self.limit_s, None)
                workers.submit(lambda: self.post(self.limit_s, "duplicate"))
                return answer
            case "ask_again" if order:
                return post_copies(
                    lambda: self.post(self.limit_s, "ask_again"),
                    copies=order.copies,
                    others=lambda: self.post_anew(self.limit_s, "ask_again"),
                )
        return self.post(self.limit_s, order.do if order else None)

    def _ask_late(self, delay_s: float, workers: Workers) -> Sent:
        if delay_s < self.limit_s:
            workers.stopping.wait(delay_s)
            return self.post(self.limit_s - delay_s, "delay")
        # The network delivers it after the issuer has given up: the receiver still sees it.
        workers.later(delay_s, lambda: self.post(self.limit_s, "delay"))
        workers.stopping.wait(self.limit_s)
        return self.time_out("delay")


def post_copies(post: Callable[[], Sent], *, copies: int, others: Callable[[], Sent] | None = None) -> Sent:
    """Post at the same moment from as many threads, and hand back the answer to this one; `others` post the rest."""
    start = threading.Barrier(copies)

    def copy(post: Callable[[], Sent]) -> Sent:
        start.wait()
        return post()

    for _ in range(copies - 1):
        threading.Thread(target=copy, args=(others or post,), daemon=True).start()
    return copy(post)
