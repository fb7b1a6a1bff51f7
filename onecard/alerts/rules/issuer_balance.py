"""Our balance at an issuer: what purchases can still take, and whether anybody reads it."""

from collections.abc import Iterator
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext_lazy

from issuing.models import Provider
from issuing.operations import balances
from issuing.operations.balances import BalanceStatus
from onecard.alerts.rule import Condition, Rule
from onecard.alerts.states import Severity
from onecard.kit import display


def low_balances() -> Iterator[Condition]:
    """The newest reading of each balance, by index, against the sums of the hours of a week."""
    for each in balances.current():
        if each.pays_purchases and (each.is_low or each.is_stale):
            yield Condition(
                severity=Severity.CRITICAL if each.is_low else Severity.WARNING,
                summary=f"{Provider(each.provider).label}: {_said(each)}",
                key=f"{each.provider}:{each.currency}",
                page=reverse("admin:issuing_issuercontrol_changelist"),
            )


def _said(found: BalanceStatus) -> str:
    amount = display.money(found.available_minor, found.currency)
    read = f"read {display.age(found.read_at)} ago"
    if not found.is_low:
        return f"our balance has not been read since; it was {amount}, {read}."
    mark = f", the mark is {display.money(found.low_minor, found.currency)}" if found.low_minor else ""
    days = f" It lasts about {found.days_left:.1f} days." if found.days_left is not None else ""
    return f"our balance is {amount}{mark}, {read}.{days} When it is empty, every purchase is declined without us."


RULE: Final = Rule(
    kind="issuer_balance_low",
    label=gettext_lazy("Our balance at an issuer is low"),
    to_do=gettext_lazy(
        "Top it up in the issuer's dashboard now. From a bank account that takes days; a transfer from the balance of "
        "our charges is quicker."
    ),
    measure=low_balances,
)
