"""What a card's issuer posted beside what we expected, for a card and a period, in sum and by rule. Only reads."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Sum

from issuing.models import RewardEntry, StatementLine
from issuing.statements.importing import pays_in_money, taken_minor
from issuing.statements.rules import NO_RULE, Rule, rules_of
from onecard.kit.clock import local_day
from onecard.kit.time_zones import zone_of
from wallet import states
from wallet.models import FundingCharge, FundingMethod

MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class Compared:
    """One purchase: what was taken and what its reward was expected and posted to be; units in millionths."""

    amount_minor: int
    expected_micro: int
    earned_micro: int


@dataclass(slots=True)
class RuleSum:
    """All matched purchases of one rule."""

    rule: Rule
    compared: list[Compared] = field(default_factory=list)

    @property
    def amount_minor(self) -> int:
        return sum(each.amount_minor for each in self.compared)

    @property
    def expected(self) -> Decimal:
        return _units(each.expected_micro for each in self.compared)

    @property
    def earned(self) -> Decimal:
        return _units(each.earned_micro for each in self.compared)

    @property
    def difference(self) -> Decimal:
        return self.earned - self.expected


@dataclass(frozen=True, slots=True)
class Report:
    """A card's period. Units are points, miles, or hundredths of the currency's unit for a card that pays money.

    `refunds` is the sum of matched refunds; `elsewhere` are lines that are no charge of ours, `missing` our charges
    without a line, and `unbooked` counts matched charges that the rewards book does not have yet.
    """

    method: FundingMethod
    currency: str
    first_on: dt.date
    last_on: dt.date
    in_money: bool
    rules: Sequence[RuleSum]
    refunds: RuleSum | None
    elsewhere: Sequence[StatementLine]
    missing: Sequence[FundingCharge]
    unbooked: int

    @property
    def matched(self) -> int:
        return sum(len(each.compared) for each in self.sums)

    @property
    def sums(self) -> list[RuleSum]:
        return [*self.rules, *([self.refunds] if self.refunds else [])]

    @property
    def expected(self) -> Decimal:
        return sum((each.expected for each in self.sums), Decimal(0))

    @property
    def earned(self) -> Decimal:
        return sum((each.earned for each in self.sums), Decimal(0))

    @property
    def difference(self) -> Decimal:
        return self.earned - self.expected


def build(*, method: FundingMethod, currency: str, first_on: dt.date, last_on: dt.date) -> Report:
    """Returns the report of a card's lines in these days, both included. The number of queries does not grow."""
    lines = list(
        StatementLine.objects.filter(
            method=method, statement__currency=currency, posted_on__gte=first_on, posted_on__lte=last_on
        ).select_related("charge__obligation", "refund")
    )
    charges = [line.charge for line in lines if line.charge is not None]
    rules, booked = rules_of(charges), _booked(lines)
    sums: dict[Rule, RuleSum] = {}
    unbooked = 0
    for line in lines:
        if line.charge is None:
            continue
        expected = booked.get(("charge", line.charge.pk))
        unbooked += expected is None
        rule = rules[line.charge.pk]
        compared = Compared(taken_minor(line.charge), expected or 0, line.units_micro)
        sums.setdefault(rule, RuleSum(rule)).compared.append(compared)
    return Report(
        method=method,
        currency=currency,
        first_on=first_on,
        last_on=last_on,
        in_money=pays_in_money(method),
        rules=sorted(sums.values(), key=lambda each: (-abs(each.difference), each.rule)),
        refunds=_refunds(lines, booked),
        elsewhere=[line for line in lines if line.charge is None and line.refund is None],
        missing=_missing(method, currency, first_on, last_on),
        unbooked=unbooked,
    )


def _booked(lines: Iterable[StatementLine]) -> dict[tuple[str, int], int]:
    """Returns the units that the rewards book has for the charges and refunds of these lines."""
    found: dict[tuple[str, int], int] = defaultdict(int)
    keys = [line.charge_id for line in lines if line.charge_id], [line.refund_id for line in lines if line.refund_id]
    charges = RewardEntry.objects.filter(charge__in=keys[0], kind=RewardEntry.Kind.CHARGE)
    for pk, units in charges.values_list("charge_id", "units_micro"):
        found["charge", pk] = units
    refunds = RewardEntry.objects.filter(refund__in=keys[1]).order_by().values("refund_id")
    for row in refunds.annotate(units=Sum("units_micro")):
        found["refund", row["refund_id"]] = row["units"]
    return dict(found)


def _refunds(lines: Iterable[StatementLine], booked: dict[tuple[str, int], int]) -> RuleSum | None:
    compared = [
        Compared(-line.refund.amount_minor, booked.get(("refund", line.refund.pk), 0), line.units_micro)
        for line in lines
        if line.refund is not None
    ]
    return RuleSum(NO_RULE, compared) if compared else None


def _missing(method: FundingMethod, currency: str, first_on: dt.date, last_on: dt.date) -> list[FundingCharge]:
    """Returns our charges of these days that no statement has."""
    zone = zone_of(method.cardholder.time_zone)
    since = dt.datetime.combine(first_on, dt.time(), zone)
    until = dt.datetime.combine(last_on + dt.timedelta(days=1), dt.time(), zone)
    paid = FundingCharge.objects.filter(
        method=method, status=states.Charge.SUCCEEDED, created_at__gte=since, created_at__lt=until,
        obligation__currency=currency, statement_line=None,
    )  # fmt: skip
    return list(paid.select_related("obligation").order_by("created_at", "pk"))


def day_of(charge: FundingCharge, method: FundingMethod) -> dt.date:
    """Returns the day of a charge in its cardholder's zone."""
    return local_day(charge.created_at, method.cardholder.time_zone)


def _units(micro: Iterable[int]) -> Decimal:
    return Decimal(sum(micro)).scaleb(-6)
