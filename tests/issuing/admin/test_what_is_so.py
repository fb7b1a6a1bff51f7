"""The purchase's page and list say what is so: who pays, why it was declined with its numbers, and each step's time."""

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

from issuing.admin.purchase_timeline import after
from issuing.billing import dunning
from issuing.handlers import dispatch
from issuing.models import Authorization, IssuerEvent, VirtualCard
from onecard.kit import clock
from tests.issuing.admin.test_admin import bought, listing, story
from tests.issuing.authorizations.test_failed_answers import heard_later
from tests.issuing.handlers.test_marqeta_disputes import report
from tests.support import marqeta_events, stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.processors import Obliging
from tests.support.purchases import approve_purchase, deliver_events, run_workers, transaction_event, update_event
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.charges import charge as charges
from wallet.charges.declines import cool_down
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.processors.base import ChargeOrder, Outcome

pytestmark = [pytest.mark.django_db, pytest.mark.only_in_proofs]


class Declining(Obliging):
    """Every bank says no, for good or for now."""

    def __init__(self, code: str) -> None:
        self.code = code

    def charge(self, order: ChargeOrder) -> Outcome:
        return Outcome("declined", f"pi_{order.public_id}", self.code, "Your card was declined.")


def declined_at_issuer(card: VirtualCard, **entry: Any) -> Authorization:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    history = [{"approved": False, "amount": 4500} | entry]
    event = stripe_events.authorization_update(asked, approved=False, status="closed", amount=0)
    event["data"]["object"]["request_history"] = history
    assert stripe_events.post(event).status_code == 200
    dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)
    return Authorization.objects.latest("pk")


def chosen() -> FundingMethod:
    return FundingCharge.objects.earliest("pk").method


def obligations() -> str:
    return text_of(logged_in().get(reverse("admin:wallet_fundingobligation_changelist")))


def customer() -> str:
    holder = VirtualCard.objects.get().cardholder
    return text_of(logged_in().get(reverse("desk:person", args=[holder.public_id])))


def declined_by_every_bank(code: str = "expired_card") -> None:
    due = FundingCharge.objects.filter(status="intended", next_attempt_at__lte=clock.now() + dt.timedelta(minutes=1))
    while charge := due.first():
        charges.charge(charge_id=charge.pk, processor=Declining(code))
        dunning.fall_back(obligation_id=charge.obligation_id)


@pytest.mark.parametrize("code", ["expired_card", "insufficient_funds"])
def test_a_purchase_that_nobody_paid_names_no_card_but_its_case(code: str) -> None:
    approve_purchase(walkthrough_card())
    assert f"{chosen()} (being charged)" in listing()

    declined_by_every_bank(code)

    # What is declined for now is tried again hours later.
    assert FundingObligation.objects.get().status == ("open" if code == "insufficient_funds" else "failed")
    case = Case.objects.get(kind="receivable")
    for page in (listing(), story(), obligations(), customer()):
        assert "Unpaid, case open" in page
        assert f"/admin/wallet/case/{case.pk}/change/" in page
    assert "•••• 0002" not in obligations()
    assert "(being charged)" not in listing()
    assert "<dt>Owed by the cardholder</dt><dd>45.00 USD</dd>" in story()


def test_a_paid_purchase_names_its_card_and_owes_nothing() -> None:
    approve_purchase(walkthrough_card())
    run_workers()

    for page in (listing(), obligations(), customer()):
        assert str(chosen()) in page
        assert "(being charged)" not in page
    assert "<dt>Owed by the cardholder</dt><dd>0.00 USD</dd>" in story()
    assert "<dt>Paid by funding cards</dt><dd>45.00 USD</dd>" in story()


def test_an_amount_that_is_carried_along_says_so() -> None:
    bought(walkthrough_card(), amount=30)
    run_workers()

    assert "Carried to the next charge" in listing()
    assert "Carried to the next charge" in obligations()
    assert "Carried to the next charge" in customer()
    assert "<dt>Owed by the cardholder</dt><dd>0.00 USD</dd>" in story()


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("spending_controls", "A spending control at the issuer"),
        ("card_inactive", "The card is inactive at the issuer"),
        ("insufficient_funds", "Our own balance at the issuer was too low"),
        ("webhook_error", "The issuer could not use our answer"),
        ("webhook_timeout", "The issuer got no answer of ours in time"),
        ("a_word_of_tomorrow", "A word of tomorrow"),
    ],
)
def test_an_issuers_decline_shows_its_amount_and_reason(
    monkeypatch: pytest.MonkeyPatch, reason: str, words: str
) -> None:
    heard_later(monkeypatch)
    declined_at_issuer(walkthrough_card(), reason=reason)

    for page in (listing(), story(), customer()):
        assert "45.00 USD" in page
        assert words in page
    assert "0.00 USD </h2>" not in story()


