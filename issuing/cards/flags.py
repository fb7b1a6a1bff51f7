"""Compliance flags of one card, set and cleared by staff; those of a person are in wallet/kyc/flags.py."""

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from issuing.errors import CardRefusedError
from issuing.models import VirtualCard
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from wallet.states import BLOCKING_FLAGS, ComplianceFlag


def set_flag(*, card: VirtualCard, flag: str, reason: str, requested_by: str) -> VirtualCard:
    """Sets a flag; the next decision reads it. Raises CardRefusedError without a reason, or when it is set already."""
    if flag not in ComplianceFlag.values:
        raise CardRefusedError(
            format_lazy(
                gettext_lazy("{flag} is no compliance flag; choose one of: {choices}."),
                flag=repr(flag),
                choices=", ".join(ComplianceFlag.values),
            )
        )
    return _change(card, flag, reason, requested_by, is_set=True)


def clear_flag(*, card: VirtualCard, flag: str, reason: str, requested_by: str) -> VirtualCard:
    """Clears a flag, also one of the old system's; raises CardRefusedError without a reason, or when it is not set."""
    return _change(card, flag, reason, requested_by, is_set=False)


def is_blocked(card: VirtualCard) -> bool:
    """Returns whether a flag of the card stops every purchase with it."""
    return bool(set(flags_of(card)) & set(BLOCKING_FLAGS))


def flags_of(card: VirtualCard) -> list[str]:
    """Returns the flags of a card; those of the old system may be any text."""
    return [str(flag) for flag in card.compliance_flags or []]


def _change(card: VirtualCard, flag: str, reason: str, requested_by: str, *, is_set: bool) -> VirtualCard:
    words = checked_reason(reason, error=CardRefusedError)
    with transaction():
        locked = VirtualCard.objects.select_for_update(no_key=True, of=("self",)).get(pk=card.pk)
        flags = flags_of(locked)
        if (flag in flags) == is_set:
            raise CardRefusedError("This flag is set already." if is_set else "This flag is not set.")
        flags = [*flags, flag] if is_set else [each for each in flags if each != flag]
        VirtualCard.objects.filter(pk=card.pk).update(compliance_flags=flags, updated_at=clock.now())
        action = "card.flag_set" if is_set else "card.flag_cleared"
        trail.record(actor=requested_by, action=action, subject=locked, flag=flag, reason=words)
    locked.compliance_flags = flags
    return locked
