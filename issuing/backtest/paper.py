"""A backtest on paper: as a table for the terminal, as JSON or CSV for machines, and a file of purchases."""

import contextlib
import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from issuing.backtest.money import ALL, CARD, GROUPS, MCC, MONTH, Backtest, Changed, Sums
from onecard.kit import display
from onecard.kit.replaced_file import replacing
from onecard.kit.spreadsheet_cells import safe
from routing.models import MerchantCategory
from routing.replay import Outcome
from routing.rewards import MICRO_PLACES

DECLINED: Final = "(declined)"
HEADS: Final = {ALL: "all", MONTH: "by month", CARD: "by card", MCC: "by merchant category"}
AMOUNTS: Final = ("before", "after", "gained", "lost")
SUM_COLUMNS: Final = ("group", "key", "name", "currency", "purchases", "changed", *AMOUNTS)
PURCHASE_COLUMNS: Final = (
    "decision_id", "purchase", "decided_at", "merchant", "mcc", "amount", "kept", "currency", "card_before",
    "card_after", "earned_before", "earned_after",
)  # fmt: skip
WIDTH: Final = 34


@dataclass(frozen=True, slots=True)
class Period:
    """What was asked: the period, the strategy for everybody or "", and the draft or files in words, or ""."""

    since: dt.datetime
    until: dt.datetime
    strategy: str
    tried: str


def table(found: Backtest, period: Period) -> str:
    """Returns the sums and the purchases that change the most, for people."""
    lines = [*_head(found, period)]
    for group in GROUPS:
        rows = found.of(group)
        if rows:
            lines += ["", f"{HEADS[group]:<{WIDTH}}{'purchases':>10}{'change':>9}" + "".join(
                f"{name:>14}" for name in (*AMOUNTS, "difference")
            )]  # fmt: skip
            names = _names(found) if group == MCC else {}
            lines += [_line(group, key, names.get(key, ""), currency, each) for key, currency, each in rows]
    if found.largest:
        lines += ["", "The purchases that change the most:", *(_example(each) for each in found.largest)]
    return "\n".join(lines) + "\n"


def as_json(found: Backtest, period: Period) -> str:
    """Returns all of it as JSON; amounts are exact text in whole units."""
    counts = {"people": found.people, "purchases": found.purchases, "unreadable": found.unreadable}
    asked = {"since": period.since.isoformat(), "until": period.until.isoformat(), "strategy": period.strategy}
    said = {
        **asked, "tried": period.tried, **counts, "another_card": found.another_card,
        "groups": [dict(zip(SUM_COLUMNS, row, strict=True)) for row in _rows(found)],
        "purchases_that_change_most": [dict(zip(PURCHASE_COLUMNS, _row(each), strict=True)) for each in found.largest],
    }  # fmt: skip
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def csv_of(found: Backtest, _period: Period) -> str:
    """Returns the sums as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SUM_COLUMNS)
    writer.writerows(_rows(found))
    return text.getvalue()


@contextlib.contextmanager
def purchases_file(file: Path) -> Iterator[Callable[[Changed], object]]:
    """Gives what adds a purchase to a CSV, which takes its place when all are in. Raises OSError."""
    with replacing(file) as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(PURCHASE_COLUMNS)
        yield lambda changed: writer.writerow(_row(changed))


def _head(found: Backtest, period: Period) -> Iterator[str]:
    tried = " and ".join(filter(None, [period.tried, f"strategy {period.strategy}" if period.strategy else ""]))
    yield (
        f"{found.purchases:,} purchases of {found.people:,} people, {period.since:%Y-%m-%d} to "
        f"{period.until:%Y-%m-%d}, decided as published (before) and with {tried} (after)."
    )
    yield f"Another card would have paid {found.another_card:,} of them."
    if found.unreadable:
        yield f"{found.unreadable:,} more say too little to be decided again, and were left out."
    yield "Money is what the terms of the paying card earn, after caps and the foreign fee; an estimate."


def _line(group: str, key: str, name: str, currency: str, sums: Sums) -> str:
    label = {ALL: currency, CARD: key or DECLINED}.get(group, f"{key} {name}".strip())
    if group != ALL:
        label = f"{label[: WIDTH - 6]} {currency}"
    amounts = [sums.before_micro, sums.after_micro, sums.gained_micro, sums.lost_micro]
    shown = "".join(f"{_shown(each, currency):>14,f}" for each in amounts)
    difference = _shown(sums.after_micro - sums.before_micro, currency)
    return f"{label:<{WIDTH}}{sums.purchases:>10,}{sums.changed:>9,}{shown}{difference:>+14,f}"


def _example(changed: Changed) -> str:
    decision, currency = changed.decision, changed.decision.paid.currency
    cards = f"{changed.before.card or DECLINED} -> {changed.after.card or DECLINED}"
    if changed.before.payer == changed.after.payer:
        cards = changed.after.card
    difference = _shown(changed.difference_micro, currency, finer_by=1)
    merchant = decision.merchant_name or decision.reference
    return (
        f"  {decision.decided_at:%Y-%m-%d}  {merchant[:24]:<24}  {decision.mcc}  {decision.paid!s:>14}  "
        f"{difference:>+10,f} {currency}  {cards}"
    )


def _rows(found: Backtest) -> Iterator[list[Any]]:
    names = _names(found)
    for group in GROUPS:
        for key, currency, sums in found.of(group):
            name = names.get(key, "") if group == MCC else ""
            shown = (key or DECLINED) if group == CARD else key
            amounts = (sums.before_micro, sums.after_micro, sums.gained_micro, sums.lost_micro)
            counts = (sums.purchases, sums.changed)
            yield [group, safe(shown), safe(name), currency, *counts, *(_plain(each) for each in amounts)]


def _row(changed: Changed) -> list[Any]:
    decision, both = changed.decision, (changed.before, changed.after)
    what = [
        decision.id,
        decision.reference,
        decision.decided_at.isoformat(),
        safe(decision.merchant_name),
        decision.mcc,
    ]
    paid = [f"{decision.paid.major:f}", f"{changed.kept.major:f}", decision.paid.currency]
    return [*what, *paid, *(safe(_card(each)) for each in both), *(_plain(each.reward_micro) for each in both)]


def _card(outcome: Outcome) -> str:
    return outcome.card or DECLINED


def _names(found: Backtest) -> dict[str, str]:
    codes = {key for group, key, _currency in found.sums if group == MCC}
    return dict(MerchantCategory.objects.filter(code__in=codes).values_list("code", "description"))


def _shown(micro: int, currency: str, *, finer_by: int = 0) -> Decimal:
    return display.rounded(Decimal(micro).scaleb(-MICRO_PLACES), currency, finer_by=finer_by)


def _plain(micro: int) -> str:
    return f"{Decimal(micro).scaleb(-MICRO_PLACES).normalize():f}"
