"""Top-ups: the source card is charged, and the balance rises in the commit that records the payment.

The balance is money that the cardholder paid in and no purchase has set aside. A card that spends its balance first
pays purchases from it (issuing/authorizations/proposal.py, issuing/billing/stored_balance.py). We do not refund a
top-up to its source: staff work a case about its charge (wallet/casework/rules.py).
"""

from collections.abc import Callable

from django.db import IntegrityError
from django.db.models import F, Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from issuing import locking, states
from issuing.billing import stored_balance
from issuing.errors import CardRefusedError
from issuing.models import CardFunding, VirtualCard
from onecard.kit import clock
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import require_no_transaction, savepoint, transaction
from onecard.kit.transitions import sources_of
from wallet import cases
from wallet import locking as wallet_locking
from wallet import states as wallet_states
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.methods import usable as methods
from wallet.models import FundingMethod
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Processor
from wallet.references import Subject

BATCH = 100
CLOSED = "This card is closed; no money can be put on it."


def fund_card(
    *,
    card: VirtualCard,
    amount: Money,
    source: FundingMethod,
    requested_by: str,
    request_key: str,
    processor: Processor | None = None,
) -> CardFunding:
    """Charges `source` and puts the amount on the card; the same `request_key` again is the same request.

    Returns the request: still requested while the processor has not answered (the sweeper goes on), failed when the
    source was declined. Raises CardRefusedError, UnusableMethodError, and TransactionError in a transaction.
    """
    require_no_transaction("A charge")
    funding = _known(card, amount, source, request_key)
    if funding is None:
        funding = intend(card=card, amount=amount, source=source, requested_by=requested_by, request_key=request_key)
    charge = funding.obligation.charges.get()
    charges.charge(charge_id=charge.pk, processor=processor)
    finish(funding.pk)
    return CardFunding.objects.select_related("card", "source").get(pk=funding.pk)


def fund_own_card(
    *, card: VirtualCard, amount: Money, source: FundingMethod, requested_by: str, request_key: str
) -> CardFunding:
    """As `fund_card`, when the card's holder asks: for a card that its issuer made, up to its monthly limit."""
    if _known(card, amount, source, request_key) is None:
        if not card.issuer_card_id:
            raise CardRefusedError(
                gettext_lazy("The issuer is still making this card: put money on it once it is made.")
            )
        refuse_more_than_a_month(card, amount)
    return fund_card(card=card, amount=amount, source=source, requested_by=requested_by, request_key=request_key)


def intend(
    *, card: VirtualCard, amount: Money, source: FundingMethod, requested_by: str, request_key: str
) -> CardFunding:
    """Records the request with its charge and the message for the worker, in one transaction, and calls nobody.

    Raises CardRefusedError and UnusableMethodError.
    """
    check(card, amount, source)
    return _intend(card, amount, source, requested_by, request_key)


def finish(funding_id: int) -> str:
    """Follows the obligation to its end: paid credits the card, failed ends the request; returns the status."""
    with transaction():
        funding = CardFunding.objects.select_related("obligation", "card").get(pk=funding_id)
        home = stored_balance.lock_home(funding.card_id)
        obligation = wallet_locking.lock(funding.obligation_id)
        if obligation.status == wallet_states.Obligation.FUNDED and home is not None:
            _credit(funding, home)
        elif obligation.status in (wallet_states.Obligation.FAILED, wallet_states.Obligation.RELEASED):
            _fail(funding)
        return CardFunding.objects.values_list("status", flat=True).get(pk=funding_id)


def sweep() -> int:
    """Settles the requests whose charge has ended; returns how many it looked at."""
    ended = Q(obligation__status=wallet_states.Obligation.OPEN)
    waiting = CardFunding.objects.filter(~ended, status=states.Funding.REQUESTED).order_by("pk")
    ids = list(waiting.values_list("pk", flat=True)[:BATCH])
    return each_in_turn(ids, finish, what="card funding")


def check(card: VirtualCard, amount: Money, source: FundingMethod) -> None:
    """Raises CardRefusedError or UnusableMethodError when this top-up is not allowed."""
    if card.status == states.Card.CLOSED:
        raise CardRefusedError(CLOSED)
    if source.cardholder_id != card.cardholder_id:
        raise CardRefusedError(gettext_lazy("Money can only be put on a card from one of its holder's own cards."))
    if amount.currency != card.currency:
        raise CardRefusedError(
            format_lazy(
                gettext_lazy("This card is kept in {currency}; give the amount in {currency}."), currency=card.currency
            )
        )
    if not 0 < amount.minor <= MAX_AMOUNT_MINOR - card.balance_minor:
        raise CardRefusedError(gettext_lazy("The amount must be more than nothing and less than ten trillion."))
    methods.refuse_unusable(source, currency=amount.currency)


