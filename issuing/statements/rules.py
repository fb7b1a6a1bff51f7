"""Which rule a charge's expectation came from: a part of the card's terms, or a ranking, by its decision's trace."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _

from issuing.models import Decision
from routing.valued.holdings import CATALOGUE
from routing.valued.trace import FORMAT
from wallet.models import FundingCharge

BONUS, BASE, MIXED, RANKING, UNKNOWN = "bonus", "base", "mixed", "ranking", "unknown"
# Only these are one rate of one row, so only these can be corrected.
CORRECTED: Final = (BONUS, BASE, RANKING)


class Rule(NamedTuple):
    """One rule: a bonus or the base rate of the card's terms, a ranking's row, a mixture of rates, or none.

    `key` is the bonus or the row's id; `is_passed_through` is what the decision took to be so.
    """

    kind: str
    key: str
    rate: Decimal
    is_passed_through: bool

    @property
    def title(self) -> str:
        titles = {
            BONUS: _("Bonus %(key)s"),
            BASE: _("Base rate"),
            MIXED: _("Several rates, at a cap"),
            RANKING: _("Ranking %(key)s"),
            UNKNOWN: _("No rule known"),
        }
        return titles[self.kind] % {"key": self.key}


NO_RULE: Final = Rule(UNKNOWN, "", Decimal(0), is_passed_through=True)


def rules_of(charges: Iterable[FundingCharge]) -> dict[int, Rule]:
    """Returns the rule of each charge by its id, as its decision saw it. One query.

    A charge without a decision of its own, such as a tip's, has no rule here.
    """
    found = list(charges)
    traces: dict[int, Any] = dict(
        Decision.objects.filter(obligation__in={charge.obligation_id for charge in found}).values_list(
            "obligation_id", "trace"
        )
    )
    return {each.pk: _rule(traces.get(each.obligation_id) or {}, each.method_id) for each in found}


def _rule(trace: Mapping[str, Any], method_id: int) -> Rule:
    candidate = next((each for each in trace.get("candidates") or () if each["method_id"] == method_id), None)
    if candidate is None or candidate["reward_rate"] is None:
        return NO_RULE
    saw = trace.get("value")
    if isinstance(saw, Mapping) and saw.get("format") == FORMAT:
        card = next((each for each in saw["cards"] if each["card"] == str(method_id)), None)
        if card is not None and card["basis"] == CATALOGUE and "parts" in card:
            return _of_terms(card["parts"], passes=bool(saw["passed_through"]))
    return Rule(RANKING, str(candidate["row_id"]), Decimal(candidate["reward_rate"]), is_passed_through=True)


def _of_terms(parts: list[Mapping[str, Any]], *, passes: bool) -> Rule:
    if len(parts) != 1:
        return Rule(MIXED, "", Decimal(0), passes)
    rate, bonus = Decimal(parts[0]["rate"]), str(parts[0].get("bonus", ""))
    return Rule(BONUS if bonus else BASE, bonus, rate, passes)
