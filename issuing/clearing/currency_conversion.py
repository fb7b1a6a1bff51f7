"""Converts a movement in another currency into its purchase's currency.

The issuer states the converted amount, or a person looks it up and enters it. Until one of them does, the movement
counts for nothing and has an open case.
"""

from django.db.models import Max

from audit import trail
from issuing import locking
from issuing.billing import amount_due, position, review_cases
from issuing.models import Authorization, CardTransaction
from onecard.kit.errors import OneCardError
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.kit.reasons import checked_reason
from wallet import cases, reference_rates
from wallet.entered import amounts as entered_amounts
from wallet.ledger import postings as ledger
from wallet.models import Case, Posting

Type = CardTransaction.Type
# Nobody's money while a dispute is open: it does not touch the purchase.
PROVISIONAL = (Type.PROVISIONAL_CREDIT, Type.PROVISIONAL_DEBIT)
# What takes money out of the clearing account, as a capture does.
TAKES = (Type.SETTLEMENT, Type.CHARGEBACK_REVERSAL)
# Where issuers' own rates are looked for, and how many of them count.
LATEST_MOVEMENTS, MOST_EXCHANGES = 100_000, 50


class ConversionRefusedError(OneCardError):
    """The converted amount cannot be entered. The message tells staff why."""

    code = "worth_refused"


def enter_converted_amount(
    *, transaction: CardTransaction, converted_minor: int, reason: str, actor: str, agreed_by: str = ""
) -> Money:
    """Records the converted amount that a person entered, and adjusts what the cardholder pays. It is final.

    `converted_minor` is in minor units of the purchase's currency; the function returns it as Money. The amount must be
    near a reference rate, and above the threshold a second person must have agreed (issuing/entered_amounts.py).
    Concurrent calls are safe. Raises ConversionRefusedError; then nothing has changed.
    """
    words = checked_reason(reason, error=ConversionRefusedError)
    _refuse(_why_impossible(converted_minor))
    with locking.locked_purchase(_purchase_of(transaction)) as purchase:
        kept = CardTransaction.objects.select_related("authorization").get(pk=transaction.pk)
        _refuse(why_not(kept))
        converted = Money(converted_minor, purchase.currency)
        _refuse(why_not_believed(kept, purchase, converted))
        _refuse("" if agreed_by else _why_not_alone(kept, converted))
        _put(kept, purchase, converted)
        _note(kept, converted, reason=words, actor=actor, agreed_by=agreed_by)
        review_cases.open_case_if_nobody_pays(purchase)
        amount_due.follow(purchase, actor=actor)
    return converted


def check(kept: CardTransaction, *, converted_minor: int, reason: str) -> None:
    """Raises ConversionRefusedError for an amount that nobody may enter, even with a second person's agreement."""
    checked_reason(reason, error=ConversionRefusedError)
    _refuse(_why_impossible(converted_minor))
    _refuse(why_not(kept))
    purchase = kept.authorization
    assert purchase is not None  # noqa: S101  (why_not has said so)
    _refuse(why_not_believed(kept, purchase, Money(converted_minor, purchase.currency)))


def takes_two(kept: CardTransaction, purchase: Authorization, converted_minor: int) -> bool:
    """Returns whether a second person must agree, however small the amount is.

    That is so without a reference rate, since nothing then shows a typing error, and for a return of more than was
    captured and has not been returned.
    """
    is_known = reference_of(kept, purchase) is not None
    return not is_known or (kept.transaction_type not in TAKES and converted_minor > _captured_minor(purchase))


def why_not_believed(kept: CardTransaction, purchase: Authorization, converted: Money) -> str:
    """Returns why the amount is too far from the reference rate or from the captured amount; "" if it is not."""
    known = reference_of(kept, purchase)
    if known is not None:
        least, most = (Money(minor, converted.currency) for minor in (known.least_minor, known.most_minor))
        is_near = least.minor <= converted.minor <= most.minor
        return "" if is_near else f"{kept.money} is about {known.expected}: enter between {least} and {most}."
    captured_minor = _captured_minor(purchase)
    if kept.transaction_type not in TAKES and converted.minor > captured_minor:
        captured = Money(captured_minor, converted.currency)
        return f"No rate is known, and {captured} was captured and has not been returned: enter no more than that."
    return ""


