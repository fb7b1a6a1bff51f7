"""A purchase that was approved without us: its case follows the amount, and charges the card routing would choose."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from issuing.billing import unfunded_charge
from issuing.handlers import dispatch
from issuing.models import Authorization, VirtualCard
from onecard.kit import clock
from onecard.kit.references import page_of
from tests.issuing.clearing.postings import deliver, posted, report
from tests.support import marqeta_events, stripe_events
from tests.support.back_office import logged_in, opened, send, sentences, text_of
from tests.support.factories import UserFactory
from tests.support.purchases import run_workers
from tests.support.threads import at_once
from tests.support.wallets import marqeta_card, walkthrough_card
from tests.wallet.admin.case_pages import act
from wallet.accounts import Account
from wallet.casework.desk import CaseRefusedError
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db
WHY = "The cardholder agrees"


def history(*amounts: int) -> list[dict[str, Any]]:
    return [{"approved": True, "reason": "network_fallback", "amount": amount} for amount in amounts]


def stripes(card: VirtualCard) -> dict[str, Any]:
    """45.00 approved without us, then 12.00 more, then 66.40 captured."""
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    deliver(stripe_events.authorization_update(asked, request_history=history(4500)))
    return asked


def the_case() -> Case:
    return Case.objects.get(kind="approved_without_us")


def charge(case: Case) -> FundingCharge:
    return unfunded_charge.charge_chosen(case=case, user=UserFactory(is_staff=True), reason=WHY)


def test_the_case_follows_the_amount_at_stripe() -> None:
    asked = stripes(walkthrough_card())
    assert the_case().amount_minor == 4500
    for _ in range(2):
        news = stripe_events.authorization_update(
            asked, kind="updated", amount=5700, request_history=history(4500, 1200)
        )
        deliver(news)
        assert the_case().amount_minor == 5700
    deliver(posted(asked, amount=-6640))
    assert the_case().amount_minor == 6640


def test_the_case_follows_the_amount_at_marqeta() -> None:
    card = marqeta_card()
    first = marqeta_events.standin(card=card.issuer_card_id)
    report(first)
    assert the_case().amount_minor == 4500
    more = marqeta_events.later(first, "authorization.incremental", amount=Decimal("12.00"), state="PENDING")
    for row in (more, more | {"state": "CLEARED"}):
        report(row)
        # Our own answer might still have been in its commit.
        dispatch.sweep(now=clock.now() + dt.timedelta(minutes=11))
    assert the_case().amount_minor == 5700
    report(marqeta_events.later(first, "authorization.clearing", amount=Decimal("66.40")))
    assert the_case().amount_minor == 6640


def test_a_forced_capture_is_charged_and_its_case_closes() -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    deliver(posted(asked, authorization=None, amount=-6640))
    charge(the_case())
    run_workers()

    paid = FundingCharge.objects.get()
    assert (paid.status, paid.money.minor, paid.method.network) == ("succeeded", 6640, "mastercard")
    assert the_case().status == "resolved"
    assert ledger.balance(Account.PURCHASES, currency="USD") == 0
    assert ledger_check.check() == []


def test_what_is_captured_and_comes_back_later_is_followed() -> None:
    asked = stripes(walkthrough_card())
    charge(the_case())
    run_workers()
    assert the_case().status == "resolved"
    deliver(posted(asked, amount=-6640))
    deliver(posted(asked, type="refund", amount=1000))
    run_workers()
    assert sum(FundingObligation.objects.values_list("amount_minor", flat=True)) == 6640
    assert sum(FundingRefund.objects.values_list("amount_minor", flat=True)) == 1000
    assert ledger.balance(Account.PURCHASES, currency="USD") == 0


@pytest.mark.django_db(transaction=True)
def test_two_clicks_make_one_charge() -> None:
    stripes(walkthrough_card())
    case, refused = the_case(), []

    def click() -> None:
        try:
            charge(case)
        except CaseRefusedError as error:
            refused.append(error.message)

    at_once([click] * 6)
    assert (FundingCharge.objects.count(), len(refused)) == (1, 5)


@pytest.mark.django_db(transaction=True)
def test_a_click_and_a_capture_at_once_charge_what_was_taken() -> None:
    asked = stripes(walkthrough_card())
    case = the_case()
    at_once([lambda: charge(case), lambda: deliver(posted(asked, amount=-6640))])
    assert sum(FundingObligation.objects.values_list("amount_minor", flat=True)) == 6640


def test_a_wallet_without_a_usable_card_is_refused() -> None:
    card = walkthrough_card()
    stripes(card)
    card.cardholder.funding_methods.update(status="disabled")
    with pytest.raises(CaseRefusedError, match="No card of this wallet"):
        charge(the_case())
    assert (the_case().status, FundingCharge.objects.count()) == ("open", 0)


def test_a_purchase_of_nobody_is_refused() -> None:
    asked = stripe_events.authorization_request(card="ic_nobody")
    deliver(stripe_events.authorization_update(asked, request_history=history(4500)))
    with pytest.raises(CaseRefusedError, match="whose purchase"):
        charge(the_case())
    assert Authorization.objects.get().card is None


def test_the_case_page_has_the_button() -> None:
    stripes(walkthrough_card())
    client = logged_in()
    page = f"/admin/wallet/case/{the_case().pk}"
    assert "Charge the card that would have been chosen" in text_of(client.get(f"{page}/change/"))
    send(client, f"{page}/do/charge-chosen/", reason=WHY)
    assert FundingCharge.objects.get().money.minor == 4500
    assert "Charge the card that would" not in text_of(client.get(f"{page}/change/"))


def test_the_page_names_card_and_amount_and_nothing_else_is_charged() -> None:
    stripes(walkthrough_card())
    client, case = logged_in(), the_case()
    page = act(case, "charge-chosen")
    button = reverse("admin:issuing_authorization_charge_chosen", args=[Authorization.objects.get().pk])
    assert button in text_of(client.get(page_of(case.reference)))
    assert client.get(button)["Location"] == page
    values = opened(client, page)
    asks = text_of(client.get(page))
    assert "45.00 USD" in asks
    best = FundingMethod.objects.get(network="mastercard")
    assert str(best) in asks
    FundingMethod.objects.filter(network="mastercard").update(status="disabled")

    answer = client.post(page, values | {"reason": WHY}, follow=True)

    assert "Meanwhile 45.00 USD would be charged to" in sentences(answer)
    assert not FundingCharge.objects.exists()
    client.post(page, opened(client, page) | {"reason": WHY})
    assert FundingCharge.objects.get().method.network != "mastercard"
    assert button not in text_of(client.get(page_of(case.reference)))
    assert "No case asks" in sentences(client.get(button, follow=True))
