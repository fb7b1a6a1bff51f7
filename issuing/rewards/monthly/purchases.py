"""The purchases of one person and month as they stand now, with the cards that could have paid each. Reads only.

A purchase belongs to the month in which it was approved, by the person's own calendar, and counts with what is left of
it: what was given up or refunded since, in whichever month, is taken off. So a refund changes the month of its
purchase, and a report always says what holds now.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from issuing.models import Authorization, Decision
from issuing.rewards.monthly.months import span_of
from issuing.rewards.spend_book import counted
from onecard.kit.time_zones import zone_of
from routing import preview, rulebook
from routing.catalogue.compiled import CompiledCatalogue
from routing.engine import CASH, Method, Row, applicable_rows
from routing.models import SpendBooking
from routing.replay import USABLE
from routing.value.month import Bought
from routing.value.spend import Purchase, Spend
from routing.value.wallet import Wallet
from routing.valued import trace
from routing.valued.holdings import held
from routing.valued.person import PersonFacts, is_target, spend_of
from wallet import states
from wallet.models import Cardholder, FundingCharge, FundingMethod, FundingRefund
from wallet.references import Subject

HOME: Final = "US"
# No cap lasts longer than a year.
LONGEST_PERIOD: Final = dt.timedelta(days=370)


@dataclass(slots=True)
class Spent:
    """What was bought in one currency: purchases whose card has terms, and the amounts on each card.

    `unknown_minor` was paid by cards without terms or ranking, so nothing is known of what it earned.
    """

    currency: str
    bought: list[Bought] = field(default_factory=list)
    by_card: dict[int, int] = field(default_factory=dict)
    unknown_minor: int = 0

    @property
    def total_minor(self) -> int:
        return sum(self.by_card.values())


@dataclass(frozen=True, slots=True)
class Lookback:
    """A person's wallet and terms as they are now, and what they bought in the month, by currency in order of code."""

    methods: Mapping[int, FundingMethod]
    found: CompiledCatalogue
    person: PersonFacts
    passes: bool
    spent: list[Spent]


def look_back(holder: Cardholder, month: dt.date) -> Lookback:
    """Reads a month. Its number of queries does not grow with the purchases."""
    since, until = span_of(month, holder.time_zone)
    wallets = _Wallets(holder, until)
    spent: dict[str, Spent] = {}
    charges = list(_charges(holder, since, until))
    purchases = _purchases(charges)
    traces = _traces(charges)
    for charge in charges:
        kept = min(charge.money.minor, charge.obligation.payable.minor) - charge.returned_minor
        row = purchases.get(Subject.PURCHASE.key_in(charge.obligation.purchase) or 0)
        if kept > 0 and row is not None:
            of_currency = spent.setdefault(charge.obligation.currency, Spent(charge.obligation.currency))
            _add(of_currency, wallets, _Paid(charge, row, kept, traces.get(charge.obligation_id, {})))
    ordered = [spent[currency] for currency in sorted(spent)]
    return Lookback(wallets.methods, wallets.found, wallets.person, wallets.passes, ordered)


def spent_before(holder: Cardholder, month: dt.date, currency: str) -> Spend:
    """Returns how full the caps were when the month began, by the bookings of earlier purchases as they stand now."""
    since, _ = span_of(month, holder.time_zone)
    bookings = SpendBooking.objects.filter(
        charge__obligation__cardholder=holder,
        charge__obligation__currency=currency,
        charge__obligation__created_at__gte=since - LONGEST_PERIOD,
        charge__obligation__created_at__lt=since,
        status__in=(SpendBooking.Status.PENDING, SpendBooking.Status.POSTED),
    )
    sums: dict[tuple[int, str, str, str], int] = {}
    for method, status, kept, amount, shares in bookings.values_list(
        "method_id", "status", "kept_minor", "amount_minor", "shares"
    ):
        for name, tag, first, minor in shares:
            if not is_target(name):
                key = (method, name, tag, first)
                sums[key] = sums.get(key, 0) + sum(counted(status, minor, kept, amount))
    return spend_of([(*key, 0, minor) for key, minor in sums.items()])


