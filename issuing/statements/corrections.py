"""Corrections of the catalogue that statements ask for, as a draft: a second person publishes it (decisions/0047).

A rule is corrected where at least three purchases by it earned one other rate. A rate of a row only fits all lines if
it explains each of them up to the rounding of one unit, since issuers round what they post.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import trail
from issuing.models import CardStatement
from issuing.statements.report import Compared, Report, RuleSum, build
from issuing.statements.rules import BASE, BONUS, CORRECTED, RANKING
from onecard.kit.errors import OneCardError
from onecard.kit.money import currency_exponent
from onecard.kit.transactions import transaction
from onecard.users.models import User
from routing.catalogue import drafting, rows
from routing.catalogue.entries import Entry, entries_of
from routing.models import Kind, RankingDraft, RankingRow
from routing.rankings import drafts
from routing.rankings.entry import RankingEntry
from routing.value.terms import Product

FEWEST: Final = 3
# What an issuer may round away of one purchase: a point, or a cent.
ROUNDED: Final = Decimal(1)
STEPS: Final = tuple(map(Decimal, ("1", "0.5", "0.25", "0.1", "0.05", "0.01")))
MOST_RATE: Final = Decimal(100)


class NothingToCorrectError(OneCardError):
    """The statement asks for no correction that can be drafted; the message says why. Nothing was changed."""

    code = "nothing_to_correct"


@dataclass(frozen=True, slots=True)
class Correction:
    """A rule that really pays another rate. `why_not` is "" where a draft can say so."""

    rule_sum: RuleSum
    observed: Decimal
    why_not: str = ""


def observed_rate(compared: Sequence[Compared], currency: str) -> Decimal | None:
    """Returns the roundest rate, in units for each whole unit of money, that explains every line; None for none."""
    if len(compared) < FEWEST or any(each.amount_minor <= 0 for each in compared):
        return None
    bounds = [_bounds(each, currency) for each in compared]
    low, high = max(low for low, _high in bounds), min(high for _low, high in bounds)
    if low > high or high < 0:
        return None
    middle = max((low + high) / 2, Decimal(0))
    for step in STEPS:
        for rounding in (ROUND_FLOOR, ROUND_CEILING):
            rate = (middle / step).to_integral_value(rounding) * step
            if low <= rate <= high and rate <= MOST_RATE:
                return rate
    return None


def find(report: Report) -> list[Correction]:
    """Returns the corrections that a report asks for, each with why it cannot be drafted, if it cannot."""
    terms = rows.read().products.get(report.method.product.key) if report.method.product else None
    found = []
    for each in report.rules:
        rate = observed_rate(each.compared, report.currency) if each.rule.kind in CORRECTED else None
        if rate is not None and not _explains(each.rule.rate, each.compared, report.currency):
            found.append(Correction(each, rate, _why_not(each, rate, terms)))
    return found


def propose(*, statement: CardStatement, user: User) -> RankingDraft:
    """Begins a draft with the corrections that the statement's period asks for; the user is its author.

    Raises NothingToCorrectError, or what a draft refuses.
    """
    with transaction():
        kept = CardStatement.objects.select_for_update(no_key=True, of=("self",)).get(pk=statement.pk)
        if kept.draft is not None and kept.draft.status == RankingDraft.Status.DRAFT:
            raise NothingToCorrectError(gettext_lazy("A draft of its corrections is there already: see that one."))
        found = find(report_of(kept))
        good = [each for each in found if not each.why_not]
        if not good:
            raise NothingToCorrectError(
                " ".join(each.why_not for each in found)
                or gettext_lazy("No rule earned another rate three times or more, so there is nothing to correct.")
            )
        title = f"Statement of {kept.method}, {kept.first_on} to {kept.last_on}"
        draft = drafts.begin(title=title[:120], user=user, source=f"statement {kept.pk}")
        _put(draft, kept, good, user)
        CardStatement.objects.filter(pk=kept.pk).update(draft=draft)
        trail.record(
            actor=f"user:{user.pk}", action="statement.corrections_drafted", subject=kept, draft=str(draft.pk),
            corrections=[f"{each.rule_sum.rule.title}: {each.observed}" for each in good],
        )  # fmt: skip
    return draft


def report_of(statement: CardStatement) -> Report:
    """Returns the report of a statement's own days."""
    return build(
        method=statement.method,
        currency=statement.currency,
        first_on=statement.first_on,
        last_on=statement.last_on,
    )


def _put(draft: RankingDraft, statement: CardStatement, found: Iterable[Correction], user: User) -> None:
    product = statement.method.product
    entry: Entry = None
    for each in found:
        rule = each.rule_sum.rule
        if rule.kind == RANKING:
            drafts.put(draft=draft, entry=_ranking(int(rule.key), each.observed), user=user)
            continue
        assert product is not None  # noqa: S101  (a rule of terms has a product)
        entry = entry or entries_of(rows.read())[Kind.PRODUCT, product.key]
        entry = _corrected(entry, rule.key, each.observed)
    if entry is not None and product is not None:
        drafting.put(draft=draft, kind=Kind.PRODUCT, key=product.key, entry=entry, user=user)


def _corrected(entry: Entry, bonus: str, rate: Decimal) -> Entry:
    said = f"{rate.normalize():f}"
    if not bonus:
        return {**entry, "base_rate": said}
    bonuses: list[Any] = [{**each, "rate": said} if each["key"] == bonus else each for each in entry["bonuses"]]
    return {**entry, "bonuses": bonuses}


def _ranking(row_id: int, rate: Decimal) -> RankingEntry:
    row = RankingRow.objects.get(pk=row_id)
    return RankingEntry(
        line=0,
        mcc=row.mcc,
        product_id=row.product_id,
        network=row.network,
        card_name=row.card_name,
        reward_rate=rate,
        reward_type=row.reward_type,
        annual_fee_minor=row.annual_fee_minor,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _why_not(found: RuleSum, rate: Decimal, terms: Product | None) -> str:
    """Returns why a correction cannot be drafted, or ""."""
    rule = found.rule
    if rule.kind == RANKING:
        row = RankingRow.objects.filter(pk=rule.key).first()
        if row is None:
            return _("%(rule)s is not published any more.") % {"rule": rule.title}
        whole = _("%(rule)s is of a whole network: one card's statement does not correct it.")
        return whole % {"rule": rule.title} if row.product_id is None else ""
    if terms is None:
        return _("The card's product has no terms any more.")
    bonus_rates = {each.rate for each in terms.bonuses}
    if rule.kind == BASE and not rule.is_passed_through and rate in bonus_rates:
        return _(
            "These purchases earned a bonus rate although we expected base rates only: the processor account may pass "
            "the merchant's category through. See its switch."
        )
    if rule.kind == BONUS and all(each.key != rule.key for each in terms.bonuses):
        return _("%(rule)s is not among the card's terms any more.") % {"rule": rule.title}
    return ""


def _explains(rate: Decimal, compared: Iterable[Compared], currency: str) -> bool:
    return all(low <= rate <= high for low, high in (_bounds(each, currency) for each in compared))


def _bounds(each: Compared, currency: str) -> tuple[Decimal, Decimal]:
    """Returns the lowest and highest rate that one line may have been posted at."""
    amount = Decimal(each.amount_minor).scaleb(-currency_exponent(currency))
    units = Decimal(each.earned_micro).scaleb(-6)
    return (units - ROUNDED) / amount, (units + ROUNDED) / amount
