"""What the mail and the webhook about an incident say, written in the transaction of its cause."""

import datetime as dt
import json
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from onecard.alerts.models import AlertMessage, Incident
from onecard.alerts.registry import rule_of
from onecard.alerts.states import Channel, Occasion
from onecard.integrations.events import TIME
from onecard.kit import clock
from onecard.kit.display import in_english
from onecard.kit.transactions import require_transaction
from onecard.outbox import services as outbox

RUNBOOK: Final = "docs/runbook.md"
# A mail wakes somebody, so the end of an incident sends none.
MAILED: Final = (Occasion.OPENED, Occasion.TEST)


def intend(incident: Incident | None, occasion: Occasion) -> list[AlertMessage]:
    """Writes the messages of an occasion, one for each way that is set; raises TransactionError outside a transaction.

    `incident` is None for a test.
    """
    require_transaction("The messages of an incident")
    now = clock.now()
    written = []
    for channel in channels(occasion):
        row = AlertMessage(incident=incident, occasion=occasion, channel=channel)
        row.created_at = row.updated_at = row.next_attempt_at = now
        row.subject = _subject(incident)
        row.body = _mail(incident) if channel == Channel.MAIL else json.dumps(_event(row, incident))
        row.save()
        outbox.put(topic="alert.send", message_id=row.pk)
        written.append(row)
    return written


def channels(occasion: Occasion) -> list[Channel]:
    """Returns the ways that a message of an occasion goes, as the deployment has set them."""
    has_mail = bool(mail_addresses()) and occasion in MAILED
    return [*([Channel.MAIL] if has_mail else []), *([Channel.WEBHOOK] if settings.ALERTS.webhook_url else [])]


def mail_addresses() -> list[str]:
    """Returns who gets the mails: ALERT_MAILS, else ADMINS."""
    return settings.ALERTS.mails or [address for _name, address in settings.ADMINS]


def receiver_of(row: AlertMessage) -> str:
    """Returns where a message goes by today's settings: the addresses of a mail, the host of a webhook."""
    if row.channel == Channel.MAIL:
        return ", ".join(mail_addresses())
    # The rest of an address may be a secret.
    return urlsplit(settings.ALERTS.webhook_url).hostname or ""


def runbook_of(incident: Incident) -> str:
    """Returns where the runbook says what to do: an address where RUNBOOK_URL is set, else the file."""
    rule = rule_of(incident.kind)
    return runbook_section(in_english(rule.label) if rule else "")


def runbook_section(heading: str) -> str:
    """Returns where the runbook has the section with this English heading: an address, or the file."""
    anchor = "".join(each for each in heading.lower().replace(" ", "-") if each.isalnum() or each == "-")
    return f"{settings.ALERTS.runbook_url or RUNBOOK}#{anchor}"


def _subject(incident: Incident | None) -> str:
    if incident is None:
        return "Test of the alerts"
    return f"{in_english(incident.get_severity_display())}: {_title(incident)}"[:200]


def _mail(incident: Incident | None) -> str:
    if incident is None:
        return "Somebody tried whether the mails of the alerts arrive. There is nothing to do.\n"
    rule = rule_of(incident.kind)
    lines = [
        incident.summary,
        "",
        f"What to do: {in_english(rule.to_do) if rule else ''}",
        f"Runbook: {runbook_of(incident)}",
        *([f"Look at: {settings.PUBLIC_URL}{incident.page}"] if incident.page else []),
        f"Acknowledge: {settings.PUBLIC_URL}{_page_of(incident)}",
        "",
        f"Since: {incident.opened_at:%Y-%m-%d %H:%M:%S} UTC. It is resolved by itself when the cause is gone.",
    ]
    return "\n".join(lines) + "\n"


def _event(row: AlertMessage, incident: Incident | None) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "type": str(row.occasion),
        "created_at": _time(row.created_at),
        "data": {"incident": _shape(incident)} if incident else {},
    }


def _shape(incident: Incident) -> dict[str, Any]:
    rule = rule_of(incident.kind)
    return {
        "id": str(incident.public_id),
        "kind": incident.kind,
        "key": incident.key,
        "severity": str(incident.severity),
        "status": str(incident.status),
        "title": _title(incident),
        "summary": incident.summary,
        "to_do": in_english(rule.to_do) if rule else "",
        "runbook": runbook_of(incident),
        "page": f"{settings.PUBLIC_URL}{_page_of(incident)}",
        "opened_at": _time(incident.opened_at),
        "resolved_at": _time(incident.resolved_at),
    }


def _title(incident: Incident) -> str:
    with translation.override(settings.LANGUAGE_CODE):
        return str(incident)


def _page_of(incident: Incident) -> str:
    return reverse("admin:alerts_incident_change", args=[incident.pk])


def _time(at: dt.datetime | None) -> str | None:
    return at.astimezone(dt.UTC).strftime(TIME) if at else None
