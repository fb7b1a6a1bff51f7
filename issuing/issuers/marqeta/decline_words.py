"""Why Marqeta declined a message, and whether it got an answer of ours that it could use."""

from typing import Any, Final

from issuing import states
from onecard.kit.text import free_text

REFUSED: Final = ("DECLINED", "ERROR")
# Anything else from our gateway counts as an error of ours (docs/issuers/marqeta.md, Gateway responses).
ANSWERS: Final = ("200", "402")
PREFIX: Final = "response_"


def of(row: dict[str, Any]) -> dict[str, Any]:
    """Returns what an AuthorizationUpdate keeps of it; empty texts where the message says nothing.

    The reason is Marqeta's response code, such as response_1016; the sentence is its memo with the code.
    """
    failed, message = _failed_answer(row)
    words = {"answer_failed": failed, "answer_message": message, "our_reason": _our_reason(row)}
    if row.get("state") not in REFUSED:
        return words
    response = row.get("response")
    response = response if isinstance(response, dict) else {}
    code, memo = free_text(response.get("code"), limit=10), free_text(response.get("memo"), limit=160)
    said = f"{memo} (response code {code})" if memo and code else memo
    return words | {"declined_because": f"{PREFIX}{code}" if code else "", "declined_message": said}


def gateway_log(row: dict[str, Any]) -> dict[str, Any] | None:
    """Returns what Marqeta notes of its call to our gateway; None where it made none."""
    order = row.get("gpa_order")
    funding = order.get("funding") if isinstance(order, dict) else None
    log = funding.get("gateway_log") if isinstance(funding, dict) else None
    return log if isinstance(log, dict) else None


def _our_reason(row: dict[str, Any]) -> str:
    """Returns the reason among the tags of our own answer, which the log repeats; "" for none."""
    value: Any = gateway_log(row)
    for name in ("response", "data", "jit_funding"):
        value = value.get(name) if isinstance(value, dict) else None
    tags = free_text(value.get("tags"), limit=200) if isinstance(value, dict) else ""
    pairs = (tag.partition("=") for tag in tags.split(","))
    return next((reason for name, _, reason in pairs if name == "onecard_reason"), "")


def _failed_answer(row: dict[str, Any]) -> tuple[str, str]:
    """Returns one of states.AnswerFailure or "", with Marqeta's own words.

    `timed_out: true` means that our answer came too late (docs/issuers/marqeta.md, Late answers and stand-in). Without
    a response in the log, only a message of a refused purchase says that the call itself failed.
    """
    log = gateway_log(row) or {}
    message, response = free_text(log.get("message"), limit=200), log.get("response")
    if log.get("timed_out") is True:
        return states.AnswerFailure.TIMEOUT, message
    if isinstance(response, dict):
        failed = bool(response.get("code")) and str(response["code"]) not in ANSWERS
    else:
        failed = bool(message) and row.get("state") in REFUSED
    return (states.AnswerFailure.ERROR, message) if failed else ("", "")
