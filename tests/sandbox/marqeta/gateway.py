"""The JIT gateway call: our question to the account's server while the merchant waits."""

import time
from dataclasses import replace

from tests.sandbox.journal import Delivery, Journal
from tests.sandbox.marqeta.batches import Target
from tests.sandbox.marqeta.delivery import Courier
from tests.sandbox.marqeta.state import new_token
from tests.sandbox.question import Question
from tests.sandbox.scenario import DECISION_EVENTS
from tests.sandbox.scenarios import Scenarios
from tests.sandbox.wire import Json, altered, to_bytes
from tests.sandbox.workers import Workers

# Whatever the source says, the network is told no after this long.
CEILING_S = 3.0
GATEWAY_REQUEST = DECISION_EVENTS[1]


class Gateway:
    """Asks gateway sources and notes every attempt in the journal."""

    def __init__(self, *, scenarios: Scenarios, journal: Journal[Delivery], workers: Workers) -> None:
        self._scenarios = scenarios
        self._journal = journal
        self._workers = workers
        self._courier = Courier()

    def ask(self, source: Json, pending: Json) -> Delivery:
        """Post a pending transaction to the source and wait for the answer, at most as long as the source allows."""
        order = self._scenarios.take_for_webhook(GATEWAY_REQUEST)
        asked = altered(pending, order.changes) if order else pending
        target = _target(source)
        blank = self.blank(pending, url=target.url)

        def post_anew(timeout_s: float, scenario: str | None) -> Delivery:
            anew = {"gpa_order": {"jit_funding": {"token": new_token()}}}
            return post(timeout_s, scenario, altered(asked, anew))

        def post(timeout_s: float, scenario: str | None, question: Json = asked) -> Delivery:
            posted = self._courier.post(to_bytes(question), target, timeout_s=timeout_s)
            sent = replace(
                blank,
                sent_at=posted.sent_at,
                elapsed_ms=posted.elapsed_ms,
                status=posted.status,
                headers=posted.headers,
                body=posted.body,
                error=posted.error,
                scenario=scenario,
            )
            return self._journal.add(sent)

        def time_out(scenario: str) -> Delivery:
            return self._journal.add(
                replace(blank, error="timeout", scenario=scenario, elapsed_ms=limit_of(source) * 1000)
            )

        question = Question(post=post, post_anew=post_anew, time_out=time_out, limit_s=limit_of(source))
        return question.ask(order, self._workers)

    def blank(self, pending: Json, *, url: str) -> Delivery:
        """The journal's entry about a question before anything has become of it."""
        return Delivery(
            event_id=pending["gpa_order"]["jit_funding"]["token"],
            event_type=GATEWAY_REQUEST,
            object_id=pending["token"],
            url=url,
            attempt=1,
            sent_at=time.time(),
            elapsed_ms=0.0,
        )

    def stop(self) -> None:
        """Close the kept connections."""
        self._courier.close()


def limit_of(source: Json) -> float:
    """Tell how many seconds an answer of this source may take."""
    return min(float(source["timeout_millis"]) / 1000, CEILING_S)


def _target(source: Json) -> Target:
    return Target(
        source["url"],
        source["basic_auth_username"],
        source["basic_auth_password"],
        headers=tuple(source["custom_header"].items()),
    )
