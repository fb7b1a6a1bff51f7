"""Tells a person that their webhook endpoint was switched off, since it did nothing but fail."""

from audit.models import Entry
from onecard.integrations.models import Endpoint
from onecard.kit.transactions import transaction
from onecard.notices import services
from onecard.notices.kinds import Kind


def switched_off(entry_id: int) -> None:
    """Writes the notice of an entry that switched an endpoint off, once."""
    entry = Entry.objects.get(pk=entry_id)
    endpoint = Endpoint.objects.get(pk=entry.subject_id)
    name = f" ({endpoint.description})" if endpoint.description else ""
    with transaction():
        services.write(
            user_id=endpoint.user_id,
            kind=Kind.WEBHOOK_OFF,
            cause=f"entry:{entry.pk}",
            text=f"Your webhook endpoint{name} has only failed since {entry.details['failing_since'][:10]}, so it is "
            f"switched off. The last answer: {entry.details['last']} Switch it on and replay what it missed once it "
            "works.",
            reference=f"webhook_endpoint:{endpoint.public_id}",
        )
