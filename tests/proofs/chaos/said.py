"""What the other side says, read over the sandbox's HTTP API and put beside our tables for the invariants."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.proofs.chaos.load import QUESTIONS
from tests.proofs.purchases.http import Json, SandboxHttp
from tests.proofs.purchases.truth import Movement, Truth, read_truth
from tests.sandbox.cut_off import CUT_OFF

SCHEMA: Final = Path(__file__).with_name("said.sql").read_text("utf-8")
OK, PAYMENT_REQUIRED = HTTPStatus.OK.value, HTTPStatus.PAYMENT_REQUIRED.value
# Both issuers decide by themselves after this.
LIMIT_MS: Final = 2000.0
PROVIDERS: Final = dict(zip(QUESTIONS, ("stripe", "marqeta"), strict=True))


@dataclass(frozen=True, slots=True)
class Window:
    """When a fault was felt, in seconds since 1970, and whether it hid us from the issuers."""

    fault: str
    begun_at: float
    ended_at: float
    hides_us: bool = False

    def hid_us_at(self, asked_at: float) -> bool:
        """Whether a question of that moment may have met it; one that was under way when it began has met it, too."""
        return self.hides_us and self.begun_at - LIMIT_MS / 1000 <= asked_at < self.ended_at


@dataclass(frozen=True, slots=True)
class Answer:
    """One time that a question was put; `approved` is None without a usable answer, `fault` is empty without one."""

    provider: str
    event: str
    purchase: str
    repeat: bool
    asked_at: float
    ms: float
    status: int | None
    error: str
    approved: bool | None
    body: str
    fault: str
    # Whether the issuer could not reach us or hear us.
    hidden: bool = False

    @property
    def outcome(self) -> str:
        """How the issuer saw it end."""
        if self.approved is not None:
            return "approved" if self.approved else "declined"
        if self.error == "timeout":
            return "late"
        if self.error == CUT_OFF:
            return "cut off"
        return "refused" if self.error else f"status {self.status}"


@dataclass(frozen=True, slots=True)
class Said:
    """All that the sandbox says."""

    truth: Truth
    answers: list[Answer]
    # Key, the charge of ours that it names, and whether it got an old answer.
    calls: list[tuple[str, str, bool]]


def read_said(http: SandboxHttp, windows: Sequence[Window] = ()) -> Said:
    """Reads everything; raises SandboxRefusedError."""
    answers = [
        _answer(each, windows)
        for question in QUESTIONS
        for each in http.control("GET", f"deliveries?event_type={question}")["deliveries"]
    ]
    made = http.control("GET", "requests?method=POST&path=/v1/payment_intents")["requests"]
    calls = [_call(each) for each in made if each["idempotency_key"] and each["status"] == OK]
    return Said(read_truth(http), answers, calls)


def write_said(link: psycopg.Connection[Any], said: Said, *, keys: Sequence[bytes] = ()) -> None:
    """Puts it beside our tables, in a schema that is made anew. The keys are card data's, the one that seals first."""
    link.execute("DROP SCHEMA IF EXISTS chaos CASCADE")
    link.execute(SCHEMA)
    truth = said.truth
    _fill(link, "approved", truth.approved)
    _fill(link, "movement", map(_moved, truth.movements))
    _fill(link, "charge", ((each.id, each.ours, each.minor, each.currency) for each in truth.charges))
    _fill(link, "refund", ((each.id, each.ours, each.intent, each.minor, each.currency) for each in truth.refunds))
    _fill(link, "call", said.calls)
    _fill(link, "answer", map(_row, said.answers))
    _fill(link, "key", ((each, not place) for place, each in enumerate(keys)))


def _fill(link: psycopg.Connection[Any], table: str, rows: Iterable[Sequence[Any]]) -> None:
    with link.cursor() as cursor, cursor.copy(f"COPY chaos.{table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _moved(each: Movement) -> tuple[Any, ...]:
    return (*each.name, each.purchase[1] if each.purchase else None, each.minor, each.currency)


def _row(answer: Answer) -> tuple[Any, ...]:
    asked_at = dt.datetime.fromtimestamp(answer.asked_at, dt.UTC)
    timed = (answer.provider, answer.event, answer.purchase, answer.repeat, asked_at, answer.ms)
    return (*timed, answer.status, answer.error, answer.approved, answer.body, answer.fault)


def _answer(delivery: Json, windows: Sequence[Window]) -> Answer:
    provider, asked_at = PROVIDERS[delivery["event_type"]], delivery["sent_at"]
    return Answer(
        provider=provider,
        event=delivery["event_id"],
        purchase=delivery["object_id"],
        repeat=delivery["scenario"] is not None,
        asked_at=asked_at,
        ms=delivery["elapsed_ms"],
        status=delivery["status"],
        error=delivery["error"] or ("timeout" if delivery["elapsed_ms"] > LIMIT_MS else ""),
        approved=_approved(provider, delivery),
        body=delivery["body"],
        fault=next((each.fault for each in windows if each.begun_at <= asked_at < each.ended_at), ""),
        hidden=any(each.hid_us_at(asked_at) for each in windows),
    )


def _approved(provider: str, delivery: Json) -> bool | None:
    """As the sandbox judges it: Marqeta goes by the status, Stripe by the body."""
    if delivery["error"] or delivery["elapsed_ms"] > LIMIT_MS:
        return None
    if provider == "marqeta":
        return {OK: True, PAYMENT_REQUIRED: False}.get(delivery["status"])
    return bool(json.loads(delivery["body"])["approved"]) if delivery["status"] == OK else None


def _call(request: Json) -> tuple[str, str, bool]:
    named = request["form"].get("metadata[funding_charge]") or request["form"].get("metadata", {}).get("funding_charge")
    return request["idempotency_key"], str(named or ""), bool(request["replayed"])
