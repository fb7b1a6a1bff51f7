"""One honest row of each kind that issuers leave behind, for pages that list them."""

import uuid

from issuing.backtest.controls import asking
from issuing.controls import life
from issuing.models import (
    Authorization,
    CardChange,
    CardFunding,
    CardStatement,
    CardTransaction,
    ControlPreview,
    Dispute,
    DisputeEvidence,
    DisputeRequest,
    IssuerControl,
    LegacyDocument,
    ReconcileRun,
    Rollout,
    SyncDifference,
    SyncRun,
    VirtualCard,
)
from onecard.alerts.models import Incident
from onecard.integrations import endpoints
from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from onecard.users.models import User
from routing.models import MerchantList, MethodOdds, PersonalRule, RewardCategory, RewardProgramme, RewardTerms
from tests.support.factories import CardProductFactory, FundingMethodFactory, UserFactory
from wallet.models import EnteredAmount, FundingObligation, OwnTransfer

CASH = {"attribute": "cash", "operator": "is", "value": True}


def rows_about(card: VirtualCard) -> None:
    """One settled row of each, among them an amount that somebody entered and nobody agreed to."""
    now, name = clock.now(), uuid.uuid4().hex
    Incident.objects.create(
        kind="outbox_waits",
        key=name,
        severity="critical",
        status="resolved",
        summary="1 message, 3 min.",
        latest="2 messages, 4 min.",
        opened_at=now,
        measured_at=now,
        resolved_at=now,
    )
    OwnTransfer.objects.create(
        provider="stripe",
        processor_transfer_id=f"tu_{name}",
        kind="top_up",
        balance="issuing",
        status="arrived",
        amount_minor=70_000,
        currency="USD",
        is_booked=True,
        created_at=now,
        updated_at=now,
    )
    CardChange.objects.create(
        card=card, kind="limits", status="done", requested_by="user:1", created_at=now, updated_at=now
    )
    moved = CardTransaction.objects.create(
        provider=card.issuer_provider,
        issuer_transaction_id=f"ipi_{name}",
        card=card,
        transaction_type="settlement",
        processing_status="settled",
        amount_minor=4500,
        currency="USD",
        mcc="5812",
        merchant_name="Bistro",
        source="webhook",
        occurred_at=now,
        recorded_at=now,
    )
    Dispute.objects.create(
        provider=card.issuer_provider,
        issuer_dispute_id=f"idp_{name}",
        issuer_transaction_id=moved.issuer_transaction_id,
        transaction=moved,
        status="lost",
        reason="not_received",
        amount_minor=4500,
        currency="USD",
        opened_at=now,
        closed_at=now,
        updated_at=now,
    )
    _dispute_request(card, moved)
    _webhook_of(card.cardholder.user)
    EnteredAmount.objects.create(
        kind="limits",
        reference=f"virtualcard:{card.pk}",
        cardholder=card.cardholder,
        amount_minor=2_000_000,
        currency="USD",
        details={"before": [1, 1, 1], "after": [1, 1, 2_000_000]},
        reason="Raised on the card's page.",
        needs_second=True,
        status="withdrawn",
        entered_by=UserFactory(is_staff=True),
        entered_at=now,
        ended_at=now,
    )
    LegacyDocument.objects.create(
        kind="transaction",
        legacy_id=name,
        digest="0" * 64,
        document={"merchant": "<b>Bistro</b>"},
        card_transaction=moved,
        imported_at=now,
    )
    _funding(card, name)
    _control(card, name)
    _catalogue(card)
    _earned(card, name)
    ReconcileRun.objects.create(
        status="finished", requested_by="user:1", requested_at=now, finished_at=now, updated_at=now
    )
    run = SyncRun.objects.create(
        provider=card.issuer_provider,
        status="finished",
        since=now,
        until=now,
        requested_by="user:1",
        started_at=now,
        finished_at=now,
        updated_at=now,
    )
    SyncDifference.objects.create(
        run=run,
        provider=card.issuer_provider,
        kind="status",
        card=card,
        reference=card.issuer_card_id,
        ours="active",
        theirs="frozen",
        resolution="taken_over",
        found_at=now,
    )
    IssuerControl.objects.get_or_create(provider=card.issuer_provider)
    Rollout.objects.get_or_create(feature=Rollout.Feature.REAL_CARDS, defaults={"share_percent": 100})


