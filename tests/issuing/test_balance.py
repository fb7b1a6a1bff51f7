"""What a card's own balance pays: set aside at the decision, split to the minor unit, and given back last."""

import itertools
from typing import Any

import pytest

from audit.models import Entry
from issuing import balance, corrections, handlers, lifecycle, owing, rewards_book, settling, store
from issuing.answers import STRIPE
from issuing.models import Authorization, BalanceUse, Decision, Hold, IssuerEvent, RewardEntry, SpendWindow, VirtualCard
from issuing.reconcile import balances as balances_check
from issuing.reconcile import purchases as purchases_check
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import TransactionError, transaction
from tests import stripe_events
from tests.issuing.test_settling import MUCH_LATER, approved, deliver, forget, moved, news, told_total
from tests.wallets import walkthrough_card
from wallet import ledger, outcomes, refunds
from wallet.chart import Account
from wallet.ledger_check import check as wallet_check
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation, FundingRefund
from wallet.processors.base import Outcome, RefundOutcome

pytestmark = pytest.mark.django_db
ON_CARD = 2000


@pytest.fixture
def card() -> VirtualCard:
    return card_with(ON_CARD)


def card_with(minor: int, **changes: Any) -> VirtualCard:
    card = walkthrough_card(**{"spends_balance": True, "balance_minor": minor} | changes)
    put(card, minor)
    return card


def put(card: VirtualCard, minor: int) -> None:
    """The ledger's side of money that was put on a card; the card's side is its column."""
    if minor:
        with transaction():
            key, name = stripe_events.unique("top_up"), f"card:{card.pk}"
            ledger.post(kind="top_up", key=key, money=Money(minor, "USD"), reference=name)


def on_card(card: VirtualCard) -> int:
    return VirtualCard.objects.values_list("balance_minor", flat=True).get(pk=card.pk)


def work(*, time_passes: bool = True) -> None:
    """The processor takes every charge and refund; with time, closed purchases are settled first."""
    if time_passes:
        settling.sweep(now=clock.now() + MUCH_LATER)
    for charge in FundingCharge.objects.filter(status="intended"):
        FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
        outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", f"pi_{charge.pk}"), actor="processor:stripe")
    for refund in FundingRefund.objects.filter(status="intended").exclude(charge=None):
        FundingRefund.objects.filter(pk=refund.pk).update(status="sending")
        refunds.record(refund_id=refund.pk, outcome=RefundOutcome("succeeded", f"re_{refund.pk}"), actor="x")


def by_cards() -> int:
    """What funding cards have paid and not got back."""
    charged = sum(each.obligation.payable.minor for each in FundingCharge.objects.filter(status="succeeded"))
    return charged - sum(each.amount_minor for each in FundingRefund.objects.filter(status="succeeded"))


def from_balance() -> int:
    return BalanceUse.objects.get().amount_minor


def books(card: VirtualCard) -> dict[str, int]:
    """How the last purchase stands, after every check of the books has found nothing."""
    work(time_passes=False)
    work(time_passes=False)
    problems = [each.said for each in (*wallet_check(), *balances_check.on_cards())]
    assert problems == []
    purchase = Authorization.objects.latest("pk")
    return {
        "balance": from_balance(),
        "cards": by_cards(),
        "on card": on_card(card),
        "clearing": ledger.balance(Account.PURCHASES, currency="USD", reference=owing.reference(purchase)),
        "open cases": Case.objects.filter(status="open").count(),
    }


def ended(paid_by_balance: int, paid_by_cards: int, *, clearing: int = 0, has: int = ON_CARD) -> dict[str, int]:
    return {
        "balance": paid_by_balance,
        "cards": paid_by_cards,
        "on card": has - paid_by_balance,
        "clearing": clearing,
        "open cases": 0,
    }


def increment(asked: dict[str, Any], amount: int, *, before: int = 4500) -> dict[str, Any]:
    return stripe_events.authorization_request(
        card=asked["data"]["object"]["card"]["id"],
        authorization=asked["data"]["object"]["id"],
        amount=amount,
        approved_before=before,
        history=[{"approved": True, "reason": "webhook_approved"}],
    )


