"""Simulates one purchase: asks the issuer's test helper for it and watches what our system does."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import stripe
from django.conf import settings

from issuing import journal
from issuing.activity import decision_notices
from issuing.models import Authorization, Decision
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from routing.models import MerchantCategory
from wallet import states
from wallet.models import Case, FundingCharge
from wallet.processors.stripe.client import stripe_client

POLL_S = 0.02
# The funding card has paid, or its bank holds the amount until the capture (hold_then_capture).
SECURED = (states.Charge.SUCCEEDED, states.Charge.HELD, states.Charge.CAPTURING)


class PurchaseError(OneCardError):
    """The purchase could not be simulated."""

    code = "purchase_not_simulated"


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to a purchase: the issuer's answer, our decision, and the charge, if any; times in milliseconds."""

    authorization: Authorization
    decision: Decision | None
    charge: FundingCharge | None
    issuer_approved: bool
    issuer_reason: str
    issuer_ms: float
    charged_ms: float | None

    @property
    def succeeded(self) -> bool:
        """Whether the purchase ended properly: declined, or approved and its money collected."""
        made = self.decision
        owed = made is not None and made.approved and made.amount_minor > made.from_balance_minor
        return not owed or (self.charge is not None and self.charge.status in SECURED)


def simulate(
    *, mcc: str, amount: Money, merchant: str, card_id: str, wait_s: float, waiting: Callable[[str, float], None]
) -> Report:
    """Makes the purchase and waits up to `wait_s` seconds for its charge; raises PurchaseError with a sentence.

    Calls `waiting(what, seconds)` with what it waits for. Only a test key or the sandbox can do this: issuers offer
    test helpers nowhere else (docs/issuers/stripe.md, Test helpers for Issuing).
    """
    category = _category(mcc)
    started = time.perf_counter()
    issued = _ask_issuer(card_id, amount, category, merchant)
    issuer_ms = (time.perf_counter() - started) * 1000
    authorization = _wait_for_authorization(issued["id"], started + wait_s, waiting)
    # What was decided a moment ago may wait in the journal.
    journal.write_of(provider=authorization.provider, names=[authorization.issuer_authorization_id])
    decision = authorization.decisions.select_related("obligation").order_by("-id").first()
    charge, charged_ms = None, None
    if decision is not None and decision.obligation is not None:
        charge = _wait_for_charge(decision.obligation.pk, started, wait_s, waiting)
        charged_ms = (time.perf_counter() - started) * 1000
    if decision is not None:
        # The sweep makes the same call within seconds; a demo that ends at once would not see it.
        decision_notices.write_notice(decision.pk)
    history = issued.get("request_history") or [{}]
    return Report(
        authorization=authorization,
        decision=decision,
        charge=charge,
        issuer_approved=issued["approved"] is True,
        issuer_reason=str(history[-1].get("reason", "")),
        issuer_ms=issuer_ms,
        charged_ms=charged_ms,
    )


def _category(mcc: str) -> str:
    found = MerchantCategory.objects.filter(code=mcc).first()
    if found is None or not found.stripe_category:
        raise PurchaseError(
            f"The issuer's test helper knows merchants by category, and MCC {mcc!r} has none here; "
            "see the merchant categories in the admin."
        )
    return found.stripe_category


def _ask_issuer(card_id: str, amount: Money, category: str, merchant: str) -> dict[str, Any]:
    if "_live_" in settings.STRIPE_API_KEY:
        raise PurchaseError(
            "STRIPE_API_KEY is a live key; purchases are simulated with a test key or the sandbox only."
        )
    params: Any = {
        "card": card_id,
        "amount": amount.minor,
        "currency": amount.currency.lower(),
        "authorization_method": "contactless",
        "merchant_data": {"category": category, "name": merchant, "city": "Seattle", "state": "WA", "country": "US"},
    }
    try:
        made = stripe_client().v1.test_helpers.issuing.authorizations.create(params)
    except stripe.APIConnectionError as error:
        raise PurchaseError(
            f"Nobody answers at {settings.STRIPE_API_BASE or 'the Stripe API'}. Start everything with `make run` in "
            "another terminal, or let `make purchase` do it."
        ) from error
    except stripe.StripeError as error:
        raise PurchaseError(f"The issuer refused the purchase: {error.user_message or error}") from error
    return dict(made.to_dict(for_json=True))


def _wait_for_authorization(issuer_id: str, until: float, waiting: Callable[[str, float], None]) -> Authorization:
    """Waits for our row, which exists before the issuer answers unless it declined without asking us.

    Then its event brings the row.
    """
    while True:
        found = Authorization.objects.filter(issuer_authorization_id=issuer_id).select_related("card").first()
        if found is not None:
            return found
        if time.perf_counter() > until:
            raise PurchaseError(
                f"The issuer made {issuer_id}, but no webhook about it arrived here. Is the web server running, and "
                "does the issuer send to its /stripe-webhook with a secret from STRIPE_WEBHOOK_SECRETS?"
            )
        waiting("the issuer's webhook", until - time.perf_counter())
        time.sleep(POLL_S)


def _wait_for_charge(
    obligation_id: int, started: float, wait_s: float, waiting: Callable[[str, float], None]
) -> FundingCharge:
    while True:
        charge = (
            FundingCharge.objects.select_related("method", "obligation").filter(obligation=obligation_id).latest("id")
        )
        left_s = started + wait_s - time.perf_counter()
        if _is_over(charge) or left_s < 0:
            return charge
        waiting("the charge of the funding card", left_s)
        time.sleep(POLL_S)


def _is_over(charge: FundingCharge) -> bool:
    """Returns whether the charge is paid, held, not owed any more or left to a person; a failed one has a successor."""
    if charge.status in SECURED or charge.obligation.status == states.Obligation.RELEASED:
        return True
    return charge.obligation.cases.filter(status=Case.Status.OPEN).exists()
