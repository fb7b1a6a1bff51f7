"""What a movement in another currency is worth in its purchase's: as its issuer says, or a person who looked it up.

Where nobody knows the rate, it counts for nothing and is a case until somebody does.
"""

from django.db.models import Max

from audit import trail
from issuing import locking
from issuing.billing import amount_due, review_cases
from issuing.models import Authorization, CardTransaction
from onecard.kit import transactions
from onecard.kit.errors import OneCardError
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet import cases, reference_rates
from wallet.entered import amounts as entered_amounts
from wallet.ledger import postings as ledger
from wallet.models import Case, Posting

LONGEST_REASON = 200
Type = CardTransaction.Type
# Nobody's money while a dispute is open: it does not touch the purchase.
PROVISIONAL = (Type.PROVISIONAL_CREDIT, Type.PROVISIONAL_DEBIT)
# What takes money out of the clearing account, as a capture does.
TAKES = (Type.SETTLEMENT, Type.CHARGEBACK_REVERSAL)
# Where issuers' own rates are looked for, and how many of them count.
LATEST_MOVEMENTS, MOST_SEEN = 100_000, 50


class ConversionRefusedError(OneCardError):
    """The worth of a movement cannot be entered so; the message says why, for staff."""

    code = "worth_refused"


def enter_worth(
    *, transaction: CardTransaction, worth_minor: int, reason: str, actor: str, agreed_by: str = ""
) -> Money:
    """Takes a person's word for what a movement is worth, once and for good; what the cardholder pays follows it.

    `worth_minor` is in minor units of the purchase's currency, and is given back as money. It must be near a reference
    rate, and above the threshold somebody else must have agreed (issuing/entered_amounts.py). Safe when two do it at
    once. Raises ConversionRefusedError, and then nothing has changed.
    """
    words = reason.strip()
    _refuse(_why_no_input(worth_minor, words))
    with transactions.transaction():
        purchase = _lock_purchase_of(transaction)
        kept = CardTransaction.objects.select_related("authorization").get(pk=transaction.pk)
        _refuse(why_not(kept))
        worth = Money(worth_minor, purchase.currency)
        _refuse(why_not_believed(kept, purchase, worth))
        _refuse("" if agreed_by else _why_not_alone(kept, worth))
        _put(kept, purchase, worth)
        _note(kept, worth, reason=words, actor=actor, agreed_by=agreed_by)
        review_cases.open_case_if_nobody_pays(purchase)
        amount_due.follow(purchase, actor=actor)
    return worth


def check(kept: CardTransaction, *, worth_minor: int, reason: str) -> None:
    """Raises ConversionRefusedError for what cannot be entered, whoever agrees to it."""
    _refuse(_why_no_input(worth_minor, reason.strip()))
    _refuse(why_not(kept))
    purchase = kept.authorization
    assert purchase is not None  # noqa: S101  (why_not has said so)
    _refuse(why_not_believed(kept, purchase, Money(worth_minor, purchase.currency)))


def takes_two(kept: CardTransaction, purchase: Authorization, worth_minor: int) -> bool:
    """Whether one person's word is not enough, however little it is.

    Without a reference rate nobody can tell a slip from the truth, and what comes back should not exceed what was
    captured of the purchase and has not come back.
    """
    is_known = reference_of(kept, purchase) is not None
    return not is_known or (kept.transaction_type not in TAKES and worth_minor > _captured_minor(purchase))


def why_not_believed(kept: CardTransaction, purchase: Authorization, worth: Money) -> str:
    """Why a worth is too far from what is known of the rate, or from what was captured; or ""."""
    known = reference_of(kept, purchase)
    if known is not None:
        least, most = (Money(minor, worth.currency) for minor in (known.least_minor, known.most_minor))
        is_near = least.minor <= worth.minor <= most.minor
        return "" if is_near else f"{kept.money} is about {known.expected}: its worth is between {least} and {most}."
    captured_minor = _captured_minor(purchase)
    if kept.transaction_type not in TAKES and worth.minor > captured_minor:
        captured = Money(captured_minor, worth.currency)
        return f"No rate is known, and {captured} was captured and has not come back: it cannot be worth more."
    return ""


