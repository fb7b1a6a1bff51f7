"""Why a purchase was declined, for staff: our own reason with its numbers, or the issuer's with its words."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.authorizations import issuer_reasons
from issuing.controls import sentences
from issuing.models import Authorization, Decision
from onecard.kit import display
from onecard.kit.words import Words
from routing import explain
from routing.words import DECLINES

# The words are Stripe's (docs/issuers/stripe.md, Real-time authorizations), and the first of Marqeta's response codes
# that its documentation explains; both lists are open.
ISSUERS: Final[dict[str, Words]] = {
    "spending_controls": gettext_lazy(
        "A spending control at the issuer: one of the card's limits there is used up, or it forbids this merchant "
        "category. The issuer's days and months begin at midnight UTC."
    ),
    "card_inactive": gettext_lazy("The card is inactive at the issuer: frozen, or not activated yet."),
    "card_active": gettext_lazy("The issuer declined although the card is active; it says no more."),
    "card_canceled": gettext_lazy("The card is closed at the issuer."),
    "card_expired": gettext_lazy("The card has expired."),
    "cardholder_inactive": gettext_lazy("The cardholder is inactive at the issuer."),
    "cardholder_blocked": gettext_lazy("The issuer has blocked the cardholder."),
    "account_disabled": gettext_lazy("The issuer has disabled our account: no card of the program works there."),
    "cardholder_verification_required": gettext_lazy(
        "The issuer needs more to verify the cardholder's identity: look at the person's profile."
    ),
    "insufficient_funds": gettext_lazy(
        "Our own balance at the issuer was too low. Top it up at the issuer; the cardholder is not at fault."
    ),
    "insecure_authorization_method": gettext_lazy("The merchant read the card in a way that the issuer does not take."),
    "verification_failed": gettext_lazy("The expiry date, the security code or the address did not match the card."),
    "pin_blocked": gettext_lazy("The PIN was entered wrongly too often."),
    "not_allowed": gettext_lazy("The issuer does not allow such a purchase with this card."),
    "suspected_fraud": gettext_lazy("The issuer suspects fraud."),
    "network_fallback": gettext_lazy("The card network decided in the issuer's place."),
    "stripe_internal_error": gettext_lazy("The issuer had an error of its own."),
    "webhook_declined": gettext_lazy(
        "We declined it, and no decision is on record here: our database did not take it."
    ),
    "webhook_error": gettext_lazy("The issuer could not use our answer (webhook error). That is a fault of ours."),
    "webhook_timeout": gettext_lazy("The issuer got no answer of ours in time (webhook time-out)."),
    "response_1016": gettext_lazy(
        "Not sufficient funds, says the issuer; also for an answer of ours that named no reason."
    ),
    "response_1884": gettext_lazy("Not sufficient funds, by the answer of our gateway."),
    "response_1886": gettext_lazy("Suspected fraud, by the answer of our gateway."),
    "response_1887": gettext_lazy("The amount limit is reached, by the answer of our gateway."),
    "response_1888": gettext_lazy("The usage limit is reached, by the answer of our gateway."),
}
OVERLOAD: Final = states.AnswerFailure.OVERLOAD
ALONE: Final = gettext_lazy("The issuer declined it and gives no reason.")
FAILED: Final[dict[str, Words]] = {
    states.AnswerFailure.TIMEOUT: ISSUERS["webhook_timeout"],
    states.AnswerFailure.ERROR: ISSUERS["webhook_error"],
    states.AnswerFailure.LATE: gettext_lazy("We could not decide in time."),
    states.AnswerFailure.UNRECORDED: ISSUERS["webhook_declined"],
    states.AnswerFailure.OVERLOAD: gettext_lazy(
        "We declined it unread: more purchases came at that moment than we could decide in time."
    ),
}
LIMITS: Final[dict[str, Words]] = {
    "day": gettext_lazy("Daily limit"),
    "month": gettext_lazy("Monthly limit"),
    "purchase": gettext_lazy("Limit for one purchase"),
}


def by_issuer(purchase: Authorization) -> str:
    """Returns why the issuer declined what we were not asked about or had approved."""
    reason, message = purchase.issuer_reason, purchase.issuer_message
    known = ISSUERS.get(reason) or FAILED.get(purchase.answer_failed)
    if purchase.answer_failed and (reason == "network_fallback" or purchase.answer_failed == OVERLOAD):
        known = FAILED.get(purchase.answer_failed)
    words = str(known) if known else _plain(reason)
    if not message:
        return words or str(ALONE)
    said = _("The issuer says: “%(message)s”.") % {"message": message.rstrip(".")}
    return f"{words} {said}".strip()


def ours(decision: Decision) -> str:
    """Returns why we declined, with the numbers of the limit or the state of each funding card at that moment."""
    trace = decision.trace if isinstance(decision.trace, Mapping) else {}
    control = sentences.of_decision(decision)
    if control is not None:
        return by_control(decision, control)
    sentence = str(DECLINES.get(decision.decline_reason, decision.decline_reason))
    limit = trace.get("limit")
    if isinstance(limit, Mapping) and limit.get("kind") in LIMITS:
        return limit_in_words(limit, asked_minor=decision.amount_minor, currency=decision.currency)
    cards = _cards(trace) if decision.decline_reason == "no_funding_card" else ""
    return f"{sentence} {cards}".strip()


def by_control(decision: Decision, control: sentences.Said) -> str:
    """Returns which control declined, and for a velocity how much it had counted."""
    named = {"name": control.name, "number": control.number}
    words = _("Declined by the control %(name)s, version %(number)s.") % named
    counted = sentences.counted_by(decision)
    if "used" not in counted:
        return words
    used, most = _minor(counted.get("used")), _minor(counted.get("most"))
    if counted.get("measure") == "amount":
        shown = {"used": display.money(used, decision.currency), "most": display.money(most, decision.currency)}
        return words + " " + _("It had counted %(used)s of %(most)s.") % shown
    return words + " " + _("It had counted %(used)s of %(most)s.") % {"used": used, "most": most}


def verdicts(trace: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns what each fraud hook said, by its name, from a decision's trace."""
    said = trace.get("fraud")
    labels = dict(states.HookOutcome.choices)
    found = []
    for name, verdict in sorted(said.items()) if isinstance(said, Mapping) else ():
        outcome, _ms, score, reason = [*verdict, 0, ""][:4] if len(verdict) == 2 else verdict[:4]
        words = str(labels.get(outcome, outcome))
        named = _("Fraud hook %(name)s") % {"name": name}
        found.append((named, f"{words} ({score}). {reason}" if score else words))
    return found


