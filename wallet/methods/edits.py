"""One edit of a funding card, with its audit entry."""

from typing import Any

from audit import trail
from onecard.kit import clock
from onecard.kit.transactions import require_transaction
from wallet.models import FundingMethod


def edit(method: FundingMethod, *, actor: str, **wanted: Any) -> None:
    """Changes what differs, with one audit entry that has the old and new values. Call under the wallet's lock."""
    require_transaction("The edit of a card")
    new = {name: value for name, value in wanted.items() if getattr(method, name) != value}
    if not new:
        return
    FundingMethod.objects.filter(pk=method.pk).update(**new, updated_at=clock.now())
    changes = {name: [_plain(getattr(method, name)), _plain(value)] for name, value in new.items()}
    trail.record(actor=actor, action="method.changed", subject=method, changes=changes)
    for name, value in new.items():
        setattr(method, name, value)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | bool | None) else str(value)
