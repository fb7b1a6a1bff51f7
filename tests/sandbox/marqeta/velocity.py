"""What velocity controls forbid, and the counters behind them; every window begins at 00:00 UTC, weeks on Sunday."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tests.sandbox.marqeta.state import ZERO, Spent, State, utc_now
from tests.sandbox.wire import Json

_COUNTED_WINDOWS = ("DAY", "WEEK", "MONTH", "LIFETIME")
# Which switch of a control has a say about which kind of money.
SWITCHES = {
    "authorization.cashback": "include_cashback",
    "authorization.atm.withdrawal": "include_withdrawals",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Money that a card wants to spend, as far as controls look at it."""

    card: Json
    kind: str
    mcc: str
    mid: str
    at: datetime


def exceeded(state: State, spending: Spending, *, extra: Decimal, total: Decimal, uses: int) -> tuple[Json, str] | None:
    """Find the first control that `extra` money breaks, and name the limit: `amount_limit` or `usage_limit`.

    `total` is what the whole authorization would come to, which is what a TRANSACTION control looks at; `uses` is
    one for a new authorization and none for an increment.
    """
    for control in _controls_of(state, spending.card):
        if not _concerns(control, spending):
            continue
        if control["velocity_window"] == "TRANSACTION":
            if total > control["amount_limit"]:
                return control, "amount_limit"
            continue
        spent = _spent_so_far(state, control, spending.at)
        if spent.amount + extra > control["amount_limit"]:
            return control, "amount_limit"
        if 0 <= control["usage_limit"] < spent.uses + uses:
            return control, "usage_limit"
    return None


def count(state: State, spending: Spending, *, amount: Decimal, uses: int = 0, approved: bool = True) -> None:
    """Add to every window that the spending falls into; a negative amount gives back."""
    verdict = "approved" if approved else "declined"
    switch = SWITCHES.get(spending.kind, "include_purchases")
    for owner in (spending.card["user_token"], spending.card["card_product_token"]):
        for window in _COUNTED_WINDOWS:
            for scope in ("", f"mcc:{spending.mcc}", f"mid:{spending.mid}"):
                spent = state.spent[owner, window, period_of(window, spending.at), scope, switch, verdict]
                spent.amount += amount
                spent.uses += uses


def begin_counting(state: State, control: Json) -> None:
    """Remember what was spent before a LIFETIME control; the other windows count from their own beginning."""
    state.spent_before[control["token"]] = Spent()
    now = _spent_so_far(state, {**control, "velocity_window": "LIFETIME"}, utc_now())
    state.spent_before[control["token"]] = now


def left_of(state: State, control: Json) -> Json:
    """Tell what a control leaves in the present window."""
    now = utc_now()
    spent = Spent() if control["velocity_window"] == "TRANSACTION" else _spent_so_far(state, control, now)
    uses = control["usage_limit"]
    return {
        "amount": max(ZERO, control["amount_limit"] - spent.amount),
        "uses": -1 if uses < 0 else max(0, uses - spent.uses),
        "days_remaining": _days_remaining(control["velocity_window"], now),
    }


def period_of(window: str, at: datetime) -> str:
    """Name the window that a moment falls into."""
    day = at.date()
    match window:
        case "DAY":
            return day.isoformat()
        case "WEEK":
            return (day - timedelta(days=(day.weekday() + 1) % 7)).isoformat()
        case "MONTH":
            return f"{day:%Y-%m}"
    return ""


def _controls_of(state: State, card: Json) -> list[Json]:
    of_user = state.of_owner("velocitycontrol", "user_token", card["user_token"])
    return of_user + state.of_owner("velocitycontrol", "card_product_token", card["card_product_token"])


def _concerns(control: Json, spending: Spending) -> bool:
    scope = control.get("merchant_scope", {})
    return bool(
        control["active"]
        and control[SWITCHES.get(spending.kind, "include_purchases")]
        and scope.get("mcc") in (None, spending.mcc)
        and scope.get("mid") in (None, spending.mid)
    )


def _spent_so_far(state: State, control: Json, at: datetime) -> Spent:
    owner = next(iter(control["association"].values()))
    scope = next((f"{name}:{value}" for name, value in control.get("merchant_scope", {}).items()), "")
    window = control["velocity_window"]
    verdict = "approved" if control["approvals_only"] else "declined"
    switches = [name for name in ("include_purchases", *SWITCHES.values()) if control[name]]
    keys = [(owner, window, period_of(window, at), scope, switch, verdict) for switch in switches]
    before = state.spent_before[control["token"]] if window == "LIFETIME" else Spent()
    amount = sum((state.spent[key].amount for key in keys), ZERO) - before.amount
    return Spent(amount, sum(state.spent[key].uses for key in keys) - before.uses)


def _days_remaining(window: str, at: datetime) -> int:
    if window not in ("DAY", "WEEK", "MONTH"):
        return 0
    days = 0
    while period_of(window, at + timedelta(days=days + 1)) == period_of(window, at):
        days += 1
    return days