# The decision


@pytest.mark.parametrize(
    ("on_it", "by_balance", "by_card", "rule"),
    [
        (0, 0, 4500, "backup_without_cash"),
        (1, 1, 4499, "backup_without_cash"),
        (4499, 4499, 1, "backup_without_cash"),
        (4500, 4500, 0, "card_balance"),
        (9000, 4500, 0, "card_balance"),
    ],
)
def test_the_balance_pays_first_and_a_funding_card_the_rest(
    on_it: int, by_balance: int, by_card: int, rule: str
) -> None:
    card = card_with(on_it)

    approved(card)

    decision = Decision.objects.get()
    asked = decision.obligation.amount_minor if decision.obligation else 0
    assert (decision.from_balance_minor, asked, decision.rule) == (by_balance, by_card, rule)
    assert (on_card(card), sum(BalanceUse.objects.values_list("amount_minor", flat=True))) == (
        on_it - by_balance,
        by_balance,
    )
    assert FundingCharge.objects.count() == bool(by_card)
    assert decision.trace["balance"] == {"has_minor": on_it, "pays_minor": by_balance}
    assert len(decision.trace["candidates"]) == 4, "the routing is stored, whoever pays"
    assert (Hold.objects.get().amount_minor, SpendWindow.objects.get(kind="day").spent_minor) == (4500, 4500)
    assert Entry.objects.get(action="authorization.approved").details["from_balance_minor"] == by_balance


def test_a_card_that_does_not_spend_its_balance_keeps_it() -> None:
    card = card_with(9000, spends_balance=False)

    approved(card)

    decision = Decision.objects.get()
    assert (decision.from_balance_minor, on_card(card), BalanceUse.objects.count()) == (0, 9000, 0)
    assert "balance" not in decision.trace


def test_without_a_funding_card_the_balance_must_cover_all(card: VirtualCard) -> None:
    FundingMethod.objects.update(status="disabled")

    refused = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=ON_CARD + 1))
    assert refused.json()["metadata"]["onecard_reason"] == "no_funding_card"
    assert (on_card(card), Decision.objects.get().from_balance_minor, BalanceUse.objects.count()) == (ON_CARD, 0, 0)

    approved(card, ON_CARD)
    assert on_card(card) == 0


@pytest.mark.parametrize(
    ("card_changes", "asked", "why"),
    [
        ({"status": "frozen"}, {}, "card_not_active"),
        ({"daily_limit_minor": 4499}, {}, "daily_limit_exceeded"),
        ({}, {"mcc": "6011"}, "cash_not_allowed"),
        ({}, {"currency": "eur"}, "currency_mismatch"),
    ],
)
def test_a_decline_takes_nothing_from_the_balance(
    card_changes: dict[str, Any], asked: dict[str, Any], why: str
) -> None:
    card = card_with(ON_CARD, **card_changes)

    answer = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, **asked)).json()

    assert answer["metadata"]["onecard_reason"] == why
    decision = Decision.objects.get()
    assert (on_card(card), decision.from_balance_minor, BalanceUse.objects.exists()) == (ON_CARD, 0, False)


def test_an_account_verification_takes_nothing(card: VirtualCard) -> None:
    approved(card, 0)
    decision = Decision.objects.get()
    assert (decision.rule, decision.from_balance_minor, on_card(card)) == ("account_verification", 0, ON_CARD)


@pytest.mark.parametrize(
    ("meanwhile", "by_balance"),
    [({"balance_minor": 500}, 500), ({"balance_minor": 3000}, 3000), ({"spends_balance": False}, 0)],
)
def test_what_changed_since_the_read_is_decided_anew(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any], by_balance: int
) -> None:
    read, done = store.read, []

    def and_then(*args: Any, **kwargs: Any) -> store.Seen:
        seen = read(*args, **kwargs)
        if not done:
            done.append(VirtualCard.objects.filter(pk=card.pk).update(**meanwhile))
        return seen

    monkeypatch.setattr(store, "read", and_then)

    approved(card)

    decision = Decision.objects.get()
    assert decision.obligation is not None
    assert (decision.from_balance_minor, decision.obligation.amount_minor) == (by_balance, 4500 - by_balance)