def reference_of(kept: CardTransaction, purchase: Authorization) -> reference_rates.Reference | None:
    """Returns the expected converted amount, by issuers' recent rates or else the table of rates.

    None without a rate.
    """
    recent = _stated_by_issuers(kept.currency, purchase.currency)
    return reference_rates.reference(kept.money, purchase.currency, exchanges=recent)


def _stated_by_issuers(given: str, got: str) -> list[tuple[Money, Money]]:
    """Returns the pairs of amounts that issuers stated in the latest movements.

    Amounts that people entered do not count.
    """
    newest = CardTransaction.objects.aggregate(newest=Max("pk"))["newest"] or 0
    latest = CardTransaction.objects.filter(pk__gt=newest - LATEST_MOVEMENTS, merchant_amount_minor__gt=0)
    there = latest.filter(currency=given, merchant_currency=got, amount_minor__gt=0).order_by("-pk")[:MOST_EXCHANGES]
    back = latest.filter(currency=got, merchant_currency=given, amount_minor__gt=0).order_by("-pk")[:MOST_EXCHANGES]
    return [
        *((row.money, Money(row.merchant_amount_minor or 0, got)) for row in there),
        *((Money(row.merchant_amount_minor or 0, given), row.money) for row in back),
    ]


def _captured_minor(purchase: Authorization) -> int:
    """Returns the captured amount of a purchase, less what was returned."""
    taken, back = position.moved_minor(purchase)
    return max(0, taken - back)


def _why_not_alone(kept: CardTransaction, converted: Money) -> str:
    is_much = any(
        entered_amounts.is_too_much_alone(entered_amounts.Kind.CONVERSION, each) for each in (converted, kept.money)
    )
    return "This is too much for one person's word: a second person has to agree to it." if is_much else ""


def why_not(kept: CardTransaction) -> str:
    """Returns why no converted amount can be entered, in a sentence for staff; "" while one is needed."""
    purchase = kept.authorization
    if purchase is None:
        return "This movement has no purchase yet, so its currency is unknown. Wait for the purchase."
    if kept.currency == purchase.currency:
        return f"This movement is in {kept.currency}, as its purchase is: nothing needs to be converted."
    if kept.transaction_type in PROVISIONAL:
        return "A provisional credit counts for nothing while its dispute is open, so no converted amount is needed."
    if kept.purchase_minor is not None:
        return f"This movement has a converted amount already: {Money(kept.purchase_minor, purchase.currency)}."
    if not Posting.objects.filter(key=kept.reference).exists():
        return "This movement is not in the ledger: it moved nothing, or waits for what it takes back."
    return ""


def is_waited_for(purchase: Authorization) -> bool:
    """Returns whether a capture of the purchase still waits for its converted amount."""
    captures = CardTransaction.objects.filter(authorization=purchase, transaction_type=Type.SETTLEMENT)
    unknown = captures.filter(amount_minor__gt=0, purchase_minor=None)
    return unknown.exclude(currency=purchase.currency).exists()


def exchange(kept: CardTransaction, purchase: Authorization) -> bool:
    """Posts the exchange of a movement in another currency, or opens a case without a rate; True if it is new.

    Under the purchase's lock. What is known stays: an issuer that says
    otherwise later is for a person.
    """
    if kept.currency == purchase.currency or kept.transaction_type in PROVISIONAL:
        return False
    known = CardTransaction.objects.values_list("purchase_minor", flat=True).get(pk=kept.pk)
    converted_minor = known or _known_minor(kept, purchase)
    if not converted_minor:
        _open_case(kept, purchase)
        return False
    converted = Money(converted_minor, purchase.currency)
    _open_case_if_issuer_differs(kept, converted)
    return _put(kept, purchase, converted)


