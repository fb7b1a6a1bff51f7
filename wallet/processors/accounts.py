"""Staff's changes of our processor accounts: the pass-through switch and the fees, each with a reason in the trail."""

from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from wallet.models import Network, ProcessorAccount, ProcessorFee
from wallet.models.processor_accounts import MOST_BP

Provider = ProcessorAccount.Provider


class AccountChangeRefusedError(OneCardError):
    """A processor account cannot be changed so. The message says why; nothing was changed."""

    code = "processor_account_refused"


def charging() -> ProcessorAccount | None:
    """Returns the account through which funding cards are charged: that of the API key, else the one for any other.

    None only where even that row is missing. One query.
    """
    names = (settings.STRIPE_ACCOUNT_ID, "")
    found = ProcessorAccount.objects.filter(provider=Provider.STRIPE, account_id__in=names).order_by("-account_id")
    return found.first()


def passes_mcc(account: ProcessorAccount | None) -> bool:
    """Returns whether the card's issuer sees the merchant's category; MERCHANT_MCC_PASSED_THROUGH until staff say so.

    An account that staff have not judged yet is as the environment says.
    """
    said = account.passes_mcc if account is not None else None
    return bool(settings.MERCHANT_MCC_PASSED_THROUGH) if said is None else said


def add(*, account_id: str, reason: str, actor: str) -> ProcessorAccount:
    """Adds a row for one account; it passes nothing through until staff say so. Raises AccountChangeRefusedError."""
    words = checked_reason(reason, error=AccountChangeRefusedError)
    with transaction():
        row, is_new = ProcessorAccount.objects.get_or_create(
            provider=Provider.STRIPE, account_id=account_id, defaults={"passes_mcc": False}
        )
        if not is_new:
            raise AccountChangeRefusedError(_("This account has a row already: change that one."))
        trail.record(actor=actor, action="processor_account.added", subject=row, account=account_id, reason=words)
    return row


def switch(*, account: ProcessorAccount, passes: bool, shown_version: int, reason: str, actor: str) -> None:
    """Says whether the account passes the merchant's category through, from the next purchase on.

    Raises AccountChangeRefusedError when it says so already, or when the page showed another version.
    """
    words = checked_reason(reason, error=AccountChangeRefusedError)
    with transaction():
        fresh = ProcessorAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if fresh.version != shown_version:
            raise AccountChangeRefusedError(_("Somebody changed this account meanwhile. Open the page again."))
        if fresh.passes_mcc == passes:
            raise AccountChangeRefusedError(_("The account says so already: nothing was changed."))
        changes = {"passes_mcc": [fresh.passes_mcc, passes]}
        ProcessorAccount.objects.filter(pk=fresh.pk).update(passes_mcc=passes, updated_at=clock.now())
        trail.record(
            actor=actor, action="processor_account.switched", subject=fresh, changes=changes, reason=words
        )  # fmt: skip


def set_fee(*, account: ProcessorAccount, network: str, percent: Decimal, reason: str, actor: str) -> ProcessorFee:
    """Sets what the processor takes of a charge to a card of the network. Raises AccountChangeRefusedError."""
    words = checked_reason(reason, error=AccountChangeRefusedError)
    basis_points = percent.scaleb(2)
    if basis_points != int(basis_points) or not 0 <= basis_points <= MOST_BP or network not in Network.values:
        raise AccountChangeRefusedError(_("A fee is 0 to 20 percent, with at most two decimals."))
    with transaction():
        ProcessorAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        known = ProcessorFee.objects.filter(account=account, network=network).first()
        was = known.fee_bp if known else None
        if was == basis_points:
            raise AccountChangeRefusedError(_("The fee is that already: nothing was changed."))
        fee, _new = ProcessorFee.objects.update_or_create(
            account=account, network=network, defaults={"fee_bp": int(basis_points)}
        )
        trail.record(
            actor=actor, action="processor_account.fee_set", subject=account, network=network,
            changes={"fee_bp": [was, fee.fee_bp]}, reason=words,
        )  # fmt: skip
    return fee
