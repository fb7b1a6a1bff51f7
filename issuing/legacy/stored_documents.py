"""Stores the documents of a batch beside the rows that were made from them."""

from collections.abc import Sequence
from typing import Literal

from issuing.legacy.draft import Draft
from issuing.legacy.extended_json import storable
from issuing.models import CardTransaction, LegacyDocument, VirtualCard
from onecard.kit import clock


def store(
    drafts: Sequence[Draft],
    rows: Sequence[VirtualCard | CardTransaction],
    *,
    column: Literal["card", "card_transaction"],
) -> None:
    """Stores each draft's document; `column` names the row that was made from it."""
    now = clock.now()
    LegacyDocument.objects.bulk_create(
        LegacyDocument(
            kind=draft.kind,
            legacy_id=draft.legacy_id,
            digest=draft.digest,
            document=storable(draft.document),
            imported_at=now,
            **{column: row},
        )
        for draft, row in zip(drafts, rows, strict=True)
    )
