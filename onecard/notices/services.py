"""Writing notices beside their causes, and reading them."""

from django.db.models import QuerySet

from onecard.integrations import events
from onecard.kit import clock
from onecard.kit.display import in_english
from onecard.kit.insert_once import insert_once
from onecard.kit.transactions import require_transaction
from onecard.notices import choices, mails, references
from onecard.notices.kinds import EVENTS, MAILED_ELSEWHERE, Channel, Kind
from onecard.notices.models import Notice


def write(*, user_id: int, kind: Kind, cause: str, text: str, reference: str = "") -> Notice | None:
    """Writes a notice in the transaction of its cause; returns None when that cause has one already.

    Its mail and the events of the person's webhook endpoints are written with it.

    `cause` names what became true, such as decision:<uuid>, and `reference` what the person can look at, by the API's
    id. Raises TransactionError outside a transaction.
    """
    require_transaction(f"The notice of {cause}")
    channel = choices.channel_of(user_id, kind)
    row = Notice(
        user_id=user_id,
        kind=kind,
        cause=cause,
        title=in_english(kind.label),
        text=text[:500],
        reference=references.public(reference),
        is_shown=channel != Channel.OFF,
        created_at=clock.now(),
    )
    if not insert_once(row, unique=("cause",)):
        return None
    if channel == Channel.EMAIL and kind not in MAILED_ELSEWHERE:
        mails.intend(row)
    events.intend(
        public_id=row.public_id,
        user_id=user_id,
        event_type=EVENTS[kind],
        title=row.title,
        text=row.text,
        reference=row.reference,
    )
    return row


def kyc_changed(*, user_id: int, cause: str, text: str) -> Notice | None:
    """Writes that a person's identity check moved; `cause` is such as kyc:<id of the history's row>.

    `text` says in whole sentences how it stands and what the person can do; it names no document and no reason that
    the person may not know.
    """
    return write(user_id=user_id, kind=Kind.KYC_CHANGED, cause=cause, text=text, reference="profile:kyc")


def feed_of(user_id: int) -> "QuerySet[Notice]":
    """Returns the notices that a person sees."""
    return Notice.objects.filter(user_id=user_id, is_shown=True)


def mark_read(rows: "QuerySet[Notice]") -> int:
    """Marks notices as read that were not; returns how many. The first time stays."""
    return rows.filter(read_at=None).update(read_at=clock.now())
