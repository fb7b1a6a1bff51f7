"""The life of a card: intended here, then asked of the issuer, once, whatever fails (money-safety I10, F4, F5)."""

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest
from django.db import transaction

from audit.models import Entry
from issuing.cards import changes as card_changes
from issuing.cards import flags
from issuing.cards import service as cards
from issuing.issuers import base
from issuing.issuers.base import CardOrder, IssuedCard, Limits, Person
from issuing.models import CardChange, IssuerAccount, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.support.factories import CardholderFactory
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db

LIMITS = Limits(per_transaction_minor=10_000, daily_minor=20_000, monthly_minor=30_000)


class ScriptedIssuer:
    """An issuer that keeps its promises about keys and fails as it is told: before doing the work, or after."""

    provider = "mock"

    def __init__(self) -> None:
        self.done: dict[str, IssuedCard] = {}
        self.people: dict[str, str] = {}
        self.limits: dict[str, Limits] = {}
        self.calls: list[str] = []
        self.before: list[Exception] = []
        self.after: list[Exception] = []

    def _work(self, name: str, key: str, result: IssuedCard) -> IssuedCard:
        self.calls.append(name)
        if self.before:
            raise self.before.pop(0)
        self.done.setdefault(key, result)
        if self.after:
            raise self.after.pop(0)
        return self.done[key]

    def create_cardholder(self, person: Person, *, key: str, asked_at: dt.datetime | None = None) -> str:
        self.calls.append("create_cardholder")
        return self.people.setdefault(key, f"ich_{key[:8]}")

    def create_card(self, order: CardOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuedCard:
        card = IssuedCard(f"ic_{uuid.uuid4().hex[:8]}", "pending", order.card_type, "4242", 12, 2031, order.currency)
        return self._work("create_card", key, card)

    def update_card_status(
        self, issuer_card_id: str, status: str, *, reason: str, key: str, asked_at: dt.datetime | None = None
    ) -> IssuedCard:
        return self._work(status, key, IssuedCard(issuer_card_id, status, "visa", "4242", 12, 2031, "USD"))

    def set_spending_limits(
        self, issuer_card_id: str, limits: Limits, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        self.calls.append("set_spending_limits")
        if self.before:
            raise self.before.pop(0)
        self.limits[issuer_card_id] = limits


@pytest.fixture(autouse=True)
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedIssuer]:
    scripted = ScriptedIssuer()
    monkeypatch.setattr(card_changes, "issuer_for", lambda _provider: scripted)
    return scripted


def create() -> VirtualCard:
    return cards.create_virtual_card(
        cardholder=CardholderFactory(), card_type="visa", limits=LIMITS, requested_by="user:0", provider="mock"
    )


def active() -> VirtualCard:
    return cards.activate(card=create(), requested_by="user:0")


def later() -> int:
    """As if the waiting time had passed and the sweeper came by."""
    past = clock.now() - dt.timedelta(hours=2)
    CardChange.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)
    CardChange.objects.filter(claimed_until__isnull=False).update(claimed_until=past)
    return card_changes.sweep()


