"""Messages that contradict what we know, over real HTTP: nobody is charged, and a case tells it."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from issuing.issuers import registry
from issuing.models import Authorization, Decision, Hold, IssuerEvent, VirtualCard
from tests.issuing.issuers.worlds import marqeta_settings
from tests.journeys.conftest import CARD
from tests.journeys.two_issuers import AtMarqeta, AtStripe, Side, settle
from tests.sandbox.running import RunningSandbox
from tests.sandbox.settings import MarqetaSettings
from tests.support.factories import VirtualCardFactory
from wallet.models import Case, FundingObligation

pytestmark = pytest.mark.only_in_proofs

REQUEST, GATEWAY = "issuing_authorization.request", "gateway.request"


@pytest.fixture(params=["stripe", "marqeta"])
def side(request: pytest.FixtureRequest, both: RunningSandbox, settings: Any) -> Side:
    for name, value in marqeta_settings(both, MarqetaSettings()).items():
        setattr(settings, name, value)
    registry.clear()
    card = VirtualCard.objects.get(issuer_card_id=CARD)
    if request.param == "stripe":
        return AtStripe(card)
    VirtualCard.objects.filter(pk=card.pk).update(issuer_provider="marqeta", issuer_card_id="demo-card")
    return AtMarqeta(VirtualCard.objects.get(pk=card.pk), both)


def question_of(side: Side) -> str:
    return REQUEST if isinstance(side, AtStripe) else GATEWAY


def other_card(side: Side) -> str:
    return str(VirtualCardFactory(issuer_provider=side.card.issuer_provider).issuer_card_id)


def contradiction() -> Case:
    return Case.objects.get(kind="event_contradiction", status="open")


def test_more_with_another_card_is_declined_at_either_issuer(both: RunningSandbox, side: Side) -> None:
    side.buy(4500)
    named = other_card(side)
    changes = {"data": {"object": {"card": {"id": named}}}} if isinstance(side, AtStripe) else {"card_token": named}
    both.order(webhook=question_of(side), do="alter", changes=changes)

    side.ask_for_more(900)
    settle(both)

    assert Decision.objects.latest("pk").decline_reason == "another_card"
    assert Authorization.objects.get().approved_minor == 4500
    assert [each.amount_minor for each in FundingObligation.objects.all()] == [4500]
    assert contradiction().reference == f"authorization:{Authorization.objects.get().pk}"


# Twenty at once queue on two cores for longer than a real issuer would wait.
@override_settings(DECISION_DEADLINE_MS=30_000)
def test_one_round_asked_under_twenty_ids_holds_once(both: RunningSandbox, side: Side) -> None:
    both.order(webhook=question_of(side), do="ask_again", copies=20)

    side.buy(4500)
    both.deliveries.wait_for(count=20, event_type=question_of(side))
    settle(both)

    assert (Decision.objects.count(), Hold.objects.count()) == (1, 1)
    assert Authorization.objects.get().approved_minor == 4500
    assert [each.amount_minor for each in FundingObligation.objects.all()] == [4500]
    assert not Case.objects.filter(kind="event_contradiction").exists()


def test_an_id_that_comes_again_with_another_purchase_is_declined(both: RunningSandbox, side: Side) -> None:
    side.buy(4500)
    used = both.deliveries.wait_for(count=1, event_type=question_of(side))[0].event_id
    changes = {"id": used} if isinstance(side, AtStripe) else {"gpa_order": {"jit_funding": {"token": used}}}
    both.order(webhook=question_of(side), do="alter", changes=changes)

    # The question is answered at once; the issuer's news of it waits for a decision, and there is none.
    side.buy(900)

    assert Decision.objects.count() == 1
    assert [each.amount_minor for each in FundingObligation.objects.all()] == [4500]
    assert IssuerEvent.objects.filter(event_id__startswith="sha256:", status="kept").count() == 1
    assert used in contradiction().summary


@pytest.mark.parametrize(
    "changes",
    [{"livemode": True}, {"account": "acct_other"}, {"api_version": "2019-12-03"}],
    ids=str,
)
def test_events_of_another_mode_account_or_version_book_nothing(
    both: RunningSandbox, settings: Any, changes: dict[str, Any]
) -> None:
    both.order(webhook=REQUEST, do="alter", changes=changes)
    both.order(webhook="issuing_*", do="alter", changes=changes, times=None)

    AtStripe(VirtualCard.objects.get(issuer_card_id=CARD)).buy(4500)
    settle(both)

    assert not Authorization.objects.exists()
    assert not FundingObligation.objects.exists()
    assert set(IssuerEvent.objects.values_list("status", flat=True)) == {"kept"}
    assert contradiction().reference.startswith("stripe:event_of_other_")


def test_marqetas_repeat_with_another_amount_is_declined(both: RunningSandbox, settings: Any) -> None:
    for name, value in marqeta_settings(both, MarqetaSettings()).items():
        setattr(settings, name, value)
    registry.clear()
    VirtualCard.objects.filter(issuer_card_id=CARD).update(issuer_provider="marqeta", issuer_card_id="demo-card")
    side = AtMarqeta(VirtualCard.objects.get(issuer_card_id="demo-card"), both)
    side.buy(4500)
    first = Authorization.objects.get().issuer_authorization_id
    changes = {"token": first, "amount": Decimal(9), "gpa_order": {"jit_funding": {"amount": Decimal(9)}}}
    both.order(webhook=GATEWAY, do="alter", changes=changes)

    # The question is answered at once; the issuer's news of it waits for a decision, and there is none.
    side.buy(900)

    assert Authorization.objects.get(issuer_authorization_id=first).approved_minor == 4500
    assert [each.amount_minor for each in FundingObligation.objects.all()] == [4500]
    assert contradiction().kind == "event_contradiction"