def _control(card: VirtualCard, name: str) -> None:
    """A control of the card with a draft, its preview, and what the cardholder said of a purchase that it declined."""
    now = clock.now()
    version = life.create(
        name="A <b>draft</b>", definition={"when": [CASH], "action": {"kind": "decline"}},
        reason_code=f"tried_{name[:20]}", sentence="No.", actor=f"user:{UserFactory(is_staff=True).pk}", card=card,
    )  # fmt: skip
    preview = ControlPreview.objects.create(
        version=version, tried=asking.tried_of(version), days=1, status="finished", since=now, until=now, hits=1,
        days_found={"2026-11-29": {"USD": [1, 4500, 1]}}, created_at=now, worked_at=now, finished_at=now,
    )  # fmt: skip
    preview.found.create(
        decision_id=1, reference="authorization:1", decided_at=now, effect="declined", amount_minor=4500,
        becomes_minor=0, currency="USD", merchant_name="Bistro", mcc="5812",
    )  # fmt: skip


def _earned(card: VirtualCard, name: str) -> None:
    """A statement of one of the person's funding cards, and how likely that card is to pay."""
    now, method = (
        clock.now(),
        card.cardholder.funding_methods.first() or FundingMethodFactory(cardholder=card.cardholder),
    )
    CardStatement.objects.create(
        method=method, sha256=name.ljust(64, "0"), currency="USD", first_on=now.date(), last_on=now.date(),
        line_count=1, imported_by="user:1", imported_at=now,
    )  # fmt: skip
    MethodOdds.objects.get_or_create(
        method=method, defaults={"prior_ppm": 950_000, "approved_ppm": 950_000, "counted_at": now}
    )  # fmt: skip


def _catalogue(card: VirtualCard) -> None:
    """A card product whose terms have a bonus, in a catalogue with a category and a list, and a rule of the person."""
    programme, _ = RewardProgramme.objects.get_or_create(
        key="airline", defaults={"cents_per_point": "1.2", "cash_out_cents": "1"}
    )
    RewardCategory.objects.get_or_create(tag="dining", defaults={"label": "Dining", "codes": ["5812"]})
    MerchantList.objects.get_or_create(key="warehouses", defaults={"merchants": ["Costco"]})
    method = FundingMethodFactory(cardholder=card.cardholder)
    terms = RewardTerms.objects.create(
        product=CardProductFactory(), programme=programme, reward_type="miles", base_rate=1
    )
    terms.bonuses.create(key="dining", rate=3, scopes=[{"categories": ["dining"]}])
    PersonalRule.objects.create(cardholder=card.cardholder, position=1, action="never_this_card", method=method)


def _dispute_request(card: VirtualCard, capture: CardTransaction) -> None:
    """A request that staff refused, with a file; the movement is of no purchase, so it gets one."""
    now = clock.now()
    purchase = Authorization.objects.create(
        provider=card.issuer_provider,
        issuer_authorization_id=f"iauth_of_{capture.issuer_transaction_id}",
        card=card,
        status="settled",
        approved_minor=4500,
        currency="USD",
        created_at=now,
        updated_at=now,
    )
    request = DisputeRequest.objects.create(
        cardholder=card.cardholder,
        authorization=purchase,
        transaction=capture,
        reason="not_received",
        text="The parcel never arrived.",
        amount_minor=4500,
        currency="USD",
        status="refused",
        refusal="The shop has refunded it.",
        due_at=now,
        created_at=now,
        updated_at=now,
    )
    DisputeEvidence.objects.create(
        request=request, name="letter.pdf", kind="application/pdf", size_bytes=9, sealed=b"sealed", created_at=now
    )


def _funding(card: VirtualCard, name: str) -> None:
    now = clock.now()
    obligation = FundingObligation.objects.create(
        cardholder=card.cardholder,
        reference=f"card_funding:{name}",
        description="Money onto a card",
        amount_minor=1000,
        currency="USD",
        status="funded",
        created_at=now,
        updated_at=now,
    )
    CardFunding.objects.create(
        card=card,
        source=FundingMethodFactory(cardholder=card.cardholder),
        obligation=obligation,
        request_key=name,
        amount_minor=1000,
        currency="USD",
        status="credited",
        requested_by="user:1",
        created_at=now,
        updated_at=now,
    )


def _webhook_of(user: User) -> None:
    """A notice of the person's, and its delivery to an endpoint of theirs."""
    if not endpoints.of_person(user.pk).exists():
        wanted = {"url": "https://hooks.example.com/", "description": "Books", "wanted": ["*"]}
        endpoints.create(user, **wanted, key=uuid.uuid4(), actor=f"user:{user.pk}")
    with transaction():
        notices.write(user_id=user.pk, kind=Kind.CARD_CLOSED, cause=f"test:{uuid.uuid4()}", text="It is closed.")