def reference_of(kept: CardTransaction, purchase: Authorization) -> reference_rates.Reference | None:
    """What a movement should be worth, by what issuers said lately or by the table; None where nobody knows."""
    seen = _said_by_issuers(kept.currency, purchase.currency)
    return reference_rates.reference(kept.money, purchase.currency, exchanges=seen)


def _said_by_issuers(given: str, got: str) -> list[tuple[Money, Money]]:
    """What issuers said beside their amounts, among the latest movements; never what a person entered."""
    newest = CardTransaction.objects.aggregate(newest=Max("pk"))["newest"] or 0
    latest = CardTransaction.objects.filter(pk__gt=newest - LATEST_MOVEMENTS, merchant_amount_minor__gt=0)
    there = latest.filter(currency=given, merchant_currency=got, amount_minor__gt=0).order_by("-pk")[:MOST_SEEN]
    back = latest.filter(currency=got, merchant_currency=given, amount_minor__gt=0).order_by("-pk")[:MOST_SEEN]
    return [
        *((row.money, Money(row.merchant_amount_minor or 0, got)) for row in there),
        *((Money(row.merchant_amount_minor or 0, given), row.money) for row in back),
    ]


def _captured_minor(purchase: Authorization) -> int:
    """What merchants took of a purchase and has not come back."""
    taken, back = amount_due.moved_minor(purchase)
    return max(0, taken - back)


def _why_not_alone(kept: CardTransaction, worth: Money) -> str:
    is_much = any(
        entered_amounts.is_too_much_alone(entered_amounts.Kind.CONVERSION, each) for each in (worth, kept.money)
    )
    return "This is too much for one person's word: a second person has to agree to it." if is_much else ""


def why_not(kept: CardTransaction) -> str:
    """Why nobody can say what a movement is worth, in a sentence for staff; "" while that is needed."""
    purchase = kept.authorization
    if purchase is None:
        return "This movement has no purchase yet, so there is no currency to say its worth in. Wait for the purchase."
    if kept.currency == purchase.currency:
        return f"This movement is in {kept.currency}, as its purchase is: its amount is its worth."
    if kept.transaction_type in PROVISIONAL:
        return "A provisional credit counts for nothing while its dispute is open, so its worth is not needed."
    if kept.purchase_minor is not None:
        return f"It is known already that this movement is worth {Money(kept.purchase_minor, purchase.currency)}."
    if not Posting.objects.filter(key=kept.reference).exists():
        return "This movement is not in the ledger: it moved nothing, or waits for what it takes back."
    return ""


def is_waited_for(purchase: Authorization) -> bool:
    """Whether something was captured of which nobody knows yet what it is worth in the purchase's currency."""
    captures = CardTransaction.objects.filter(authorization=purchase, transaction_type=Type.SETTLEMENT)
    unknown = captures.filter(amount_minor__gt=0, purchase_minor=None)
    return unknown.exclude(currency=purchase.currency).exists()


def exchange(kept: CardTransaction, purchase: Authorization) -> bool:
    """Exchanges what was posted in another currency, or opens a case where nobody says the rate; if it is new.

    In the caller's transaction, under the locks of the card and the purchase. What is known stays: an issuer that says
    otherwise later is for a person.
    """
    if kept.currency == purchase.currency or kept.transaction_type in PROVISIONAL:
        return False
    known = CardTransaction.objects.values_list("purchase_minor", flat=True).get(pk=kept.pk)
    worth_minor = known or _worth_minor(kept, purchase)
    if not worth_minor:
        _open_case(kept, purchase)
        return False
    worth = Money(worth_minor, purchase.currency)
    _open_case_if_told_otherwise(kept, worth)
    return _put(kept, purchase, worth)


