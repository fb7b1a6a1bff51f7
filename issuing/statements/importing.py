"""Imports a statement of a funding card: each line once, matched with the charge or refund that it is of.

The same file again changes nothing, and a file that overlaps an earlier one adds only its new lines.
"""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from audit import trail
from issuing.models import CardStatement, StatementLine
from issuing.statements.csv_format import MOST_BYTES, Form, Line, read
from issuing.statements.matching import EARLIER, LATER, Moved, Wanted, match
from onecard.kit import clock
from onecard.kit.clock import local_day
from onecard.kit.transactions import transaction
from routing.models import RewardTerms, RewardType
from wallet import states
from wallet.models import FundingCharge, FundingMethod, FundingRefund

# One byte more than a file may have, so that a larger one is seen to be.
MOST_READ: Final = MOST_BYTES + 1
# A charge finishes later than it was made where its amount was only held.
LONGEST_HOLD: Final = dt.timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the statement (None where nothing was new), new and repeated lines, and how many matched."""

    statement: CardStatement | None
    new: int
    repeated: int
    matched: int


def pays_in_money(method: FundingMethod) -> bool:
    """Returns whether the card's rewards are money: its terms say so."""
    return RewardTerms.objects.filter(product_id=method.product_id, reward_type=RewardType.CASH).exists()


def currency_of(method: FundingMethod) -> str:
    """Returns the currency of a card's statements: the first that it can be charged in."""
    return next(iter(method.currencies), "USD")


@sensitive_variables("content")
def import_statement(
    *,
    method: FundingMethod,
    content: bytes,
    actor: str,
    in_money: bool | None = None,
    currency: str = "",
    dry_run: bool = False,
) -> Imported:
    """Imports the file of one card. Raises StatementError, which names each mistake; then nothing is written.

    `in_money` says whether the column of rewards is money or points, by default as the card's terms pay; `currency` is
    that of the amounts, by default the card's first. With `dry_run` all is counted and nothing written.
    """
    unit = pays_in_money(method) if in_money is None else in_money
    paid_in = currency or currency_of(method)
    lines = read(content, Form(paid_in, unit, clock.now().date()))
    sha256 = hashlib.sha256(content).hexdigest()
    with transaction():
        # Two imports for one card wait for each other here.
        card = FundingMethod.objects.select_for_update(no_key=True, of=("self",)).get(pk=method.pk)
        known = CardStatement.objects.filter(method=card, sha256=sha256).first()
        new = [] if known else _new(card, lines)
        if known or dry_run or not new:
            return Imported(known, len(new), len(lines) - len(new), 0)
        statement = _write(card, new, lines, sha256, paid_in, actor)
        matched = match_lines(card, statement)
        trail.record(
            actor=actor, action="statement.imported", subject=statement, sha256=sha256, card=str(card), lines=len(new),
            repeated=len(lines) - len(new), matched=matched,
        )  # fmt: skip
    return Imported(statement, len(new), len(lines) - len(new), matched)


def match_lines(card: FundingMethod, statement: CardStatement) -> int:
    """Matches the card's lines that have no charge yet, in the caller's transaction; returns how many of this file."""
    free = StatementLine.objects.filter(
        method=card, charge=None, refund=None, statement__currency=statement.currency
    ).exclude(amount_minor=0)
    wanted = [Wanted(*row) for row in free.values_list("pk", "posted_on", "amount_minor")]
    if not wanted:
        return 0
    days = [line.posted_on for line in wanted]
    found = match(wanted, _moved(card, statement.currency, min(days), max(days)))
    for line_id, (kind, key) in found.items():
        StatementLine.objects.filter(pk=line_id).update(**{f"{kind}_id": key})
    return StatementLine.objects.filter(statement=statement, pk__in=found).count()


def _new(card: FundingMethod, lines: list[Line]) -> list[tuple[Line, int]]:
    """Returns the lines that no earlier file had, with their number among equal ones."""
    days = {line.posted_on for line in lines}
    rows = StatementLine.objects.filter(method=card, posted_on__in=days)
    known = Counter(Line(*row) for row in rows.values_list("posted_on", "amount_minor", "units_micro"))
    count: Counter[Line] = Counter()
    found = []
    for line in lines:
        count[line] += 1
        if count[line] > known[line]:
            found.append((line, count[line]))
    return found


def _write(
    card: FundingMethod, new: list[tuple[Line, int]], lines: list[Line], sha256: str, currency: str, actor: str
) -> CardStatement:
    days = [line.posted_on for line in lines]
    statement = CardStatement.objects.create(
        method=card,
        sha256=sha256,
        currency=currency,
        first_on=min(days),
        last_on=max(days),
        line_count=len(new),
        repeated_count=len(lines) - len(new),
        imported_by=actor,
        imported_at=clock.now(),
    )
    StatementLine.objects.bulk_create(
        StatementLine(statement=statement, method=card, occurrence=number, **line._asdict()) for line, number in new
    )
    return statement


def _moved(card: FundingMethod, currency: str, first: dt.date, last: dt.date) -> Iterator[Moved]:
    """Yields the card's charges and refunds around these days that have no line yet."""
    zone = card.cardholder.time_zone
    since = dt.datetime.combine(first - LATER - LONGEST_HOLD, dt.time(), dt.UTC)
    until = dt.datetime.combine(last + EARLIER + dt.timedelta(days=2), dt.time(), dt.UTC)
    in_time = Q(created_at__gte=since, created_at__lt=until)
    charges = FundingCharge.objects.filter(
        in_time, method=card, status=states.Charge.SUCCEEDED, obligation__currency=currency, statement_line=None
    ).select_related("obligation")
    for charge in charges:
        made, finished = local_day(charge.created_at, zone), local_day(charge.finished_at or charge.updated_at, zone)
        yield Moved(("charge", charge.pk), made, finished, taken_minor(charge))
    refunds = FundingRefund.objects.filter(
        in_time, charge__method=card, status=states.Refund.SUCCEEDED, obligation__currency=currency, statement_line=None
    )
    for refund in refunds:
        made, finished = local_day(refund.created_at, zone), local_day(refund.finished_at or refund.updated_at, zone)
        yield Moved(("refund", refund.pk), made, finished, -refund.amount_minor)


def taken_minor(charge: FundingCharge) -> int:
    """Returns what the card's statement shows of a charge: what was taken of it, with the carried amounts."""
    return min(charge.money.minor, charge.obligation.payable.minor) + charge.carried_minor
