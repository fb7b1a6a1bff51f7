"""Whether a funding method can be charged now, outside a purchase. Routing has its own check (routing/engine.py)."""

from collections.abc import Iterable, Sequence

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.sentences import in_a_sentence
from wallet.models import Cardholder, FundingMethod


class UnusableMethodError(OneCardError):
    """The funding method cannot be charged; the message is fit for the cardholder's eyes."""

    code = "funding_method_unusable"


def lock_wallet(cardholder_id: int) -> Cardholder:
    """Locks a wallet and returns it: the first lock of any change to a person's cards, in the caller's transaction.

    A trigger raises the wallet's version when a card changes. Whoever locked the card first would wait for the wallet
    while the wallet's owner waits for the card.
    """
    return Cardholder.objects.select_for_update(no_key=True).get(pk=cardholder_id)


def refuse_unusable(method: FundingMethod, *, currency: str, even_cooling: bool = False) -> None:
    """Raises UnusableMethodError for a method that is disabled, expired, cooling down or of another currency.

    `even_cooling` accepts a method that was declined a short while ago: a retry is about that decline.
    """
    today = clock.local_day(clock.now(), method.cardholder.time_zone)
    if method.status != FundingMethod.Status.ACTIVE:
        raise UnusableMethodError(
            format_lazy(
                gettext_lazy("{method} is {status}; choose another card."),
                method=str(method),
                status=in_a_sentence(FundingMethod.Status(method.status).label),
            )
        )
    if (method.expiry_year, method.expiry_month) < (today.year, today.month):
        raise UnusableMethodError(
            format_lazy(gettext_lazy("{method} has expired; choose another card."), method=str(method))
        )
    if not method.cardholder.processor_customer_id:
        raise UnusableMethodError(
            format_lazy(
                gettext_lazy("{method} is not saved at the processor; add it anew, or choose another card."),
                method=str(method),
            )
        )
    is_cooling = method.cooling_until is not None and method.cooling_until > clock.now()
    if is_cooling and not even_cooling:
        raise UnusableMethodError(
            format_lazy(
                gettext_lazy("{method} was declined a short while ago; try it later, or choose another card."),
                method=str(method),
            )
        )
    if currency not in method.currencies:
        raise UnusableMethodError(
            format_lazy(
                gettext_lazy("{method} cannot be charged in {currency}; choose another card."),
                method=str(method),
                currency=currency,
            )
        )


def is_usable(method: FundingMethod, *, currency: str, even_cooling: bool = False) -> bool:
    """Returns whether `refuse_unusable` accepts the method."""
    try:
        refuse_unusable(method, currency=currency, even_cooling=even_cooling)
    except UnusableMethodError:
        return False
    return True


def first_usable(wallet: Iterable[FundingMethod], *, order: Sequence[int], currency: str) -> FundingMethod | None:
    """Returns the first usable method of the wallet: the given ids in their order, then the backup card."""
    known = {method.pk: method for method in wallet}
    backups = [method.pk for method in known.values() if method.is_backup]
    in_order = [known[pk] for pk in (*order, *backups) if pk in known]
    return next((method for method in in_order if is_usable(method, currency=currency)), None)
