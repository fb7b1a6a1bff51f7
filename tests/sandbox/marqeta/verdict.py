"""The gateway's answer, judged as Marqeta judges it: 200 approves, 402 declines, anything else is an error."""

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tests.sandbox.journal import Delivery
from tests.sandbox.marqeta.conduct import Conduct
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import read_amount
from tests.sandbox.wire import Json

APPROVED = ("0000", "Approved or completed successfully")
_APPROVED_IN_PART = ("0002", "Successful partial approval")
NO_FUNDS = ("1016", "Not sufficient funds")
# Reasons that the network hears of under a code of their own; every other is 1016.
_CODES = {
    "INVALID_AMOUNT": ("1883", "JIT response invalid amount"),
    "INSUFFICIENT_FUNDS": ("1884", "JIT response not sufficient funds"),
    "TRANSACTION_NOT_PERMITTED": ("1885", "JIT response transaction not permitted"),
    "SUSPECTED_FRAUD": ("1886", "JIT response suspected fraud"),
    "AMOUNT_LIMIT_EXCEEDED": ("1887", "JIT response amount limit reached"),
    "TRANSACTION_COUNT_LIMIT_EXCEEDED": ("1888", "JIT response usage limit reached"),
    "DUPLICATE_TRANSACTION": ("1889", "JIT response duplicate entry"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a message; `amount` is set when less was approved than asked."""

    approved: bool
    code: str
    memo: str
    log: Json | None = None
    amount: Decimal | None = None
    standin: str | None = None


class _UnusableError(ValueError):
    """The answer cannot be used; the message goes into the gateway log."""


def read_verdict(answer: Delivery, pending: Json, *, limit_s: float, partly: bool, conduct: Conduct) -> Verdict:
    """Judge an answer; `partly` tells whether product and terminal take a part of the amount."""
    timed_out = answer.error == "timeout" or answer.elapsed_ms > limit_s * 1000
    if timed_out:
        return _failed(conduct, "response_timeouts", _log(answer, pending, "Gateway timed out", timed_out=True))
    if answer.error:
        return _failed(conduct, "connection_errors", _log(answer, pending, f"Connection error: {answer.error}"))
    try:
        return _judge(answer, pending, partly=partly)
    except _UnusableError as error:
        return _failed(conduct, "application_errors", _log(answer, pending, str(error)))


def in_part(verdict: Verdict, granted: Decimal | None, *, of: Decimal) -> Verdict:
    """Have the network approve less than the gateway did; a decline stays one."""
    if not verdict.approved or granted is None or not 0 < granted < of:
        return verdict
    code, memo = _APPROVED_IN_PART
    return replace(verdict, code=code, memo=memo, amount=granted)


def _judge(answer: Delivery, pending: Json, *, partly: bool) -> Verdict:
    if answer.status not in (200, 402):
        raise _UnusableError(f"The gateway answered with status {answer.status}, not 200 or 402.")
    body = _read_body(answer)
    echo, asked = _echo(body), pending["gpa_order"]["jit_funding"]
    for name in ("token", "method", "user_token"):
        if echo.get(name) != asked[name]:
            raise _UnusableError(f"The gateway's jit_funding.{name} is {echo.get(name)!r}, not {asked[name]!r}.")
    amount = _read_amount(echo)
    if answer.status == 402:
        code, memo = _CODES.get(str(echo.get("decline_reason")), NO_FUNDS)
        return Verdict(approved=False, code=code, memo=memo, log=_log(answer, pending, "Declined by gateway.", body))
    log = _log(answer, pending, APPROVED[1], body)
    if amount == asked["amount"]:
        return Verdict(approved=True, code=APPROVED[0], memo=APPROVED[1], log=log)
    if partly and 0 < amount < asked["amount"]:
        code, memo = _APPROVED_IN_PART
        return Verdict(approved=True, code=code, memo=memo, log=log, amount=amount)
    raise _UnusableError(f"The gateway's jit_funding.amount is {amount}, not {asked['amount']}.")


def _failed(conduct: Conduct, failure: str, log: Json) -> Verdict:
    if conduct.commando == "auto" and failure in conduct.commando_on:
        return Verdict(approved=True, code=APPROVED[0], memo=APPROVED[1], log=log, standin="COMMANDO_AUTO")
    # Since late 2025 Marqeta has codes of its own for this; nobody here has read them.
    return Verdict(approved=False, code=NO_FUNDS[0], memo=NO_FUNDS[1], log=log)


def _read_body(answer: Delivery) -> Any:
    try:
        return json.loads(answer.body, parse_float=Decimal, parse_constant=_refuse)
    except ValueError:
        raise _UnusableError("The gateway's answer is not JSON.") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON.")


def _echo(body: Any) -> Json:
    echo = body.get("jit_funding") if isinstance(body, dict) else None
    if not isinstance(echo, dict):
        raise _UnusableError("The gateway's answer has no jit_funding.")
    return echo


def _read_amount(echo: Json) -> Decimal:
    try:
        return read_amount("jit_funding.amount", echo.get("amount"))
    except ApiError as error:
        raise _UnusableError(f"The gateway's answer is wrong: {error}") from None


def _log(answer: Delivery, pending: Json, message: str, data: Any = None, *, timed_out: bool = False) -> Json:
    log: Json = {
        "order_number": pending["token"],
        "transaction_id": pending["gpa_order"]["jit_funding"]["token"],
        "message": message,
        "duration": round(answer.elapsed_ms),
        "timed_out": timed_out,
    }
    if answer.status is not None and not timed_out:
        log["response"] = {"code": str(answer.status), **({"data": data} if data is not None else {})}
    return log
