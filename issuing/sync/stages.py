"""The stages of a comparison, one page at a time. Each page may be done twice, so an interrupted one is done again."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from issuing import states
from issuing.cards.comparison import (
    Snapshot,
    ask,
    limits_are_the_cards,
    open_card_case,
    record_difference,
    resolve_differences,
    snapshot_of,
)
from issuing.cards.comparison_rules import Finding, Kind, Resolution
from issuing.clearing import card_transactions, transaction_rows
from issuing.handlers import dispatch
from issuing.inbox import deliveries as inbox
from issuing.issuers.base import IssuedCard, Issuer, IssuerTransaction, MissedEvent
from issuing.issuers.messages import Envelope
from issuing.models import CardChange, CardTransaction, IssuerEvent, SyncRun, VirtualCard
from onecard.kit.transactions import transaction

OUR_PAGE = 50


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a page: the next cursor ("" at the stage's end), and how many rows were compared."""

    cursor: str
    count: int


def missed_events(run: SyncRun, issuer: Issuer) -> Done:
    """Stores and handles the events that the issuer lists and that never arrived here."""
    page = issuer.list_events(since=run.since, cursor=run.cursor)
    in_window = [event for event in page.events if event.created_at < run.until]
    # The issuer lists the newest event first; they are handled in the order in which they happened.
    for event in reversed(_not_received(run, in_window)):
        _take_over(run, event)
    for name in page.unread:
        _leave_unread(run, name, Finding(Kind.MISSED_EVENT, "", "an event that cannot be read", Resolution.OPEN))
    return Done(page.cursor, len(page.events) + len(page.unread))


def _not_received(run: SyncRun, events: list[MissedEvent]) -> list[MissedEvent]:
    """Returns the events that are stored here under none of their ids."""
    here = inbox.received(run.provider, (name for event in events for name in (event.event_id, *event.earlier_ids)))
    return [event for event in events if here.isdisjoint((event.event_id, *event.earlier_ids))]


def _take_over(run: SyncRun, event: MissedEvent) -> None:
    with transaction():
        envelope = Envelope(event.event_id, event.event_type, event.object_id, {})
        if not inbox.receive(run.provider, envelope, event.body):
            return
        finding = Finding(Kind.MISSED_EVENT, "", event.event_type, Resolution.TAKEN_OVER)
        record_difference(
            provider=run.provider, reference=event.event_id, finding=finding, actor=run.requested_by, run=run
        )
    dispatch.handle(event_pk=IssuerEvent.objects.get(provider=run.provider, event_id=event.event_id).pk)


def transactions_page(run: SyncRun, issuer: Issuer) -> Done:
    """Records the transactions that no event reported, and notes those that differ from ours."""
    page = issuer.get_transaction_history(since=run.since, cursor=run.cursor)
    in_window = [theirs for theirs in page.transactions if theirs.created_at < run.until]
    for theirs in reversed(card_transactions.with_update(in_window, provider=run.provider)):
        _record(run, theirs)
    for name in page.unread:
        _leave_unread(run, name, Finding(Kind.TRANSACTION, "", "a movement that cannot be read", Resolution.OPEN))
    return Done(page.cursor, len(page.transactions) + len(page.unread))


def _leave_unread(run: SyncRun, name: str, finding: Finding) -> None:
    """Notes a row that cannot be read, for a person: nobody can tell whether it is here as well."""
    with transaction():
        record_difference(provider=run.provider, reference=name, finding=finding, actor=run.requested_by, run=run)


def _record(run: SyncRun, theirs: IssuerTransaction) -> None:
    with card_transactions.locked(theirs, provider=run.provider):
        finding = _finding(run, theirs)
        if finding is not None:
            record_difference(
                provider=run.provider, reference=theirs.id, finding=finding, actor=run.requested_by, run=run
            )


