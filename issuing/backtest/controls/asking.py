"""Asking for the preview of a control; a worker then judges stored purchases (issuing/backtest/controls/preview.py)."""

import datetime as dt
from typing import Any, Final

from django.utils.translation import gettext as _

from issuing.models import ControlPreview, ControlVersion, Decision
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.row_counts import key_at
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from onecard.users.models import User

DEFAULT_DAYS: Final = 30
MOST_DAYS: Final = 90
TOPIC: Final = "controls.preview_requested"


class PreviewRefusedError(OneCardError):
    """A preview cannot be begun so. The message says why, for staff."""

    code = "control_preview_refused"


def ask(*, version: ControlVersion, user: User | None, days: int = DEFAULT_DAYS) -> ControlPreview:
    """Begins a preview of the version as it is now; asked again while the same one runs, gives that one.

    Raises PreviewRefusedError. `user` is None for a command.
    """
    if not 1 <= days <= MOST_DAYS:
        raise PreviewRefusedError(_("Choose 1 to %(most)s days.") % {"most": MOST_DAYS})
    with transaction():
        # Two who press the button at once get one preview.
        fresh = (
            ControlVersion.objects.select_for_update(no_key=True, of=("self",))
            .select_related("control")
            .get(pk=version.pk)
        )
        tried, running = tried_of(fresh), ControlPreview.Status.RUNNING
        same = {"tried": tried, "days": days, "status": running}
        found = fresh.previews.filter(**same).first()
        if found is not None:
            return found
        now = clock.now()
        since = now - dt.timedelta(days=days)
        first = key_at(Decision, "decided_at", since)
        preview = ControlPreview.objects.create(
            version=fresh, **same, asked_by=user, since=since, until=now, cursor=(first or 1) - 1, created_at=now,
            worked_at=now,
        )  # fmt: skip
        outbox.put(topic=TOPIC, preview_id=preview.pk)
    return preview


def tried_of(version: ControlVersion) -> dict[str, Any]:
    """Returns what a preview judges by: another value means that an earlier preview says nothing about it any more."""
    control = version.control
    return {
        "definition": version.definition,
        "scope": control.scope,
        "card": control.card_id,
        "cardholder": control.cardholder_id,
        "excluded_cards": sorted(control.excluded_card_ids),
        "excluded_cardholders": sorted(control.excluded_cardholder_ids),
    }


def newest_of(version: ControlVersion) -> ControlPreview | None:
    """Returns the newest finished preview of the version as it is now."""
    finished = version.previews.filter(status=ControlPreview.Status.FINISHED, tried=tried_of(version))
    return finished.order_by("-pk").first()


def progress_percent(preview: ControlPreview) -> int:
    """Returns how much of the period was looked at, in percent."""
    if preview.status != ControlPreview.Status.RUNNING:
        return 100
    if preview.reached_at is None:
        return 0
    done = (preview.reached_at - preview.since) / (preview.until - preview.since)
    return max(0, min(99, int(done * 100)))
