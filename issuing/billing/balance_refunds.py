"""What a card's balance gets back when staff refund a purchase that it paid (docs/decisions/0046)."""

from django.utils.translation import gettext as _

from issuing import locking, states
from issuing.billing import position, stored_balance
from issuing.models import Authorization, BalanceUse, VirtualCard
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from wallet.entered import card_balances
from wallet.entered.card_balances import BalancePart, CardBalances
from wallet.references import Subject


def install() -> None:
    """Registers how the wallet's refunds reach the balances of cards."""
    card_balances.register(CardBalances(read=_read, lock=_lock, give_back=_give_back))


def _read(purchase: str, currency: str) -> BalancePart | None:
    """Only what merchants have captured counts as paid; what is set aside beyond that returns when they do not take it.

    Without the locks this is what a page shows; `_give_back` looks again under them.
    """
    use = BalanceUse.objects.filter(authorization=Subject.PURCHASE.key_in(purchase), authorization__currency=currency)
    found = use.select_related("card__cardholder__user").first()
    if found is None or not (found.posted_minor > 0 or found.given_back_minor):
        return None
    card = _home(found.card)
    paid = max(0, min(found.amount_minor, found.posted_minor))
    why_not = _("The card is closed: nothing can be spent from its balance any more.") if _is_closed(card) else ""
    left = 0 if why_not else min(paid, MAX_AMOUNT_MINOR - card.balance_minor)
    return BalancePart(
        card=str(card),
        cardholder=found.card.cardholder,
        left=Money(left, currency),
        given_back=Money(found.given_back_minor, currency),
        why_not=why_not if paid else "",
    )


def _lock(purchase: str) -> None:
    """Locks the purchase with its card; the locks last until the transaction ends."""
    found = _purchase(purchase)
    if found is not None:
        with locking.locked_purchase(found):
            pass


def _give_back(purchase: str, amount: Money, reason: str, actor: str) -> None:
    found = _purchase(purchase)
    if found is None:
        raise AssertionError(f"{purchase} is no purchase, so no balance has paid for it.")
    use = stored_balance.give_back(found, amount.minor, reason=reason, actor=actor)
    stored_balance.post(
        found,
        reference=found.reference,
        moved_minor=position.of(found).moved_minor,
        is_open=position.is_open(found),
    )
    notices.write(
        user_id=use.card.cardholder.user_id,
        kind=Kind.REFUND_ARRIVED,
        cause=f"balance_refund:{use.pk}:{use.given_back_minor}",
        text=f"{amount} went back to the balance of your card, for {found.merchant_name or 'your purchase'}.",
        reference=found.reference,
    )


def _purchase(purchase: str) -> Authorization | None:
    key = Subject.PURCHASE.key_in(purchase)
    return None if key is None else Authorization.objects.filter(pk=key).first()


def _home(card: VirtualCard) -> VirtualCard:
    """Returns the card that has this card's balance by now, as `stored_balance.lock_home` does under the lock."""
    later = locking.with_replacements([card.pk]).exclude(status=states.Card.CLOSED).order_by("-pk").first()
    return later or card


def _is_closed(card: VirtualCard) -> bool:
    return card.status == states.Card.CLOSED