def _put(kept: CardTransaction, purchase: Authorization, worth: Money) -> bool:
    """Clears what was posted, and puts in its place what it is worth; if it is new."""
    CardTransaction.objects.filter(pk=kept.pk, purchase_minor=None).update(purchase_minor=worth.minor)
    cases.resolve_cases(reference=kept.reference, kinds=(Case.Kind.CURRENCY_DIFFERS,))
    takes = kept.transaction_type in TAKES
    posted = [
        ledger.post(
            kind=ledger.Kind.CARD_EXCHANGE,
            key=f"{kept.reference}:{side}",
            money=money,
            reference=amount_due.reference(purchase),
            occurred_at=kept.occurred_at,
            back=back,
        )
        for side, money, back in (("exchange_out", kept.money, not takes), ("exchange_in", worth, takes))
    ]
    if kept.transaction_type == Type.SETTLEMENT:
        _put_what_waits_for_it(kept, purchase)
    return any(posted)


def _put_what_waits_for_it(capture: CardTransaction, purchase: Authorization) -> None:
    """What took this capture back before its worth was known is worth the same."""
    rows = CardTransaction.objects.filter(authorization=purchase, purchase_minor=None).select_related("authorization")
    alike = rows.filter(amount_minor=capture.amount_minor, currency=capture.currency)
    for each in alike.exclude(transaction_type=Type.SETTLEMENT).order_by("pk"):
        worth_minor = _worth_minor(each, purchase)
        if worth_minor and not why_not(each):
            _put(each, purchase, Money(worth_minor, purchase.currency))


def _worth_minor(kept: CardTransaction, purchase: Authorization) -> int | None:
    """What it is in the purchase's currency: as it says itself, or as the very capture that it takes back said."""
    if kept.merchant_currency == purchase.currency:
        return kept.merchant_amount_minor
    if kept.transaction_type == Type.SETTLEMENT:
        return None
    captures = CardTransaction.objects.filter(authorization=purchase, transaction_type=Type.SETTLEMENT)
    alike = captures.filter(amount_minor=kept.amount_minor, currency=kept.currency)
    worths = set(alike.values_list("purchase_minor", flat=True))
    return worths.pop() if len(worths) == 1 else None


def _open_case(kept: CardTransaction, purchase: Authorization) -> None:
    cases.open_case(
        kind=Case.Kind.CURRENCY_DIFFERS,
        reference=kept.reference,
        money=kept.money,
        summary=f"{kept.issuer_transaction_id} is {kept.money}, and its purchase is in {purchase.currency}.",
    )


def _open_case_if_told_otherwise(kept: CardTransaction, worth: Money) -> None:
    told_minor = kept.merchant_amount_minor if kept.merchant_currency == worth.currency else None
    if told_minor and told_minor != worth.minor:
        told = Money(told_minor, worth.currency)
        cases.open_case(
            kind=Case.Kind.TRANSACTION_DIFFERS,
            reference=kept.reference,
            money=told,
            summary=f"{kept.issuer_transaction_id} is worth {worth} here; its issuer says {told}.",
        )


def _lock_purchase_of(transaction: CardTransaction) -> Authorization:
    purchase = Authorization.objects.filter(card_transactions=transaction.pk).first()
    if purchase is None:
        raise ConversionRefusedError(why_not(transaction))
    locking.lock_card(purchase.card_id)
    locking.lock_purchase(purchase.provider, purchase.issuer_authorization_id)
    return purchase


def _why_no_input(worth_minor: int, reason: str) -> str:
    if not 0 < worth_minor <= MAX_AMOUNT_MINOR:
        return "The worth must be more than nothing, and no more than an amount can be."
    if not 0 < len(reason) <= LONGEST_REASON:
        return f"Give a reason of 1 to {LONGEST_REASON} characters."
    return ""


def _refuse(why_not: str) -> None:
    if why_not:
        raise ConversionRefusedError(why_not)


def _note(kept: CardTransaction, worth: Money, *, reason: str, actor: str, agreed_by: str) -> None:
    trail.record(
        actor=actor,
        action="transaction.worth_entered",
        subject=kept,
        amount_minor=kept.amount_minor,
        currency=kept.currency,
        worth_minor=worth.minor,
        worth_currency=worth.currency,
        reason=reason,
        **({"agreed_by": agreed_by} if agreed_by else {}),
    )