def test_the_same_event_again_takes_from_the_balance_once(card: VirtualCard) -> None:
    asked = approved(card)
    stripe_events.post(asked)
    stripe_events.post(asked | {"id": stripe_events.unique("evt")})
    assert (on_card(card), from_balance()) == (0, ON_CARD)


# The life of a purchase that the balance pays in part

LIVES: dict[str, tuple[list[tuple[str, int]], dict[str, int]]] = {
    "captured whole": ([("capture", 4500), ("closed", 0)], ended(2000, 2500)),
    "captured for less": ([("capture", 4000), ("closed", 0)], ended(2000, 2000)),
    "captured for less than the balance": ([("capture", 1500), ("closed", 0)], ended(1500, 0)),
    "captured for more": ([("capture", 5400), ("closed", 0)], ended(2000, 3400)),
    "in two parts": ([("capture", 2000), ("capture", 2500), ("closed", 0)], ended(2000, 2500)),
    "given back": ([("capture", 4500), ("closed", 0), ("refund", 4500)], ended(0, 0)),
    "given back in part": ([("capture", 4500), ("closed", 0), ("refund", 700)], ended(2000, 1800)),
    "given back into the balance": ([("capture", 4500), ("closed", 0), ("refund", 3000)], ended(1500, 0)),
    "given back for more": ([("capture", 4500), ("closed", 0), ("refund", 5000)], ended(-500, 0)),
    "reversed": ([("reversed", 0)], ended(0, 0)),
    "expired": ([("expired", 0)], ended(0, 0)),
    "expired and captured late": ([("expired", 0), ("capture", 4500)], ended(2000, 2500)),
    "closed with nothing": ([("closed", 0)], ended(0, 0)),
}


@pytest.mark.parametrize("days_pass", [False, True])
@pytest.mark.parametrize("life", LIVES)
def test_every_order_of_a_purchases_events_ends_with_the_same_split(life: str, days_pass: bool) -> None:
    steps, end = LIVES[life]
    for order in itertools.permutations(range(len(steps))):
        card = card_with(ON_CARD)
        asked = approved(card)
        work()
        told = [
            moved(asked, amount, kind=kind, number=number) if kind in ("capture", "refund") else news(asked, kind)
            for number, (kind, amount) in enumerate(steps, start=1)
        ]
        for place in order:
            deliver(told[place])
            if days_pass:
                work()
        work()
        work()
        assert books(card) == end, [steps[place][0] for place in order]
        forget_all()


