"""When an issuer refuses our credentials: writes the audit entry that the Issuers page and the alerts read."""

from audit import trail
from issuing.issuers.guard import alerts
from issuing.models import IssuerControl
from issuing.operations.control import AUTHENTICATION_FAILED
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox


def install() -> None:
    """Registers the alarm. Called once, when the process starts."""
    alerts.add_hook(write_entry)


def write_entry(provider: str, sentence: str) -> None:
    """Writes the audit entry, with the message that has the alerts evaluated at once."""
    with transaction():
        control, _ = IssuerControl.objects.get_or_create(provider=provider)
        trail.record(actor=f"issuer:{provider}", action=AUTHENTICATION_FAILED, subject=control, sentence=sentence)
        outbox.put(topic="alert.due")
