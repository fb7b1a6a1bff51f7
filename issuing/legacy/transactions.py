"""A batch of Transaction documents: finds their cards, compares them with the database, writes them with evidence."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.contrib.contenttypes.models import ContentType

from audit import trail
from issuing.legacy import stored_documents
from issuing.legacy.card_document import CardDraft
from issuing.legacy.deduplication import EarlierLines, IssuerId, Sorted, sort_drafts
from issuing.legacy.people import ACTOR, USERNAME_PREFIX
from issuing.legacy.summary import Summary
from issuing.legacy.transaction_document import CardRef, TransactionDraft, complete
from issuing.models import CardTransaction, LegacyDocument, VirtualCard
from onecard.kit import clock

KIND = LegacyDocument.Kind.TRANSACTION


@dataclass(slots=True)
class TransactionBatches:
    """Imports transactions batch by batch; `planned` are the cards that a dry run would have made."""

    planned: dict[str, CardRef] = field(default_factory=dict)

    def plan(self, drafts: Sequence[CardDraft]) -> None:
        """In a dry run, lets transactions point to cards that would have been made."""
        for draft in drafts:
            provider, issuer_id = draft.issuer_id
            card = CardRef(None, provider, draft.columns["currency"], draft.user_id)
            self.planned |= {issuer_id: card, draft.legacy_id: card}

    def sort(self, drafts: Sequence[TransactionDraft], earlier: EarlierLines) -> Sorted[TransactionDraft]:
        """Finds each document's card and sorts the batch; only reads the database."""
        cards = self._cards({draft.card_id for draft in drafts if draft.card_id})
        for draft in drafts:
            complete(draft, cards.get(draft.card_id))
        return sort_drafts(drafts, kind=KIND, earlier=earlier, taken=_taken(drafts))

    def write(self, drafts: Sequence[TransactionDraft], summary: Summary) -> None:
        """Inserts new transactions with their documents, and one audit entry for all of them."""
        rows = CardTransaction.objects.bulk_create([_row(draft) for draft in drafts])
        stored_documents.store(drafts, rows, column="card_transaction")
        _record(rows, drafts)
        summary.transactions = len(drafts)
        summary.without_amount = sum(not draft.has_amount for draft in drafts)
        summary.without_time = sum(draft.occurred_at is None for draft in drafts)
        summary.of_another_user = sum(_is_of_another_user(draft) for draft in drafts)

    def committed(self) -> None:
        """Does nothing: transactions need nothing to be remembered between batches."""

    def _cards(self, wanted: set[str]) -> dict[str, CardRef]:
        """Finds cards by the old document's id, or else by the issuer's id where only one card has it."""
        here = _by_issuer_id(wanted) | _by_legacy_id(wanted)
        return {key: self.planned[key] for key in wanted & self.planned.keys()} | here


def _by_legacy_id(wanted: set[str]) -> dict[str, CardRef]:
    documents = LegacyDocument.objects.filter(kind=LegacyDocument.Kind.VIRTUAL_CARD, legacy_id__in=wanted)
    rows = documents.values_list(
        "legacy_id", "card_id", "card__issuer_provider", "card__currency", "card__cardholder__user__username"
    )
    return {
        legacy_id: _ref(pk, provider, currency, username)
        for legacy_id, pk, provider, currency, username in rows
        if pk is not None
    }


def _by_issuer_id(wanted: set[str]) -> dict[str, CardRef]:
    cards = VirtualCard.objects.filter(issuer_card_id__in=wanted)
    rows = list(cards.values_list("issuer_card_id", "pk", "issuer_provider", "currency", "cardholder__user__username"))
    times = Counter(row[0] for row in rows)
    return {
        issuer_id: _ref(pk, provider, currency, username)
        for issuer_id, pk, provider, currency, username in rows
        if times[issuer_id] == 1
    }


def _ref(pk: int, provider: str, currency: str, username: str) -> CardRef:
    """Returns a reference to a card, with the old user's id if the import made the card's login."""
    of_old_user = username.startswith(USERNAME_PREFIX)
    return CardRef(pk, provider, currency, username.removeprefix(USERNAME_PREFIX) if of_old_user else "")


def _taken(drafts: Sequence[TransactionDraft]) -> dict[IssuerId, str]:
    wanted = [draft.columns["issuer_transaction_id"] for draft in drafts if draft.columns["issuer_transaction_id"]]
    rows = CardTransaction.objects.filter(issuer_transaction_id__in=wanted)
    return {
        (provider, issuer_id): f"transaction {pk}"
        for pk, provider, issuer_id in rows.values_list("pk", "provider", "issuer_transaction_id")
    }


def _row(draft: TransactionDraft) -> CardTransaction:
    if draft.card is None:
        raise ValueError(f"{draft.place} has no card, so it cannot be written.")
    now = clock.now()
    return CardTransaction(
        provider=draft.card.provider,
        card_id=draft.card.pk,
        source=CardTransaction.Source.LEGACY,
        occurred_at=draft.occurred_at or now,
        recorded_at=now,
        **draft.columns,
    )


def _record(rows: Sequence[CardTransaction], drafts: Sequence[TransactionDraft]) -> None:
    """Writes one audit entry for the batch; its subject is the kind of row, since it is about many rows."""
    trail.record(
        actor=ACTOR,
        action="card_transactions.imported",
        subject=ContentType.objects.get_for_model(CardTransaction),
        count=len(rows),
        first_id=rows[0].pk,
        last_id=rows[-1].pk,
        lines=f"{drafts[0].place} to {drafts[-1].place}",
    )


def _is_of_another_user(draft: TransactionDraft) -> bool:
    return draft.card is not None and draft.card.user_id not in ("", draft.user_id)