def forget_all() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table in ("issuing_balanceuse", "wallet_posting"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("SET session_replication_role = DEFAULT")
    forget()
    VirtualCard.objects.update(balance_minor=0)


ALL_FROM_BALANCE: dict[str, tuple[list[tuple[str, int]], dict[str, int]]] = {
    "captured whole": ([("capture", 4500), ("closed", 0)], ended(4500, 0, has=5000)),
    "captured for more": ([("capture", 4900), ("closed", 0)], ended(4900, 0, has=5000)),
    "captured for more than it has": ([("capture", 5400), ("closed", 0)], ended(5000, 400, has=5000)),
    "and given back": ([("capture", 5400), ("closed", 0), ("refund", 1000)], ended(4400, 0, has=5000)),
    "given back for more": ([("capture", 4500), ("closed", 0), ("refund", 4600)], ended(-100, 0, has=5000)),
}


@pytest.mark.parametrize("days_pass", [False, True])
@pytest.mark.parametrize("life", ALL_FROM_BALANCE)
def test_every_order_ends_the_same_when_the_balance_pays_all(life: str, days_pass: bool) -> None:
    steps, end = ALL_FROM_BALANCE[life]
    for order in itertools.permutations(range(len(steps))):
        card = card_with(5000)
        asked = approved(card)
        told = [
            moved(asked, amount, kind=kind, number=number) if kind in ("capture", "refund") else news(asked, kind)
            for number, (kind, amount) in enumerate(steps, start=1)
        ]
        for place in order:
            deliver(told[place])
            if days_pass:
                work()
        work()
        work()
        assert books(card) == end, [steps[place][0] for place in order]
        forget_all()


def test_until_a_merchant_takes_it_the_part_is_set_aside_and_not_posted(card: VirtualCard) -> None:
    asked = approved(card)
    assert (on_card(card), BalanceUse.objects.get().posted_minor) == (0, 0)

    deliver(moved(asked, 1500))
    assert BalanceUse.objects.get().posted_minor == 1500
    deliver(moved(asked, 3000, number=2), moved(asked, 3000, number=2))

    use = BalanceUse.objects.get()
    assert (use.amount_minor, use.posted_minor, use.postings) == (ON_CARD, ON_CARD, 2)
    assert books(card) == ended(2000, 2500)


def test_a_repeat_of_every_event_changes_nothing(card: VirtualCard) -> None:
    asked = approved(card)
    for event in [moved(asked, 4000), news(asked, "closed"), moved(asked, 2500, kind="refund", number=2)] * 3:
        stripe_events.post(event)
        handlers.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)
        work()
    assert books(card) == ended(1500, 0)