def limit_in_words(limit: Mapping[str, Any], *, asked_minor: int, currency: str) -> str:
    """Returns the limit with what was spent, left and asked for, and when it begins anew."""
    most, spent = _minor(limit.get("limit_minor")), _minor(limit.get("spent_minor"))
    values = {
        "limit": LIMITS[str(limit["kind"])],
        "most": display.money(most, currency),
        "spent": display.money(spent, currency),
        "left": display.money(max(0, most - spent), currency),
        "asked": display.money(asked_minor, currency),
    }
    until = _until(limit)
    if until is None:
        return _("%(limit)s of %(most)s: %(spent)s approved before, %(left)s left, %(asked)s asked for.") % values
    return _("%(limit)s of %(most)s: %(spent)s spent, %(left)s left, %(asked)s asked for. It renews on %(until)s.") % {
        **values, "until": display.moment(until),
    }  # fmt: skip


def limit_facts(decision: Decision) -> list[tuple[str, str]]:
    """Returns the numbers of the limit that declined, for a list of facts; [] for another reason."""
    limit = decision.trace.get("limit") if isinstance(decision.trace, Mapping) else None
    if not isinstance(limit, Mapping) or limit.get("kind") not in LIMITS:
        return []
    most, spent, currency = _minor(limit.get("limit_minor")), _minor(limit.get("spent_minor")), decision.currency
    until = _until(limit)
    return [
        (str(LIMITS[str(limit["kind"])]), display.money(most, currency)),
        (_("Spent before it"), display.money(spent, currency)),
        (_("Left"), display.money(max(0, most - spent), currency)),
        (_("Asked for"), display.money(decision.amount_minor, currency)),
        *([(_("Renews"), display.moment(until))] if until else []),
    ]


def _cards(trace: Mapping[str, Any]) -> str:
    """Returns each funding card with the reason why it could not pay."""
    candidates = [each for each in trace.get("candidates") or [] if isinstance(each, Mapping) and each.get("left_out")]
    if not candidates:
        return _("The wallet had no card.")
    return " ".join(f"{each.get('name')} •••• {each.get('last_four')}: {_left_out(each)}." for each in candidates)


def _left_out(candidate: Mapping[str, Any]) -> str:
    reason = str(candidate.get("left_out") or "")
    return explain.cooling_words(candidate) if reason == explain.COOLING else str(LEFT_OUT.get(reason, reason))


LEFT_OUT: Final[dict[str, Words]] = {
    "not_active": gettext_lazy("disabled or detached"),
    "no_processor_customer": gettext_lazy("not saved at the processor"),
    "expired": gettext_lazy("expired"),
    "currency_not_supported": gettext_lazy("cannot be charged in this currency"),
    "no_ranking_row": gettext_lazy("no ranking for this merchant category"),
}


def _plain(reason: str) -> str:
    """Returns a reason that we have no sentence for as words; a code alone says nothing."""
    return "" if reason.startswith(issuer_reasons.CODE) else reason.replace("_", " ").capitalize()


def _until(limit: Mapping[str, Any]) -> dt.datetime | None:
    return _moment(limit.get("until"))


def _moment(text: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _minor(value: Any) -> int:
    return value if isinstance(value, int) else 0
