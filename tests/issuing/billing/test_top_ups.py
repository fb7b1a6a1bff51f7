"""Putting money on a card: the source pays once, the balance rises once, and a refusal leaves nothing behind."""

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest
from django.db import connection

from issuing.billing import top_ups
from issuing.billing.top_ups import fund_card
from issuing.errors import CardRefusedError
from issuing.models import CardFunding, VirtualCard
from onecard.kit import clock
from onecard.kit.money import Money
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardholderFactory, FundingMethodFactory, VirtualCardFactory
from tests.support.sandboxes import CITI, CUSTOMER, intents, processor_sandbox
from tests.support.threads import at_once
from wallet.charges import charge as charges
from wallet.methods.usable import UnusableMethodError
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with processor_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: RunningSandbox) -> RunningSandbox:
    served.reset()
    return served


@pytest.fixture
def source() -> FundingMethod:
    holder = CardholderFactory(processor_customer_id=CUSTOMER)
    return FundingMethodFactory(cardholder=holder, processor_method_id=CITI)


@pytest.fixture
def card(source: FundingMethod) -> VirtualCard:
    return VirtualCardFactory(cardholder=source.cardholder)


def put(card: VirtualCard, source: FundingMethod, minor: int = 2500, key: str = "") -> CardFunding:
    return fund_card(
        card=card,
        amount=Money(minor, "USD"),
        source=source,
        requested_by="user:1",
        request_key=key or str(uuid.uuid4()),
    )


def balance(card: VirtualCard) -> int:
    return VirtualCard.objects.values_list("balance_minor", flat=True).get(pk=card.pk)


def nothing_was_done(sandbox: RunningSandbox) -> bool:
    rows = (CardFunding, FundingObligation, FundingCharge, Case)
    return not any(model.objects.exists() for model in rows) and not intents(sandbox)


def test_the_source_pays_and_the_money_is_on_the_card(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    wish = put(card, source, 2500)

    assert (wish.status, balance(card)) == ("credited", 2500)
    assert [(intent["amount"], intent["payment_method"]) for intent in intents(sandbox)] == [(2500, CITI)]
    assert wish.obligation.status == "funded"


def test_the_same_key_again_is_the_same_request(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    first = put(card, source, 2500, key="k-1")
    assert put(card, source, 2500, key="k-1") == first
    with pytest.raises(CardRefusedError, match="key"):
        put(card, source, 2600, key="k-1")
    assert (balance(card), len(intents(sandbox))) == (2500, 1)


def test_many_at_once_with_one_key_put_the_money_there_once(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    def act() -> None:
        try:
            put(card, source, 2500, key="k-1")
        finally:
            connection.close()

    at_once([act] * 8)
    top_ups.sweep()

    assert (balance(card), len(intents(sandbox)), CardFunding.objects.count()) == (2500, 1, 1)


def test_a_declined_source_puts_nothing_there_and_needs_nobody(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", decline_code="insufficient_funds")

    wish = put(card, source)

    assert (wish.status, balance(card)) == ("failed", 0)
    assert not Case.objects.filter(status="open").exists()
    assert FundingObligation.objects.get().status == "released"


def test_a_lost_answer_is_asked_for_again_and_the_money_comes_once(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    wish = put(card, source)
    assert (wish.status, balance(card)) == ("requested", 0)

    FundingCharge.objects.update(next_attempt_at=clock.now() - dt.timedelta(minutes=1))
    charges.sweep()
    assert top_ups.sweep() == 1

    assert (balance(card), len(intents(sandbox))) == (2500, 1)
    assert top_ups.sweep() == 0


class Death(BaseException):
    """The process ends here."""


@pytest.mark.only_in_proofs
def test_a_death_at_any_statement_ends_in_one_payment_and_one_credit(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    deaths = 0
    for n in range(1, 120):
        left = n

        def dying(execute, sql, params, many, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            nonlocal left
            left -= 1
            if left == 0:
                raise Death
            return execute(sql, params, many, context)

        before, paid = balance(card), len(intents(sandbox))
        try:
            with connection.execute_wrapper(dying):
                put(card, source, 100, key=f"k-{n}")
            survived = True
        except Death:
            connection.close()
            survived = False
            deaths += 1
        past = clock.now() - dt.timedelta(minutes=10)
        FundingCharge.objects.filter(finished_at=None).update(next_attempt_at=past, claimed_until=None)
        FundingCharge.objects.filter(status="sending").update(claimed_until=past)
        charges.sweep()
        top_ups.sweep()
        asked = CardFunding.objects.filter(request_key=f"k-{n}").count()
        assert balance(card) - before == 100 * asked
        assert len(intents(sandbox)) - paid == asked
        if survived:
            break
    assert survived
    assert deaths > 15


@pytest.mark.parametrize("minor", [0, -1, 10**13 + 1])
def test_an_amount_that_is_none_is_refused(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod, minor: int
) -> None:
    with pytest.raises(CardRefusedError, match="amount"):
        put(card, source, minor)
    assert nothing_was_done(sandbox)


def test_another_currency_another_person_and_a_closed_card_are_refused(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    with pytest.raises(CardRefusedError, match="USD"):
        fund_card(card=card, amount=Money(1, "EUR"), source=source, requested_by="user:1", request_key="k")
    with pytest.raises(CardRefusedError, match="own cards"):
        put(card, FundingMethodFactory())
    VirtualCard.objects.filter(pk=card.pk).update(status="closed")
    with pytest.raises(CardRefusedError, match="closed"):
        put(VirtualCard.objects.get(pk=card.pk), source)
    assert nothing_was_done(sandbox)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": "detached"}, "detached"),
        ({"expiry_year": 2024}, "expired"),
        ({"cooling_until": dt.datetime(2999, 1, 1, tzinfo=dt.UTC)}, "declined"),
        ({"currencies": ["EUR"]}, "USD"),
    ],
)
def test_a_source_that_cannot_be_charged_is_refused(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod, change: dict[str, object], why: str
) -> None:
    FundingMethod.objects.filter(pk=source.pk).update(**change)
    with pytest.raises(UnusableMethodError, match=why):
        put(card, FundingMethod.objects.select_related("cardholder").get(pk=source.pk))
    assert nothing_was_done(sandbox)


def test_a_refused_request_asked_for_again_is_answered_as_it_stands(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    """The first answer was lost, and the decline has put the source out of use meanwhile."""
    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", decline_code="stolen_card")
    first = put(card, source, key="one request")
    source.refresh_from_db()
    assert (first.status, source.status) == ("failed", "disabled")

    again = put(card, source, key="one request")

    assert (again.pk, again.status, CardFunding.objects.count()) == (first.pk, "failed", 1)


def test_a_paid_request_is_answered_as_it_stands_when_its_card_is_closed(
    sandbox: RunningSandbox, card: VirtualCard, source: FundingMethod
) -> None:
    first = put(card, source, key="one request")
    VirtualCard.objects.filter(pk=card.pk).update(status="closed")
    card.refresh_from_db()

    again = put(card, source, key="one request")

    assert (again.pk, again.status, len(intents(sandbox))) == (first.pk, "credited", 1)
    with pytest.raises(CardRefusedError):
        put(card, source, key="another request")