def test_money_put_there_later_pays_no_charge_that_a_card_was_asked_for(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(moved(asked, 4500), news(asked, "closed"))
    VirtualCard.objects.update(balance_minor=9000)
    put(card, 9000)

    deliver(news(asked, "closed"))
    work()

    assert books(card) == ended(2000, 2500, has=ON_CARD + 9000)
    assert not FundingRefund.objects.exists()


def test_what_was_given_back_and_spent_elsewhere_is_charged_to_a_card(card: VirtualCard) -> None:
    asked = approved(card)
    work()
    deliver(news(asked, "expired"))
    assert on_card(card) == ON_CARD
    VirtualCard.objects.filter(pk=card.pk).update(balance_minor=300)

    deliver(moved(asked, 4500))
    work()

    assert (from_balance(), by_cards(), on_card(card)) == (300, 4200, 0)


def test_a_partial_reversal_comes_off_the_funding_card_first(card: VirtualCard) -> None:
    asked = approved(card)
    work(time_passes=False)

    deliver(told_total(asked, 1200))

    assert books(card) == ended(1200, 0, clearing=0)
    assert Authorization.objects.get().approved_minor == 1200


def test_an_increment_takes_what_came_onto_the_card_meanwhile(card: VirtualCard) -> None:
    asked = approved(card)
    VirtualCard.objects.update(balance_minor=600)
    put(card, 600)

    assert stripe_events.post(increment(asked, 1000)).json()["approved"] is True

    assert list(Decision.objects.order_by("pk").values_list("from_balance_minor", flat=True)) == [2000, 600]
    deliver(moved(asked, 5500), news(asked, "closed"))
    assert books(card) == ended(2600, 2900, has=2600)


def test_a_late_approval_that_is_taken_back_gives_the_balance_back(card: VirtualCard) -> None:
    asked = approved(card)

    corrections.withdraw_approval(provider="stripe", event_id=asked["id"], answers=STRIPE)

    assert (on_card(card), from_balance(), Hold.objects.get().status) == (ON_CARD, 0, "released")
    assert FundingObligation.objects.get().status == "released"
    assert books(card) == ended(0, 0)


def test_an_increment_that_is_taken_back_comes_off_the_funding_card_first(card: VirtualCard) -> None:
    asked = approved(card)
    more = increment(asked, 1000)
    stripe_events.post(more)

    corrections.withdraw_approval(provider="stripe", event_id=more["id"], answers=STRIPE)
    deliver(moved(asked, 4500), news(asked, "closed"))

    assert books(card) == ended(2000, 2500)


def test_a_force_post_after_the_withdrawal_is_paid_as_it_was_decided() -> None:
    card = card_with(5000)
    asked = approved(card)
    corrections.withdraw_approval(provider="stripe", event_id=asked["id"], answers=STRIPE)
    assert on_card(card) == 5000

    deliver(moved(asked, 4500), news(asked, "closed"))
    work()

    assert books(card) == ended(4500, 0, has=5000)


# More than the balance has


def test_what_the_balance_lacks_is_charged_to_the_best_card_that_can_still_pay() -> None:
    card = card_with(4500)
    asked = approved(card)
    FundingMethod.objects.filter(network="amex").update(status="disabled")

    deliver(moved(asked, 5000))

    # Second best of the walkthrough after Amex is Citi, which is also the backup.
    charge = FundingCharge.objects.get()
    assert (charge.method.network, charge.obligation.amount_minor) == ("mastercard", 500)
    assert books(card) == ended(4500, 500, has=4500)


def test_with_no_card_left_a_person_hears_of_it_once() -> None:
    card = card_with(4500)
    asked = approved(card)
    FundingMethod.objects.update(status="disabled")

    deliver(moved(asked, 5000), news(asked, "closed"))
    deliver(moved(asked, 5000))
    work()

    case = Case.objects.get()
    assert (case.kind, case.status, case.amount_minor) == ("approved_without_us", "open", 500)
    assert (from_balance(), FundingObligation.objects.exists()) == (4500, False)

    FundingMethod.objects.update(status="active")
    deliver(moved(asked, 100, number=2))
    assert not FundingObligation.objects.exists(), "a person is on it; nobody charges beside them"


def test_a_card_that_no_longer_spends_its_balance_keeps_the_rest_of_it() -> None:
    card = card_with(6000)
    asked = approved(card)
    VirtualCard.objects.update(spends_balance=False)

    deliver(moved(asked, 5000), news(asked, "closed"))

    assert books(card) == ended(4500, 500, has=6000)


# Less than nothing


def test_a_surplus_is_on_the_balance_and_comes_back_from_it(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(moved(asked, 4500), news(asked, "closed"), moved(asked, 5000, kind="refund", number=2))
    assert (on_card(card), Case.objects.count()) == (ON_CARD + 500, 0)

    deliver(moved(asked, 800, number=3))

    assert books(card) == ended(300, 0)


def test_a_surplus_that_was_spent_meanwhile_is_charged(card: VirtualCard) -> None:
    asked = approved(card)
    work()
    deliver(moved(asked, 4500), news(asked, "closed"), moved(asked, 5000, kind="refund", number=2))
    VirtualCard.objects.update(balance_minor=100)

    deliver(moved(asked, 800, number=3))
    work()

    purchase = Authorization.objects.get()
    assert (from_balance(), by_cards(), on_card(card)) == (-400, 700, 0)
    assert ledger.balance(Account.PURCHASES, currency="USD", reference=owing.reference(purchase)) == 0


def test_a_surplus_on_a_card_that_does_not_spend_it_is_a_persons_until_it_is_gone() -> None:
    card = card_with(0, spends_balance=False)
    asked = approved(card)
    deliver(moved(asked, 4500), news(asked, "closed"), moved(asked, 5000, kind="refund", number=2))
    deliver(moved(asked, 5000, kind="refund", number=2))

    case = Case.objects.get()
    assert (case.kind, case.amount_minor, case.status) == ("credit_left", 500, "open")
    assert case.reference == owing.reference(Authorization.objects.get())
    assert (on_card(card), from_balance()) == (500, -500)

    deliver(moved(asked, 200, kind="refund", number=3))
    assert list(Case.objects.order_by("pk").values_list("amount_minor", "status")) == [(500, "resolved"), (700, "open")]
    deliver(moved(asked, 900, number=4))
    assert not Case.objects.filter(status="open").exists()
    assert books(card) == ended(0, 200, has=0)


def test_a_surplus_that_a_person_has_settled_opens_no_case_again() -> None:
    card = card_with(0, spends_balance=False)
    asked = approved(card)
    refund = moved(asked, 5000, kind="refund", number=2)
    deliver(moved(asked, 4500), news(asked, "closed"), refund)
    Case.objects.update(status="resolved", resolution="Sent by transfer.")

    deliver(news(asked, "closed"))

    assert Case.objects.count() == 1


def test_without_a_card_a_surplus_is_a_case_only(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(moved(asked, 4500), news(asked, "closed"))
    purchase = Authorization.objects.get()
    BalanceUse.objects.all().delete()
    Authorization.objects.update(card=None)

    deliver(moved(asked, 9000, kind="refund", number=2))

    assert [(case.kind, case.amount_minor) for case in Case.objects.all()] == [("credit_left", 4500)]
    assert not BalanceUse.objects.filter(authorization=purchase).exists()


def test_a_surplus_beyond_every_bound_stops_at_it() -> None:
    card = card_with(0)
    asked = approved(card)
    top = 10**13
    for number in (2, 3):
        deliver(moved(asked, top, kind="refund", number=number))
    assert (on_card(card), from_balance()) == (top, -top)


# Beside it


def test_money_goes_back_to_the_card_that_took_the_place_of_another(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(moved(asked, 4500), news(asked, "closed"))
    real = walkthrough_card(replaces=card)
    VirtualCard.objects.filter(pk=card.pk).update(status="closed")

    deliver(moved(asked, 4500, kind="refund", number=2))
    work()
    work()

    assert (on_card(card), on_card(real)) == (0, ON_CARD)
    assert [each.said for each in balances_check.on_cards()] == []


def test_only_what_a_funding_card_paid_earns_rewards(card: VirtualCard) -> None:
    approved(card)
    work()
    assert rewards_book.book_charge(FundingCharge.objects.get().pk)
    assert RewardEntry.objects.get().amount_minor == 2500


@pytest.mark.django_db(transaction=True)
def test_a_purchase_paid_by_balance_alone_is_paid_by_somebody() -> None:
    card = card_with(9000)
    approved(card)
    found = list(purchases_check.paid_by_nobody(balances_check.EVER, clock.now()))
    assert found == []

    BalanceUse.objects.all().delete()
    name = owing.reference(Authorization.objects.get())
    assert [each.key for each in purchases_check.paid_by_nobody(balances_check.EVER, clock.now())] == [name]


def test_a_use_or_a_balance_that_is_changed_behind_the_ledger_is_named(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(moved(asked, 4500))
    name = owing.reference(Authorization.objects.get())

    BalanceUse.objects.update(amount_minor=1999)
    assert [each.about for each in balances_check.on_cards()] == [f"card:{card.pk}"]
    BalanceUse.objects.update(amount_minor=2001, posted_minor=2001)
    assert [each.about for each in balances_check.on_cards()] == [name]


def test_a_change_of_the_part_is_in_the_trail(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(news(asked, "reversed"))
    entry = Entry.objects.get(action="authorization.paid_from_balance")
    assert (entry.details["was_minor"], entry.details["amount_minor"], entry.actor) == (2000, 0, "issuer:stripe")


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_moves(card: VirtualCard) -> None:
    approved(card)
    purchase = Authorization.objects.get()
    with pytest.raises(TransactionError):
        balance.bring_to(purchase, reference=owing.reference(purchase), owed_minor=0, actor="x")
    assert on_card(card) == 0


def test_an_approval_of_the_issuers_own_after_our_decline_is_no_case_when_the_balance_was_to_pay() -> None:
    card = card_with(5000)
    asked = approved(card)
    purchase = Authorization.objects.get()
    with transaction():
        lifecycle.move(purchase, "declined", actor="test")
    assert on_card(card) == 5000

    deliver(news(asked, "pending"))

    assert (on_card(card), Case.objects.count()) == (500, 0)
