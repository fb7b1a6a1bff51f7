"""Compliance flags of a person, which staff or an issuer set; some of them stop every purchase."""

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from wallet.kyc.moves import LONGEST, KycError, lock_person
from wallet.models import Cardholder
from wallet.states import BLOCKING_FLAGS, ComplianceFlag


def set_flag(*, cardholder_id: int, flag: str, reason: str, actor: str) -> Cardholder:
    """Sets a flag; the next decision reads it. Raises KycError without a reason, or when it is set already."""
    return _change(cardholder_id, flag, reason, actor, is_set=True)


def clear_flag(*, cardholder_id: int, flag: str, reason: str, actor: str) -> Cardholder:
    """Clears a flag; raises KycError without a reason, or when it is not set."""
    return _change(cardholder_id, flag, reason, actor, is_set=False)


def is_blocked(holder: Cardholder) -> bool:
    """Returns whether a flag of the person stops every purchase and card."""
    return bool(set(holder.compliance_flags) & set(BLOCKING_FLAGS))


def checked_flag(flag: str) -> str:
    """Returns a known flag; raises KycError for another one."""
    if flag not in ComplianceFlag.values:
        raise KycError(
            format_lazy(
                gettext_lazy("{flag} is no compliance flag; choose one of: {choices}."),
                flag=repr(flag),
                choices=", ".join(ComplianceFlag.values),
            )
        )
    return flag


def _change(cardholder_id: int, flag: str, reason: str, actor: str, *, is_set: bool) -> Cardholder:
    words, flag = checked_reason(reason, error=KycError, longest=LONGEST), checked_flag(flag)
    with transaction():
        holder = lock_person(cardholder_id)
        if (flag in holder.compliance_flags) == is_set:
            raise KycError("This flag is set already." if is_set else "This flag is not set.")
        others = [each for each in holder.compliance_flags if each != flag]
        holder.compliance_flags = sorted([*others, flag] if is_set else others)
        Cardholder.objects.filter(pk=holder.pk).update(compliance_flags=holder.compliance_flags, updated_at=clock.now())
        action = "cardholder.flag_set" if is_set else "cardholder.flag_cleared"
        trail.record(actor=actor, action=action, subject=holder, flag=flag, reason=words)
    return holder