def _finding(run: SyncRun, theirs: IssuerTransaction) -> Finding | None:
    try:
        if card_transactions.record(theirs, provider=run.provider, source=CardTransaction.Source.SYNC):
            return Finding(Kind.MISSED_TRANSACTION, "", _words(theirs), Resolution.TAKEN_OVER)
        differs = card_transactions.difference(theirs, provider=run.provider)
    except transaction_rows.UnrecordableError as error:
        return Finding(Kind.TRANSACTION, "", error.message, Resolution.OPEN)
    return Finding(Kind.TRANSACTION, differs.ours, differs.theirs, Resolution.OPEN) if differs else None


def their_cards(run: SyncRun, issuer: Issuer) -> Done:
    """Compares each card that the issuer lists with ours."""
    page = issuer.list_cards(cursor=run.cursor)
    ours = {
        card.issuer_card_id: card
        for card in VirtualCard.objects.filter(
            issuer_provider=run.provider, issuer_card_id__in=[card.issuer_card_id for card in page.cards]
        )
    }
    for theirs in page.cards:
        card = ours.get(theirs.issuer_card_id)
        if card is None:
            _unknown_here(run, theirs)
        else:
            # The list was read before our rows, so a change since then is newer than the list.
            _compare_listed(run, issuer, card, theirs)
    return Done(page.cursor, len(page.cards))


def _compare_listed(run: SyncRun, issuer: Issuer, card: VirtualCard, theirs: IssuedCard) -> None:
    count = snapshot_of(card.pk)
    if _touched_since(card, run):
        # The list may be older than our own change of the card, so the issuer is asked about this card alone.
        fresh = ask(issuer, card.issuer_card_id)
        with_limits = limits_are_the_cards(issuer, card)
    else:
        fresh, with_limits = theirs, issuer.limits_each_card
    resolve_differences(count, fresh, actor=run.requested_by, with_limits=with_limits, run=run)


def _touched_since(card: VirtualCard, run: SyncRun) -> bool:
    return CardChange.objects.filter(card=card, updated_at__gte=run.updated_at).exists()


def _unknown_here(run: SyncRun, theirs: IssuedCard) -> None:
    """Opens a case for a card at the issuer that no card of ours names, unless its creation is still under way."""
    change = CardChange.objects.filter(key=theirs.key).first() if _is_key(theirs.key) else None
    if change is not None and change.status in states.OPEN_CHANGE:
        return
    if theirs.status == states.Card.CLOSED:
        return
    finding = Finding(Kind.UNKNOWN_HERE, "", theirs.status, Resolution.OPEN)
    with transaction():
        record_difference(
            provider=run.provider,
            reference=theirs.issuer_card_id,
            finding=finding,
            actor=run.requested_by,
            card=change.card if change else None,
            run=run,
        )
        open_card_case(theirs.issuer_card_id, f"The issuer has card {theirs.issuer_card_id}, and we do not know it.")


def our_cards(run: SyncRun, issuer: Issuer) -> Done:
    """Asks about each card of ours that the issuer's list did not contain."""
    unseen = VirtualCard.objects.filter(issuer_provider=run.provider, pk__gt=int(run.cursor or 0))
    unseen = unseen.exclude(issuer_card_id="").exclude(status=states.Card.CLOSED)
    unseen = unseen.exclude(last_synced_at__gte=run.started_at)
    cards = list(unseen.order_by("pk")[:OUR_PAGE])
    for card in cards:
        count: Snapshot = snapshot_of(card.pk)
        theirs, with_limits = ask(issuer, card.issuer_card_id), limits_are_the_cards(issuer, card)
        resolve_differences(count, theirs, actor=run.requested_by, with_limits=with_limits, run=run)
    return Done(str(cards[-1].pk) if len(cards) == OUR_PAGE else "", len(cards))


def _is_key(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def _words(theirs: IssuerTransaction) -> str:
    return f"{theirs.kind} {theirs.amount_minor} {theirs.currency}"


STAGES: dict[str, Callable[[SyncRun, Issuer], Done]] = {
    states.SyncStage.EVENTS: missed_events,
    states.SyncStage.TRANSACTIONS: transactions_page,
    states.SyncStage.THEIR_CARDS: their_cards,
    states.SyncStage.OUR_CARDS: our_cards,
}