def test_a_card_is_made_at_the_issuer_and_waits_to_be_activated(issuer: ScriptedIssuer) -> None:
    card = create()

    assert issuer.calls == ["create_cardholder", "create_card"]
    assert (card.status, card.last_four, card.expiry_year) == ("pending", "4242", 2031)
    assert card.issuer_card_id.startswith("ic_")
    assert card.daily_limit_minor == 20_000
    assert IssuerAccount.objects.get().issuer_cardholder_id.startswith("ich_")
    actions = list(Entry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["card.create_requested", "card.create_done"]


def test_the_whole_life_in_order(issuer: ScriptedIssuer) -> None:
    card = active()
    assert card.status == "active"
    assert cards.freeze(card=card, reason="Lost at the beach", requested_by="user:0").status == "frozen"
    assert cards.unfreeze(card=card, requested_by="user:0").status == "active"
    assert cards.update_spending_limits(card=card, limits=Limits(1, 2, 3), requested_by="user:0").daily_limit_minor == 2
    assert cards.close(card=card, reason="No longer wanted", requested_by="user:0").status == "closed"

    assert issuer.calls[2:] == ["active", "frozen", "active", "set_spending_limits", "closed"]
    assert issuer.limits[card.issuer_card_id] == Limits(1, 2, 3)
    assert set(CardChange.objects.values_list("status", flat=True)) == {"done"}


def test_an_unverified_cardholder_gets_no_card_and_no_call_is_made(issuer: ScriptedIssuer) -> None:
    with pytest.raises(cards.CardRefusedError, match="identity"):
        cards.create_virtual_card(
            cardholder=CardholderFactory(kyc_status="pending"), card_type="visa", requested_by="user:0"
        )
    assert not issuer.calls
    assert not (VirtualCard.objects.exists())
    assert not (CardChange.objects.exists())
    assert not (Message.objects.exists())


def test_an_incomplete_profile_gets_no_card_and_each_field_is_named(issuer: ScriptedIssuer) -> None:
    holder = CardholderFactory(birth_date=None, address_city="", terms_version="1999-01")
    with pytest.raises(cards.IncompletePersonError) as refused:
        cards.create_virtual_card(cardholder=holder, card_type="visa", requested_by="user:0")
    assert refused.value.missing == ["birth_date", "address.city", "terms"]
    assert "the date of birth, the city, the acceptance of the card's terms" in refused.value.message
    assert (issuer.calls, VirtualCard.objects.exists()) == ([], False)


def test_a_blocking_flag_stops_cards_at_every_step(issuer: ScriptedIssuer) -> None:
    card = cards.freeze(card=active(), reason="Looked at.", requested_by="user:0")
    flags.set_flag(card=card, flag="legal_hold", reason="Court order 7.", requested_by="user:0")
    with pytest.raises(cards.CardRefusedError, match="support"):
        cards.unfreeze(card=VirtualCard.objects.get(), requested_by="user:0")
    with pytest.raises(cards.CardRefusedError, match="already"):
        flags.set_flag(card=card, flag="legal_hold", reason="Again.", requested_by="user:0")
    with pytest.raises(cards.CardRefusedError, match="Say why"):
        flags.clear_flag(card=card, flag="legal_hold", reason=" ", requested_by="user:0")
    flags.clear_flag(card=card, flag="legal_hold", reason="Lifted.", requested_by="user:2")
    assert cards.unfreeze(card=VirtualCard.objects.get(), requested_by="user:0").status == "active"
    told = Entry.objects.filter(action__startswith="card.flag_").order_by("pk")
    assert [(each.actor, each.details["reason"]) for each in told] == [
        ("user:0", "Court order 7."),
        ("user:2", "Lifted."),
    ]
    blocked = CardholderFactory(compliance_flags=["sanctions"])
    with pytest.raises(cards.CardRefusedError, match="support"):
        cards.create_virtual_card(cardholder=blocked, card_type="visa", requested_by="user:0")


@pytest.mark.parametrize(
    "limits", [Limits(0, 1, 1), Limits(2, 1, 3), Limits(1, 3, 2), Limits(-1, 1, 1), Limits(1, 1, 10**14)]
)
def test_limits_that_make_no_sense_are_refused(limits: Limits) -> None:
    card = active()
    with pytest.raises(cards.CardRefusedError):
        cards.update_spending_limits(card=card, limits=limits, requested_by="user:0")
    card.refresh_from_db()
    assert card.daily_limit_minor == 20_000


@pytest.mark.parametrize("card_type", ["amex", "", "Visa"])
def test_an_unknown_card_type_is_refused(card_type: str) -> None:
    with pytest.raises(cards.CardRefusedError, match="card type"):
        cards.create_virtual_card(cardholder=CardholderFactory(), card_type=card_type, requested_by="user:0")
    assert not VirtualCard.objects.exists()


def test_moves_that_are_not_legal_are_refused_and_ask_nothing(issuer: ScriptedIssuer) -> None:
    card = create()
    asked = len(issuer.calls)
    with pytest.raises(cards.CardRefusedError):
        cards.unfreeze(card=card, requested_by="user:0")
    with pytest.raises(cards.CardRefusedError):
        cards.freeze(card=card, reason="Lost", requested_by="user:0")
    cards.close(card=card, reason="Not wanted", requested_by="user:0")
    for act in (cards.activate, cards.unfreeze):
        with pytest.raises(cards.CardRefusedError):
            act(card=card, requested_by="user:0")
    with pytest.raises(cards.CardRefusedError):
        cards.update_spending_limits(card=card, limits=LIMITS, requested_by="user:0")
    assert len(issuer.calls) == asked + 1


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_freeze_needs_a_reason(reason: str) -> None:
    card = active()
    with pytest.raises(cards.CardRefusedError, match="why"):
        cards.freeze(card=card, reason=reason, requested_by="user:0")
    card.refresh_from_db()
    assert card.status == "active"


def test_an_answer_lost_after_the_card_was_made_finds_the_same_card_again(issuer: ScriptedIssuer) -> None:
    issuer.after = [base.NetworkError("The answer was lost.")]

    card = create()
    assert (card.status, card.issuer_card_id) == ("pending", "")
    assert CardChange.objects.get().status == "intended"

    assert later() == 1
    card.refresh_from_db()
    assert [card.issuer_card_id] == [made.issuer_card_id for made in issuer.done.values()]
    assert len(issuer.people) == 1


def test_a_frozen_card_is_frozen_here_although_the_issuer_does_not_answer(issuer: ScriptedIssuer) -> None:
    card = active()
    issuer.before = [base.NetworkError("No answer."), base.RateLimitedError("Slow down.", retry_after_s=60)]

    assert cards.freeze(card=card, reason="Stolen", requested_by="user:0").status == "frozen"
    assert later() == 1
    assert CardChange.objects.get(kind="freeze").status == "intended"
    assert later() == 1

    assert CardChange.objects.get(kind="freeze").status == "done"
    card.refresh_from_db()
    assert card.status == "frozen"


def test_an_activation_waits_for_the_issuers_yes(issuer: ScriptedIssuer) -> None:
    card = create()
    issuer.before = [base.NetworkError("No answer.")]

    assert cards.activate(card=card, requested_by="user:0").status == "pending"
    later()

    card.refresh_from_db()
    assert card.status == "active"


def test_a_refusal_is_final_and_told(issuer: ScriptedIssuer) -> None:
    issuer.before = [base.RefusedError("The name is not accepted.")]

    card = create()

    assert card.status == "closed"
    change = CardChange.objects.get()
    assert (change.status, change.failure_message) == ("refused", "The name is not accepted.")
    assert later() == 0


def test_a_freeze_overtakes_an_unfreeze_that_was_not_sent_yet(issuer: ScriptedIssuer) -> None:
    card = active()
    cards.freeze(card=card, reason="Lost", requested_by="user:0")
    issuer.before = [base.NetworkError("No answer.")]
    cards.unfreeze(card=card, requested_by="user:0")

    assert cards.freeze(card=card, reason="Lost again", requested_by="user:0").status == "frozen"
    assert CardChange.objects.get(kind="unfreeze").status == "superseded"
    with pytest.raises(cards.CardRefusedError):
        cards.freeze(card=card, reason="Lost once more", requested_by="user:0")
    cards.close(card=card, reason="Stolen after all", requested_by="user:0")
    later()

    card.refresh_from_db()
    assert card.status == "closed"
    assert issuer.calls[-2:] == ["frozen", "closed"]


def test_changes_of_one_card_reach_the_issuer_in_order(issuer: ScriptedIssuer) -> None:
    card = active()
    issuer.before = [base.NetworkError("No answer.")]
    cards.update_spending_limits(card=card, limits=Limits(5, 6, 7), requested_by="user:0")
    cards.update_spending_limits(card=card, limits=Limits(8, 9, 10), requested_by="user:0")
    assert issuer.limits == {}

    later()
    later()

    assert issuer.limits[card.issuer_card_id] == Limits(8, 9, 10)
    assert set(CardChange.objects.values_list("status", flat=True)) == {"done"}


def test_a_sweep_tries_only_the_next_change_of_a_card(issuer: ScriptedIssuer) -> None:
    card = active()
    issuer.before = [base.NetworkError("No answer.")]
    cards.update_spending_limits(card=card, limits=Limits(5, 6, 7), requested_by="user:0")
    cards.freeze(card=card, reason="Lost", requested_by="user:0")

    assert [later(), later(), later()] == [1, 1, 0]
    assert issuer.calls[-2:] == ["set_spending_limits", "frozen"]


def test_nothing_is_asked_inside_a_transaction() -> None:
    change = CardChange.objects.get(card=create())
    with pytest.raises(TransactionError), transaction.atomic():
        card_changes.carry_out(change_id=change.pk)


@pytest.mark.django_db(transaction=True)
def test_the_same_change_from_many_workers_at_once_is_asked_once(issuer: ScriptedIssuer) -> None:
    issuer.before = [base.NetworkError("No answer.")]
    create()
    change = CardChange.objects.get()
    CardChange.objects.update(next_attempt_at=clock.now())

    at_once([lambda: card_changes.carry_out(change_id=change.pk)] * 12)

    assert issuer.calls.count("create_card") == 2
    assert CardChange.objects.get().status == "done"


class Death(BaseException):
    """The process ends here."""


@pytest.mark.only_in_proofs
@pytest.mark.django_db(transaction=True)
def test_a_death_at_any_step_of_making_a_card_ends_in_one_card(issuer: ScriptedIssuer) -> None:
    from django.db import connection

    deaths = 0
    for n in range(1, 80):
        left = n

        def dying(execute, sql, params, many, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            nonlocal left
            left -= 1
            if left == 0:
                raise Death
            return execute(sql, params, many, context)

        holder = CardholderFactory()
        before = set(issuer.done)
        try:
            with connection.execute_wrapper(dying):
                cards.create_virtual_card(cardholder=holder, card_type="visa", requested_by="user:0", provider="mock")
            survived = True
        except Death:
            connection.close()
            survived = False
            deaths += 1
        later()
        made = VirtualCard.objects.filter(cardholder=holder)
        assert len(set(issuer.done) - before) == made.count() <= 1
        assert not made.filter(issuer_card_id="").exists()
        if survived:
            break
    assert deaths > 12