def refuse_more_than_a_month(card: VirtualCard, amount: Money) -> None:
    """Raises CardRefusedError for more at once than the card may spend in a month."""
    monthly = Money(card.monthly_limit_minor, card.currency)
    if amount.minor > monthly.minor:
        raise CardRefusedError(
            format_lazy(
                gettext_lazy("This card may spend {monthly} a month; no more than that is put on it at once."),
                monthly=monthly,
            )
        )


def set_spends_balance(
    card: VirtualCard, *, spends: bool, requested_by: str, check: Callable[[VirtualCard], None]
) -> VirtualCard:
    """Has the card's balance pay first, or not, from the next purchase on. `check` sees the card under its lock.

    Raises CardRefusedError for a closed card.
    """
    with transaction():
        locked = locking.lock_card(card.pk)
        check(locked)
        if locked.status == states.Card.CLOSED:
            raise CardRefusedError(gettext_lazy("This card is closed; it spends nothing."))
        if locked.spends_balance != spends:
            VirtualCard.objects.filter(pk=card.pk).update(spends_balance=spends, updated_at=clock.now())
            changes = {"spends_balance": [locked.spends_balance, spends]}
            trail.record(actor=requested_by, action="virtualcard.changed", subject=locked, changes=changes)
    return VirtualCard.objects.select_related("cardholder", "replaces").get(pk=card.pk)


def _intend(card: VirtualCard, amount: Money, source: FundingMethod, requested_by: str, key: str) -> CardFunding:
    if not 0 < len(key.strip()) <= 80:
        raise CardRefusedError(gettext_lazy("A request to put money on a card needs a key of 1 to 80 characters."))
    try:
        with transaction(), savepoint():
            return _write(card, amount, source, requested_by, key)
    except IntegrityError:
        known = _known(card, amount, source, key)
        if known is None:
            raise
        return known


def _known(card: VirtualCard, amount: Money, source: FundingMethod, key: str) -> CardFunding | None:
    """Returns the earlier request with this key, as it stands, whatever became of the card or the source since."""
    known = CardFunding.objects.filter(request_key=key).first()
    if known is not None and (known.card_id, known.source_id, known.money) != (card.pk, source.pk, amount):
        raise CardRefusedError(gettext_lazy("This key was used before for another request; take a new one."))
    return known


def _write(card: VirtualCard, amount: Money, source: FundingMethod, requested_by: str, key: str) -> CardFunding:
    # The card comes first, as everywhere; it may have been closed meanwhile.
    if locking.lock_card(card.pk).status == states.Card.CLOSED:
        raise CardRefusedError(CLOSED)
    now = clock.now()
    charge = obligations.begin(
        method=source,
        reference=f"card_funding:{key}",
        purchase=Subject.CARD.reference(card.pk),
        description=f"Onto {card}",
        money=amount,
    )
    funding = CardFunding.objects.create(
        card=card,
        source=source,
        obligation=charge.obligation,
        request_key=key,
        amount_minor=amount.minor,
        currency=amount.currency,
        requested_by=requested_by,
        created_at=now,
        updated_at=now,
    )
    trail.record(
        actor=requested_by,
        action="card.funding_requested",
        subject=card,
        funding=str(funding.public_id),
        amount_minor=amount.minor,
        currency=amount.currency,
    )
    return funding


def _credit(funding: CardFunding, home: VirtualCard) -> None:
    """Updates the balance and the request together, once; the card may have been replaced during the charge."""
    if not _move(funding, states.Funding.CREDITED):
        return
    VirtualCard.objects.filter(pk=home.pk).update(
        balance_minor=F("balance_minor") + funding.amount_minor, updated_at=clock.now()
    )


def _fail(funding: CardFunding) -> None:
    """Ends the request. Nothing is due for a top-up that did not happen, so no case stays open."""
    if not _move(funding, states.Funding.FAILED):
        return
    obligations.release(obligation_id=funding.obligation_id, actor="system:card_funding")
    cases.resolve_cases(reference=f"obligation:{funding.obligation_id}", kinds=tuple(outcomes.FAILURES.values()))


def _move(funding: CardFunding, target: str) -> bool:
    rows = CardFunding.objects.filter(pk=funding.pk, status__in=sources_of(states.FUNDING_MOVES, target))
    if rows.update(status=target, updated_at=clock.now()) != 1:
        return False
    trail.record(
        actor="system:card_funding",
        action=f"card.funding_{target}",
        subject=funding.card,
        funding=str(funding.public_id),
        amount_minor=funding.amount_minor,
        currency=funding.currency,
    )
    return True