def test_an_issuers_own_words_stand_beside_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    heard_later(monkeypatch)
    declined_at_issuer(walkthrough_card(), reason="webhook_error", reason_message="Status 500, not 200.")

    assert "The issuer says: “Status 500, not 200”." in story()


def test_a_decline_by_marqeta_says_its_response_code() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    response = {"code": "1834", "memo": "Exceeds amount limit"}
    report("transactions", asked | {"state": "DECLINED", "response": response})

    assert Authorization.objects.get().issuer_reason == "response_1834"
    for page in (listing(), story()):
        assert "The issuer says: “Exceeds amount limit (response code 1834)”." in page
        assert "45.00 USD" in page


def test_a_decline_carries_the_numbers_of_its_limit() -> None:
    card = walkthrough_card(daily_limit_minor=10000)
    bought(card, amount=9000)
    bought(card, amount=4500)

    words = "Daily limit of 100.00 USD: 90.00 USD spent, 10.00 USD left, 45.00 USD asked for. It renews on "
    assert words in listing()
    shown = story()
    assert words in shown
    for fact in (
        "Daily limit</dt><dd>100.00",
        "Spent before it</dt><dd>90.00",
        "Left</dt><dd>10.00",
        "<dt>Renews</dt>",
    ):
        assert fact in shown


def test_a_card_that_cooled_down_says_until_when_and_why() -> None:
    card = walkthrough_card()
    cool_down(FundingMethod.objects.latest("pk"), "insufficient_funds", actor="system:test")
    bought(card)

    shown = story()

    assert "Left out: cooling down until " in shown
    assert "since its bank declined a charge: insufficient funds" in shown


def test_without_a_card_that_can_pay_the_decline_names_each() -> None:
    card = walkthrough_card()
    FundingMethod.objects.update(expiry_year=2020)
    bought(card)

    for method in FundingMethod.objects.all():
        assert f"{method}: expired." in listing()


def test_each_step_has_its_time_since_the_tap() -> None:
    asked = approve_purchase(walkthrough_card())
    capture = transaction_event(asked, 4500)
    capture["data"]["object"]["created"] = int((clock.now() + dt.timedelta(hours=3, seconds=30)).timestamp())
    deliver_events(update_event(asked, "closed"), capture)
    run_workers()

    steps = story().partition("Timeline</h2>")[2].partition("</section>")[0]

    said = (
        ">T+0<",
        "The issuer asked for 45.00 USD",
        "Approved 45.00 USD",
        "Settled: closed by the issuer",
        f"Asked the processor to charge 45.00 USD to {chosen()}",
        f"{chosen()} was charged 45.00 USD",
        "T+3 h",
        "The merchant captured 45.00 USD",
    )
    places = [steps.find(words) for words in said]
    assert -1 not in places
    assert places == sorted(places)


def test_marqetas_steps_have_their_times_too() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    assert marqeta_events.ask(asked).status_code == 200
    report("transactions", marqeta_events.outcome(asked))
    report("transactions", marqeta_events.later(asked, "authorization.clearing"))
    run_workers()

    steps = story().partition("Timeline</h2>")[2].partition("</section>")[0]

    for words in (">T+0<", "Approved 45.00 USD", "The merchant captured 45.00 USD", "was charged 45.00 USD", "Settled"):
        assert words in steps, words


def test_the_time_since_the_tap_is_written_in_what_fits() -> None:
    spans = (-0.5, 0, 0.0004, 0.0982, 1.25, 59.9, 200, 187200)
    said = ["T+0", "T+0", "T+1 ms", "T+98 ms", "T+1.250 s", "T+59.900 s", "T+3 min", "T+2 d 4 h"]
    assert [after(dt.timedelta(seconds=each)) for each in spans] == said
