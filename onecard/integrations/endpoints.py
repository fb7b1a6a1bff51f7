"""A person's webhook endpoints: made, changed, tried out, deleted, and given another secret."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from onecard.integrations import events, signing, switching, targets
from onecard.integrations.errors import EndpointOffError, TooManyEndpointsError
from onecard.integrations.models import Delivery, Endpoint
from onecard.integrations.switching import OffBy
from onecard.kit import clock
from onecard.kit.transactions import lock_name, transaction
from onecard.users.models import User

MOST: Final = 5


def of_person(user_id: int) -> "QuerySet[Endpoint]":
    """Returns a person's endpoints, without the deleted ones."""
    return Endpoint.objects.filter(user_id=user_id, deleted_at=None)


def create(user: User, *, url: str, description: str, wanted: Sequence[str], key: uuid.UUID, actor: str) -> Endpoint:
    """Makes an endpoint with a secret; the same `key` gives the same one again.

    Raises TargetRefusedError, TooManyEndpointsError, and SealError without a key that seals.
    """
    host = targets.read(url).host
    with transaction():
        lock_name(f"webhook-endpoints:{user.pk}")
        made = Endpoint.objects.filter(request_id=key, user=user).first()
        if made is not None:
            return made
        if of_person(user.pk).count() >= MOST:
            raise TooManyEndpointsError(
                format_lazy(
                    gettext_lazy("You have {most} webhook endpoints, which is the most: delete one first."),
                    most=str(MOST),
                )
            )
        now = clock.now()
        row = Endpoint(user=user, request_id=key, url=url, description=description, created_at=now, updated_at=now)
        row.events = sorted(set(wanted))
        signing.give_secret(row)
        row.save()
        # Parts of an address may be secrets of its owner's, so the trail has the host only.
        trail.record(actor=actor, action="webhook_endpoint.added", subject=row, host=host, events=row.events)
    return row


def change(
    endpoint: Endpoint,
    *,
    actor: str,
    is_on: bool | None = None,
    check: Callable[[Endpoint], None] = lambda _row: None,
    **wanted: Any,
) -> Endpoint:
    """Changes the address, the description, the types, or whether it is on; raises as `create` and `switch_on` do.

    `check` is called with the row under its lock, and raises to refuse.
    """
    with transaction():
        row = switching.locked(endpoint.pk)
        check(row)
        changed = {name: value for name, value in wanted.items() if value != getattr(row, name)}
        words: dict[str, Any] = {name: changed[name] for name in ("description", "events") if name in changed}
        if "url" in changed:
            words["host"] = targets.read(changed["url"]).host
        if changed:
            for name, value in changed.items():
                setattr(row, name, value)
            row.updated_at = clock.now()
            row.save(update_fields=[*changed, "updated_at"])
            trail.record(actor=actor, action="webhook_endpoint.changed", subject=row, changes=words)
        if is_on is True:
            switching.switch_on(row, actor=actor)
        elif is_on is False:
            switching.switch_off(row, by=OffBy.HOLDER, actor=actor)
    row.refresh_from_db()
    return row


def delete(endpoint: Endpoint, *, actor: str) -> None:
    """Deletes an endpoint; what waits for it is given up. The row stays, without its secrets."""
    with transaction():
        row = switching.locked(endpoint.pk)
        if row.deleted_at is not None:
            return
        gone: dict[str, Any] = {"deleted_at": clock.now(), "sealed_secret": "", "sealed_old_secret": ""}
        Endpoint.objects.filter(pk=row.pk).update(**gone)
        switching.give_up(Delivery.objects.filter(endpoint=row, status__in=switching.OPEN))
        trail.record(actor=actor, action="webhook_endpoint.deleted", subject=row)


def rotate(endpoint: Endpoint, *, key: uuid.UUID, actor: str) -> Endpoint:
    """Gives an endpoint another secret, beside which the old one signs for a day; the same `key` changes nothing."""
    with transaction():
        row = switching.locked(endpoint.pk)
        if row.rotation_id != key and row.deleted_at is None:
            now = clock.now()
            row.sealed_old_secret, row.old_secret_until = row.sealed_secret, now + signing.OLD_SIGNS_FOR
            row.rotation_id, row.updated_at = key, now
            signing.give_secret(row)
            row.save()
            trail.record(actor=actor, action="webhook_endpoint.secret_rotated", subject=row)
    return row


def send_test(endpoint: Endpoint) -> Delivery:
    """Sends an event that only tries the endpoint, at once and whatever it wants; raises EndpointOffError."""
    with transaction():
        row = switching.locked(endpoint.pk)
        refuse_if_off(row)
        Endpoint.objects.filter(pk=row.pk).update(paused_until=None)
        return events.write_test(row)


def refuse_if_off(endpoint: Endpoint) -> None:
    """Raises EndpointOffError for an endpoint that is switched off or deleted."""
    if not endpoint.is_on:
        raise EndpointOffError(gettext_lazy("This endpoint is switched off: switch it on first."))
