"""Pages of the back office, and rows for them to show."""

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from issuing.models import Control, ControlPass, Decision, FraudVerdict, VirtualCard
from issuing.rewards import book as rewards_book
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from routing.models import RankingDraft, RankingPreview
from tests.support import stripe_events
from tests.support.factories import UserFactory
from tests.support.issuer_rows import rows_about
from tests.support.wallets import walkthrough_card
from wallet import carried_amounts, cases
from wallet.ledger import postings as ledger
from wallet.models import (
    Cardholder,
    FundingCharge,
    FundingDispute,
    FundingObligation,
    KycReview,
)
from wallet.refunds import records as refunds


def page(model: type[Model], view: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def purchases(count: int, *, card: VirtualCard | None = None) -> None:
    card = card or walkthrough_card()
    rows_about(card)
    for _ in range(count):
        answer = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
        assert answer.json()["approved"] is True
        obligation = FundingObligation.objects.latest("pk")
        cases.open_obligation_case(kind="funding_declined", obligation=obligation, summary="No.")
        with transaction():
            refunds.begin(obligation=obligation, amount_minor=1, reason="Less was captured.", actor="issuer:stripe")
            key, money = f"test:{obligation.pk}", Money(100, "USD")
            ledger.post(kind="capture", key=key, money=money, reference=obligation.purchase)
        FundingCharge.objects.filter(obligation=obligation).update(status="succeeded", finished_at=clock.now())
        assert rewards_book.book_charge(obligation.charges.get().pk)
        dispute_of(obligation.charges.get())
        draft_of_rankings()
        pass_of(Decision.objects.latest("pk"))
        verdict_of(Decision.objects.latest("pk"))
    check_identity_of(card.cardholder)


def listed_models() -> list[type[Model]]:
    return sorted(admin.site._registry, key=lambda model: model._meta.label)


def check_identity_of(holder: Cardholder) -> None:
    KycReview.objects.get_or_create(cardholder=holder, defaults={"submitted_by": "user:1", "submitted_at": clock.now()})


def dispute_of(charge: FundingCharge) -> None:
    """A bank disputes the charge, and a small part of another purchase waits for the next one."""
    now = clock.now()
    times = {"told_at": now, "opened_at": now, "created_at": now, "updated_at": now}
    money = {"amount_minor": 100, "currency": "USD"}
    name = f"du_{charge.pk}"
    FundingDispute.objects.create(charge=charge, processor_dispute_id=name, status="needs_response", **money, **times)
    with transaction():
        carried_amounts.carry(charge.obligation, 31, actor="system:test")


def pass_of(decision: Decision) -> None:
    """The cardholder said "it was me" of it."""
    now, card = clock.now(), decision.authorization.card
    assert card is not None
    ControlPass.objects.create(
        control=Control.objects.filter(card=card).latest("pk"), card=card, decision=decision, merchant_name="Bistro",
        most_minor=100, until=now, created_at=now,
    )  # fmt: skip


def verdict_of(decision: Decision) -> None:
    """A hook found the purchase odd."""
    card = decision.authorization.card
    assert card is not None
    FraudVerdict.objects.create(
        decision=decision, card=card, hook="velocity_jump", outcome="flag", score=60, reason="Far above the usual.",
        decided_at=decision.decided_at,
    )  # fmt: skip


def draft_of_rankings() -> None:
    """Somebody began a draft, and looked at what it would change."""
    author, now = UserFactory(), clock.now()
    draft = RankingDraft.objects.create(title="Draft", author=author, changed_by=author, created_at=now, changed_at=now)
    RankingPreview.objects.create(
        draft=draft, draft_version=1, days=1, asked_by=author, since=now, until=now, created_at=now, worked_at=now
    )
