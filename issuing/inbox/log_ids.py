"""Which purchase a question or an event is about, for the log lines that are written while it is worked on."""

from issuing.issuers.messages import AuthorizationRequest, Envelope
from issuing.models import IssuerEvent
from onecard.kit import log_context
from onecard.kit.text import clean_text

# What begins the type of an event whose object is a purchase, or a message that belongs to one.
ABOUT_PURCHASES = ("issuing_authorization.", "jit.", "transaction.")


def bind_question(asked: AuthorizationRequest) -> None:
    """Binds the ids of an authorization request; every decision comes here."""
    log_context.bind_question(asked.provider, asked.event_id, asked.authorization_id)


def bind_event(provider: str, envelope: Envelope) -> None:
    """Binds the ids of an event."""
    log_context.bind(provider=provider, event_id=envelope.id, authorization_id=_purchase_of(envelope))


def bind_stored(event: IssuerEvent, envelope: Envelope | None) -> None:
    """Binds the ids of an event in the inbox; `envelope` is its content where that is read already."""
    is_about = event.event_type.startswith(ABOUT_PURCHASES)
    purchase = _purchase_of(envelope) if envelope else event.object_id if is_about else ""
    log_context.bind(provider=event.provider, event_id=event.event_id, authorization_id=purchase)


def _purchase_of(envelope: Envelope) -> str:
    """Returns the issuer's id of the purchase; a capture names its own, everything else has none."""
    if envelope.type.startswith(ABOUT_PURCHASES):
        return envelope.object_id
    return clean_text(envelope.content.get("authorization"), limit=120)
