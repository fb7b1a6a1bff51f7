"""What an issuer tells of a card or its holder. The news says that something changed; how it stands is asked anew.

News may be late, repeated or out of order, and most of it is the echo of our own changes. So it is never taken at its
word: unless it says just what we hold, the card is compared with the issuer as it is by then (issuing/sync).
"""

from collections.abc import Iterable

from issuing import states
from issuing.events import parse_envelope
from issuing.issuers import marqeta_shapes, stripe_shapes
from issuing.issuers.base import IssuedCard, IssuerError
from issuing.marqeta_events import read_object
from issuing.models import IssuerAccount, IssuerEvent, Provider, VirtualCard
from issuing.sync.rules import compare
from onecard.kit.text import clean_text
from onecard.kit.transactions import require_transaction
from onecard.outbox import services as outbox

Result = tuple[str, str]
HANDLED: Result = (states.Event.HANDLED, "")
HOLDER_NEWS = ("issuing_cardholder.", "usertransition.")


def act(event: IssuerEvent) -> Result:
    """Has whatever the news is about compared, by messages in the caller's transaction; gives status and reason."""
    require_transaction("News of a card")
    if event.event_type.startswith(HOLDER_NEWS):
        return _about_holder(event)
    card = VirtualCard.objects.filter(issuer_provider=event.provider, issuer_card_id=event.object_id).first()
    if not event.object_id or card is None:
        return states.Event.KEPT, "The card is not one of ours; the issuer sync tells if it should be."
    if not _says_what_we_hold(event, card):
        _compare([card])
    return HANDLED


def _about_holder(event: IssuerEvent) -> Result:
    account = IssuerAccount.objects.filter(provider=event.provider, issuer_cardholder_id=event.object_id).first()
    if not event.object_id or account is None:
        return states.Event.KEPT, "The cardholder is not one of ours."
    cards = VirtualCard.objects.filter(issuer_provider=event.provider, cardholder_id=account.cardholder_id)
    _compare(cards.exclude(issuer_card_id="").exclude(status=states.Card.CLOSED))
    return HANDLED


def _compare(cards: Iterable[VirtualCard]) -> None:
    for card in cards:
        outbox.put(topic="card.sync_requested", card_id=card.pk)


def _says_what_we_hold(event: IssuerEvent, card: VirtualCard) -> bool:
    """The echo of our own change, which needs no question to the issuer."""
    body = bytes(event.body)
    if event.provider == Provider.MARQETA:
        return _marqeta_status(body) == card.status
    told = _stripe_card(body)
    return told is not None and not compare(card, told, with_limits=True)


def _stripe_card(body: bytes) -> IssuedCard | None:
    try:
        return stripe_shapes.read_card(parse_envelope(body).content)
    except IssuerError:
        return None


def _marqeta_status(body: bytes) -> str:
    rows: object = next(iter(read_object(body).values()), None)
    row: object = rows[0] if isinstance(rows, list) and rows else None
    return marqeta_shapes.read_state(clean_text(row.get("state"), limit=20)) if isinstance(row, dict) else ""