@dataclass(frozen=True, slots=True)
class _Paid:
    """A charge with its purchase's row, what is left of its amount, and the trace of its decision."""

    charge: FundingCharge
    row: Mapping[str, Any]
    kept_minor: int
    trace: Mapping[str, Any]

    @property
    def saw(self) -> Mapping[str, Any]:
        """What the decision saw by value; empty for another strategy or release."""
        saw = self.trace.get("value")
        return saw if isinstance(saw, Mapping) and saw.get("format") == trace.FORMAT else {}

    def purchase(self, time_zone: str) -> Purchase:
        at = self.charge.obligation.created_at.astimezone(zone_of(time_zone)).replace(tzinfo=None)
        if self.saw:
            return trace.purchase_of(self.saw["purchase"])._replace(at=at, amount_minor=self.kept_minor)
        row = self.row
        return Purchase(at, row["mcc"], row["merchant_name"], self.kept_minor, row["merchant_country"] or HOME)

    def could_pay(self, active: frozenset[int]) -> frozenset[int]:
        """Returns the cards that could have paid: by the decision's trace, or those that are active now."""
        saw = self.trace.get("candidates")
        able = active
        if isinstance(saw, list):
            able = frozenset(each["method_id"] for each in saw if each.get("left_out") in USABLE)
        return able | {self.charge.method_id}


def _add(spent: Spent, wallets: "_Wallets", paid: _Paid) -> None:
    method, purchase = paid.charge.method_id, paid.purchase(wallets.time_zone)
    wallet = wallets.of(purchase, paid.could_pay(wallets.active), passes=paid.saw.get("passed_through", wallets.passes))
    spent.by_card[method] = spent.by_card.get(method, 0) + paid.kept_minor
    if any(card.holding.card == str(method) for card in wallet.cards):
        spent.bought.append(Bought(purchase, wallet, str(method)))
    else:
        spent.unknown_minor += paid.kept_minor


class _Wallets:
    """Makes the wallet of each purchase, with rankings where they stand in the place of terms; equal ones are one."""

    def __init__(self, holder: Cardholder, at: dt.datetime) -> None:
        self._version = rulebook.current_version()
        self.found = rulebook.catalogue_for(version=self._version)
        self.person = preview.person_of(holder, at)
        self.passes = self.found.account.passes_mcc
        self.time_zone = holder.time_zone
        own = holder.funding_methods.select_related("cardholder").order_by("position", "pk")
        self.methods = {each.pk: each for each in own}
        self.active = frozenset(k for k, each in self.methods.items() if each.status == FundingMethod.Status.ACTIVE)
        self._known: list[Method] = [preview.method_of(each) for each in self.methods.values()]
        self._made: dict[tuple[object, ...], Wallet] = {}

    def of(self, purchase: Purchase, able: frozenset[int], *, passes: bool) -> Wallet:
        ranked = self._ranked(purchase)
        key = (able, passes, *sorted((str(scope), row.id) for scope, row in ranked.items()))
        if key not in self._made:
            methods = [each for each in self._known if each.id in able]
            cards = held(methods, self.found, ranked, self.person, is_passed_through=passes)
            self._made[key] = Wallet(self.found.matcher, self.found.catalogue, [each.holding for each in cards])
        return self._made[key]

    def _ranked(self, purchase: Purchase) -> dict[int | str, Row]:
        rules, rows, _versions = rulebook.rules_for(version=self._version, mcc=purchase.mcc)
        return applicable_rows(rows, purchase.at.date(), CASH, rules)


def _charges(holder: Cardholder, since: dt.datetime, until: dt.datetime) -> Iterable[Any]:
    """Selects charges that took or hold money for purchases of the time, in its order, each with what was refunded."""
    refunds = FundingRefund.objects.filter(charge=OuterRef("pk"), status=states.Refund.SUCCEEDED).order_by()
    returned = refunds.values("charge").annotate(sum=Sum("amount_minor")).values("sum")
    return (
        FundingCharge.objects.filter(
            Q(obligation__purchase__startswith=Subject.PURCHASE.prefix),
            obligation__cardholder=holder,
            obligation__created_at__gte=since,
            obligation__created_at__lt=until,
            status__in=states.LIVE_CHARGE,
        )
        .select_related("obligation")
        .annotate(returned_minor=Coalesce(Subquery(returned), 0))
        .order_by("obligation__created_at", "obligation_id", "pk")
    )


def _purchases(charges: Iterable[FundingCharge]) -> dict[int, Mapping[str, Any]]:
    keys = [Subject.PURCHASE.key_in(each.obligation.purchase) for each in charges]
    rows = Authorization.objects.filter(pk__in=[key for key in keys if key is not None])
    return {each["pk"]: each for each in rows.values("pk", "mcc", "merchant_name", "merchant_country")}


def _traces(charges: Iterable[FundingCharge]) -> dict[int, Mapping[str, Any]]:
    """Returns the traces of the charges' decisions; what was taken beyond an approval has none."""
    rows = Decision.objects.filter(obligation__in=[each.obligation_id for each in charges])
    return {key: found for key, found in rows.values_list("obligation_id", "trace") if isinstance(found, Mapping)}
