"""Compares one card with its issuer: by hand, after an issuer's update, or as a part of a whole comparison."""

from dataclasses import dataclass

from django.db.models import Max

from audit import trail
from issuing import locking, states
from issuing.card_data.vault import erase_card_data
from issuing.cards import card_notices
from issuing.cards.change_records import intend
from issuing.cards.comparison_rules import Finding, Kind, Resolution, compare
from issuing.issuers.base import IssuedCard, Issuer, RefusedError
from issuing.issuers.registry import issuer_for
from issuing.models import CardChange, SyncDifference, SyncRun, VirtualCard
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import cases
from wallet.models import Case
from wallet.references import Subject

UNKNOWN_CARD = "issuer_unknown_card"
# The reason of a request that only repeats for the issuer how the card stands here begins so.
REPEATED_FOR_ISSUER = "The issuer had"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The card before its issuer was asked. A change since then makes the issuer's answer stale."""

    card_id: int
    version: int
    last_change_id: int | None


def snapshot_of(card_id: int) -> Snapshot:
    """Notes the card's state before its issuer is asked."""
    row = VirtualCard.objects.values("version").annotate(last=Max("changes__pk")).get(pk=card_id)
    return Snapshot(card_id, row["version"], row["last"])


def sync_card(card_id: int, *, actor: str, issuer: Issuer | None = None) -> list[SyncDifference]:
    """Asks the issuer about one card and resolves the differences; returns them.

    A card that the issuer has not made yet is left alone. Raises the issuer's errors, and TransactionError.
    """
    require_no_transaction("A call to the issuer")
    card = VirtualCard.objects.get(pk=card_id)
    if not card.issuer_card_id:
        return []
    asked, before = issuer or issuer_for(card.issuer_provider), snapshot_of(card_id)
    theirs = ask(asked, card.issuer_card_id)
    return resolve_differences(before, theirs, actor=actor, with_limits=limits_are_the_cards(asked, card))


def ask(issuer: Issuer, issuer_card_id: str) -> IssuedCard | None:
    """Returns the card as the issuer reports it; None when the issuer does not know it."""
    try:
        return issuer.get_card_details(issuer_card_id)
    except RefusedError as error:
        if error.code == UNKNOWN_CARD:
            return None
        raise


def resolve_differences(
    before: Snapshot, theirs: IssuedCard | None, *, actor: str, with_limits: bool, run: SyncRun | None = None
) -> list[SyncDifference]:
    """Resolves the differences in one commit; does nothing while a change is open, or if the card has changed since."""
    with transaction():
        card = locking.lock_card(before.card_id)
        if (
            snapshot_of(card.pk) != before
            or CardChange.objects.filter(card=card, status__in=states.OPEN_CHANGE).exists()
        ):
            return []
        findings = [_unknown_there(card)] if theirs is None else compare(card, theirs, with_limits=with_limits)
        VirtualCard.objects.filter(pk=card.pk).update(
            last_synced_at=clock.now(), stop_reported_at=None, comparison_due_at=None
        )
        made = [_resolve(card, finding, actor=actor, run=run) for finding in findings if finding is not None]
        if not any(each.resolution == Resolution.OPEN for each in made):
            cases.resolve_cases(reference=Subject.CARD.reference(card.issuer_card_id), kinds=(Case.Kind.CARD_DIFFERS,))
        return made


def limits_are_the_cards(issuer: Issuer, card: VirtualCard) -> bool:
    """Returns whether the issuer's limits belong to this card.

    Some issuers limit persons, by the card that changed last.
    """
    if issuer.limits_each_card:
        return True
    siblings = CardChange.objects.filter(
        card__cardholder_id=card.cardholder_id,
        card__issuer_provider=card.issuer_provider,
        kind__in=(CardChange.Kind.CREATE, CardChange.Kind.LIMITS),
        status=states.Change.DONE,
    )
    return siblings.order_by("-updated_at", "-pk").values_list("card_id", flat=True).first() == card.pk


def _unknown_there(card: VirtualCard) -> Finding | None:
    if card.status == states.Card.CLOSED:
        return None
    return Finding(Kind.UNKNOWN_THERE, card.status, "unknown", Resolution.OPEN)


def _resolve(card: VirtualCard, finding: Finding, *, actor: str, run: SyncRun | None) -> SyncDifference:
    if finding.changes:
        changes = dict(finding.changes)
        stopped = {"frozen_by": states.Stopper.ISSUER} if changes.get("status") in states.STOPPED_CARD else {}
        VirtualCard.objects.filter(pk=card.pk).update(**changes, **stopped, updated_at=clock.now())
        if ("status", states.Card.CLOSED) in finding.changes:
            erase_card_data(card, actor=actor)
        if "status" in dict(finding.changes):
            card_notices.status_changed(card, finding.theirs, cause=f"sync:{card.public_id}:{clock.now().isoformat()}")
    if finding.push:
        reason = f"{REPEATED_FOR_ISSUER} {finding.theirs}, we {finding.ours}."
        intend(card, finding.push, requested_by=actor, reason=reason)
    if finding.resolution == Resolution.OPEN:
        open_card_case(card.issuer_card_id, f"{card}: {finding.ours} here, {finding.theirs} at the issuer.", card)
    return record_difference(
        provider=card.issuer_provider, reference=card.issuer_card_id, finding=finding, actor=actor, card=card, run=run
    )


def open_card_case(issuer_card_id: str, summary: str, card: VirtualCard | None = None) -> None:
    """Opens a case about the card, with no money at stake."""
    cases.open_case(
        kind=Case.Kind.CARD_DIFFERS,
        reference=Subject.CARD.reference(issuer_card_id),
        money=Money(0, card.currency if card else "USD"),
        summary=summary,
    )


def record_difference(
    *,
    provider: str,
    reference: str,
    finding: Finding,
    actor: str,
    card: VirtualCard | None = None,
    run: SyncRun | None = None,
) -> SyncDifference:
    """Records a difference, with its trail entry, in the caller's transaction; once per run."""
    key = {"run": run, "provider": provider, "kind": finding.kind, "reference": reference}
    known = SyncDifference.objects.filter(**key).first() if run else None
    if known is not None:
        return known
    difference = SyncDifference.objects.create(
        **key,
        card=card,
        ours=finding.ours[:200],
        theirs=finding.theirs[:200],
        resolution=finding.resolution,
        found_at=clock.now(),
    )
    trail.record(
        actor=actor,
        action=f"sync.{finding.resolution}",
        subject=card or difference,
        kind=finding.kind,
        reference=reference,
        ours=finding.ours,
        theirs=finding.theirs,
    )
    return difference
