"""Imports VirtualCard documents in batches: compares them with the database, then writes the cards and their people."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.views.decorators.debug import sensitive_variables

from audit import trail
from issuing.card_data.vault import SEALED_COLUMNS, sealing_context
from issuing.legacy import stored_documents
from issuing.legacy.card_document import CardDraft
from issuing.legacy.deduplication import EarlierLines, IssuerId, Sorted, sort_drafts
from issuing.legacy.people import ACTOR, People
from issuing.legacy.summary import Summary
from issuing.models import LegacyDocument, VirtualCard
from onecard.kit import clock
from onecard.kit.crypto import seal
from onecard.users.models import User

KIND = LegacyDocument.Kind.VIRTUAL_CARD
_OLD_TIMES: Final = """
UPDATE issuing_virtualcard SET created_at = old.created_at, updated_at = old.updated_at
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS old (id, created_at, updated_at)
WHERE issuing_virtualcard.id = old.id
"""


@dataclass(slots=True)
class CardBatches:
    """Imports cards batch by batch and remembers which cardholder each old user became."""

    people: People = field(default_factory=People)
    _users: dict[str, User] = field(default_factory=dict)
    _keys: dict[str, int] = field(default_factory=dict)

    def sort(self, drafts: Sequence[CardDraft], earlier: EarlierLines) -> Sorted[CardDraft]:
        """Sorts a batch into new, unchanged and bad documents; only reads the database."""
        self._users = self.people.matched(drafts)
        found = sort_drafts(drafts, kind=KIND, earlier=earlier, taken=_taken(drafts))
        self.people.learn(found.unchanged)
        return found

    def write(self, drafts: Sequence[CardDraft], summary: Summary) -> None:
        """Inserts new cards with their people, documents and audit entries, in the caller's transaction."""
        self._keys, summary.people = self.people.found_or_made(drafts, self._users)
        cards = VirtualCard.objects.bulk_create([self._card(draft) for draft in drafts])
        _set_times(cards, drafts)
        stored_documents.store(drafts, cards, column="card")
        for card, draft in zip(cards, drafts, strict=True):
            _record(card, draft)
            _count(card, draft, summary)

    def committed(self) -> None:
        """Remembers the people of the batch, now that its transaction is committed."""
        self.people.cardholder_ids |= self._keys
        self._keys = {}

    @sensitive_variables()
    def _card(self, draft: CardDraft) -> VirtualCard:
        card = VirtualCard(cardholder_id=self._keys[draft.user_id], **draft.columns)
        for column, text in _sealed(card, draft).items():
            setattr(card, column, text)
        return card


def _taken(drafts: Sequence[CardDraft]) -> dict[IssuerId, str]:
    wanted = [draft.columns["issuer_card_id"] for draft in drafts if draft.columns["issuer_card_id"]]
    cards = VirtualCard.objects.filter(issuer_card_id__in=wanted)
    return {
        (provider, issuer_id): f"card {pk}"
        for pk, provider, issuer_id in cards.values_list("pk", "issuer_provider", "issuer_card_id")
    }


@sensitive_variables()
def _sealed(card: VirtualCard, draft: CardDraft) -> dict[str, str]:
    """Seals the number and the code under our key if they came in plain digits and STORE_CARD_DATA is on."""
    if not (settings.STORE_CARD_DATA and draft.number):
        return {}
    return {
        column: seal(text, context=sealing_context(column=column, public_id=card.public_id))
        for column, text in zip(SEALED_COLUMNS, (draft.number, draft.cvv), strict=True)
        if text
    }


def _set_times(cards: Sequence[VirtualCard], drafts: Sequence[CardDraft]) -> None:
    """Sets the old creation and change times by a second statement, because an insert sets the present moment."""
    now = clock.now()
    created = [draft.created_at or draft.updated_at or now for draft in drafts]
    updated = [draft.updated_at or made for draft, made in zip(drafts, created, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_OLD_TIMES, [[card.pk for card in cards], created, updated])


def _record(card: VirtualCard, draft: CardDraft) -> None:
    details: dict[str, Any] = {"legacy_id": draft.legacy_id, "line": str(draft.place), "status": card.status}
    trail.record(actor=ACTOR, action="card.imported", subject=card, **details)
    if card.encrypted_card_number:
        trail.record(actor=ACTOR, action="card_data.stored", subject=card, with_cvv=bool(card.encrypted_cvv))


def _count(card: VirtualCard, draft: CardDraft, summary: Summary) -> None:
    summary.cards += 1
    summary.card_data_sealed += bool(card.encrypted_card_number)
    summary.card_data_dropped += draft.had_card_data and not card.encrypted_card_number