def _put(kept: CardTransaction, purchase: Authorization, converted: Money) -> bool:
    """Posts the exchange of the movement's amount for the converted amount; True if it was not posted before."""
    CardTransaction.objects.filter(pk=kept.pk, purchase_minor=None).update(purchase_minor=converted.minor)
    cases.resolve_cases(reference=kept.reference, kinds=(Case.Kind.CURRENCY_DIFFERS,))
    takes = kept.transaction_type in TAKES
    posted = [
        ledger.post(
            kind=ledger.Kind.CARD_EXCHANGE,
            key=f"{kept.reference}:{side}",
            money=money,
            reference=purchase.reference,
            occurred_at=kept.occurred_at,
            back=back,
        )
        for side, money, back in (("exchange_out", kept.money, not takes), ("exchange_in", converted, takes))
    ]
    if kept.transaction_type == Type.SETTLEMENT:
        _put_what_waits_for_it(kept, purchase)
    return any(posted)


def _put_what_waits_for_it(capture: CardTransaction, purchase: Authorization) -> None:
    """Gives movements that returned this capture before its conversion the same converted amount."""
    rows = CardTransaction.objects.filter(authorization=purchase, purchase_minor=None).select_related("authorization")
    alike = rows.filter(amount_minor=capture.amount_minor, currency=capture.currency)
    for each in alike.exclude(transaction_type=Type.SETTLEMENT).order_by("pk"):
        converted_minor = _known_minor(each, purchase)
        if converted_minor and not why_not(each):
            _put(each, purchase, Money(converted_minor, purchase.currency))


def _known_minor(kept: CardTransaction, purchase: Authorization) -> int | None:
    """Returns the converted amount, as the movement states it or as the one capture of the same amount has it."""
    if kept.merchant_currency == purchase.currency:
        return kept.merchant_amount_minor
    if kept.transaction_type == Type.SETTLEMENT:
        return None
    captures = CardTransaction.objects.filter(authorization=purchase, transaction_type=Type.SETTLEMENT)
    alike = captures.filter(amount_minor=kept.amount_minor, currency=kept.currency)
    amounts = set(alike.values_list("purchase_minor", flat=True))
    return amounts.pop() if len(amounts) == 1 else None


def _open_case(kept: CardTransaction, purchase: Authorization) -> None:
    cases.open_case(
        kind=Case.Kind.CURRENCY_DIFFERS,
        reference=kept.reference,
        money=kept.money,
        summary=f"{kept.issuer_transaction_id} is {kept.money}, and its purchase is in {purchase.currency}.",
    )


def _open_case_if_issuer_differs(kept: CardTransaction, converted: Money) -> None:
    reported_minor = kept.merchant_amount_minor if kept.merchant_currency == converted.currency else None
    if reported_minor and reported_minor != converted.minor:
        reported = Money(reported_minor, converted.currency)
        cases.open_case(
            kind=Case.Kind.TRANSACTION_DIFFERS,
            reference=kept.reference,
            money=reported,
            summary=f"{kept.issuer_transaction_id} was converted into {converted}; its issuer reports {reported}.",
        )


def _purchase_of(transaction: CardTransaction) -> Authorization:
    purchase = Authorization.objects.filter(card_transactions=transaction.pk).first()
    if purchase is None:
        raise ConversionRefusedError(why_not(transaction))
    return purchase


def _why_impossible(converted_minor: int) -> str:
    if not 0 < converted_minor <= MAX_AMOUNT_MINOR:
        return "The converted amount must be more than zero, and no more than the largest amount that we store."
    return ""


def _refuse(why_not: str) -> None:
    if why_not:
        raise ConversionRefusedError(why_not)


def _note(kept: CardTransaction, converted: Money, *, reason: str, actor: str, agreed_by: str) -> None:
    trail.record(
        actor=actor,
        action="transaction.worth_entered",
        subject=kept,
        amount_minor=kept.amount_minor,
        currency=kept.currency,
        worth_minor=converted.minor,
        worth_currency=converted.currency,
        reason=reason,
        **({"agreed_by": agreed_by} if agreed_by else {}),
    )
