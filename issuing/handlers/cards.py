"""Handles card and cardholder updates from an issuer.

An update only triggers a comparison with the issuer's present state. Updates may be late, repeated or out of order, and
most are the echo of our own changes. So unless an update reports exactly what we hold, the card is compared with the
issuer's present state (issuing/sync). Until then, a card that its issuer reports as stopped buys nothing
(issuing/cards/due_comparisons.py).
"""

import datetime as dt

from issuing import states
from issuing.cards import due_comparisons
from issuing.cards.comparison_rules import compare
from issuing.handlers import identity
from issuing.inbox.bodies import body_of
from issuing.inbox.content import content_of
from issuing.issuers.base import IssuedCard, IssuerError
from issuing.issuers.marqeta import objects as marqeta_objects
from issuing.issuers.marqeta.timestamps import happened_at
from issuing.issuers.stripe import objects as stripe_objects
from issuing.issuers.stripe.events import parse_envelope
from issuing.models import IssuerAccount, IssuerEvent, Provider, VirtualCard
from onecard.kit.text import clean_text
from onecard.kit.transactions import require_transaction

Result = tuple[str, str]
HANDLED: Result = (states.Event.HANDLED, "")
# States of cards and holders that stop nothing, at either issuer: they may buy, or were never active.
BUYS_OR_IS_NEW = frozenset({"active", "unactivated", "unverified"})
# An issuer repeats itself for some days; one card does not get more updates in that time.
MOST_EVENTS = 50
CARDHOLDER_EVENTS = ("issuing_cardholder.", "usertransition.")


def apply(event: IssuerEvent) -> Result:
    """Requests a comparison of the cards concerned, in the caller's transaction; returns status and reason."""
    require_transaction("An update of a card")
    if event.event_type.startswith(CARDHOLDER_EVENTS):
        return _about_holder(event)
    card = VirtualCard.objects.filter(issuer_provider=event.provider, issuer_card_id=event.object_id).first()
    if not event.object_id or card is None:
        return states.Event.KEPT, "The card is not one of ours; the issuer sync finds out whether it should be."
    if not _says_what_we_hold(event, card):
        due_comparisons.request([card], stop_reported=_reports_a_stop(event), reported_at=_reported_at(event))
    return HANDLED


def _about_holder(event: IssuerEvent) -> Result:
    account = IssuerAccount.objects.filter(provider=event.provider, issuer_cardholder_id=event.object_id).first()
    if not event.object_id or account is None:
        return states.Event.KEPT, "The cardholder is not one of ours."
    cards = VirtualCard.objects.filter(issuer_provider=event.provider, cardholder_id=account.cardholder_id)
    identity.follow(event, account, reported_at=_reported_at(event))
    living = cards.exclude(issuer_card_id="").exclude(status=states.Card.CLOSED)
    due_comparisons.request(living, stop_reported=_reports_a_stop(event), reported_at=_reported_at(event))
    return HANDLED


def _reports_a_stop(event: IssuerEvent) -> bool:
    """Returns whether the update stops the card or its holder; an unknown status may mean that too.

    A stop that ended before a newer update stops nothing, in whatever order the two arrive. Of two reports from the
    same moment the stop counts.
    """
    return _is_stop(event) and not _ended_meanwhile(event)


def _is_stop(event: IssuerEvent) -> bool:
    word = _status_word(event)
    return bool(word) and word.lower() not in BUYS_OR_IS_NEW


def _ended_meanwhile(event: IssuerEvent) -> bool:
    """Returns whether a later update about the same card or holder was handled already, and allows purchases."""
    handled = IssuerEvent.objects.filter(provider=event.provider, status=states.Event.HANDLED)
    same = handled.filter(object_id=event.object_id, event_type__startswith=_family(event))
    latest = same.order_by("-pk")[:MOST_EVENTS]
    last = max(latest, key=_reported_at, default=None)
    return last is not None and _reported_at(last) > _reported_at(event) and not _is_stop(last)


def _family(event: IssuerEvent) -> str:
    """Returns the common prefix of all event types about a card, or about a holder."""
    return event.event_type.partition(".")[0] + "."


def _status_word(event: IssuerEvent) -> str:
    content = content_of(event)
    # Marqeta's user transitions name the state in either field.
    return clean_text(content.get("state") or content.get("status"), limit=40)


def _reported_at(event: IssuerEvent) -> dt.datetime:
    """Returns when the issuer says that it happened, or when we received it."""
    if event.provider == Provider.MARQETA:
        return happened_at(content_of(event)) or event.received_at
    return parse_envelope(body_of(event)).reported_at or event.received_at


def _says_what_we_hold(event: IssuerEvent, card: VirtualCard) -> bool:
    """Returns whether it is the echo of our own change, which needs no request to the issuer."""
    if event.provider == Provider.MARQETA:
        return marqeta_objects.read_state(_status_word(event)) == card.status
    reported = _stripe_card(event)
    return reported is not None and not compare(card, reported, with_limits=True)


def _stripe_card(event: IssuerEvent) -> IssuedCard | None:
    try:
        return stripe_objects.read_card(content_of(event))
    except IssuerError:
        return None
