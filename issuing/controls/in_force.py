"""Controls in force, with what is the same for many purchases looked at once; pure.

Most conditions look at what has few values: an MCC, a country, a way of paying. For each combination of these that a
purchase has, the controls that it can meet at all are kept, with the conditions that are left to ask.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, Final

from issuing.controls.attributes import HISTORY, Attributes
from issuing.controls.evaluation import ControlInForce

# The attributes with few values. Amounts, merchants, scores and what the card did before have too many.
OF_FEW_VALUES: Final = frozenset({
    "cash", "mcc", "mcc_group", "country", "currency", "foreign_currency", "entry_mode", "channel", "cvc", "expiry",
    "address", "three_d_secure", "wallet", "kyc_state", "compliance_flags",
})  # fmt: skip
# So many combinations are kept of one set of controls; then all are looked at anew.
MOST_KEPT: Final = 4096
# A control, and the conditions of it that are left to ask.
Left = tuple[ControlInForce, tuple[Callable[[Attributes], bool], ...]]


class InForce(tuple[ControlInForce, ...]):
    """The controls of a programme, or of a card, in the order in which they take effect.

    `history` names the attributes of the card's past that a condition looks at.
    """

    history: tuple[str, ...]

    def __new__(cls, controls: Iterable[ControlInForce] = ()) -> "InForce":
        made = super().__new__(cls, controls)
        asked = {each.attribute for control in made for each in control.rule.when}
        made.history = tuple(name for name in HISTORY if name in asked)
        names = ["billing_currency", "mcc", *sorted(asked & OF_FEW_VALUES)]
        made._key = itemgetter(*map(Attributes._fields.index, names))
        made._kept = {}
        return made

    _key: Callable[[Attributes], Any]
    _kept: dict[Any, tuple[Left, ...]]

    def covering(self, attributes: Attributes) -> list[ControlInForce]:
        """Returns the controls that cover a purchase: all their conditions hold, and it is not left out."""
        if not self:
            return []
        key = self._key(attributes)
        left = self._kept.get(key)
        if left is None:
            left = self._keep(key, attributes)
        found = []
        for control, conditions in left:
            for holds in conditions:
                if not holds(attributes):
                    break
            else:
                if control.includes(attributes):
                    found.append(control)
        return found

    def _keep(self, key: Any, attributes: Attributes) -> tuple[Left, ...]:
        """Asks what depends on the key alone. Threads may do it at once: each finds the same."""
        left = tuple(_left(each) for each in self if _may_cover(each, attributes))
        if len(self._kept) >= MOST_KEPT:
            self._kept = {}
        self._kept[key] = left
        return left


def _may_cover(control: ControlInForce, attributes: Attributes) -> bool:
    return control.rule.counts_in(attributes.billing_currency) and all(
        each.holds(attributes) for each in control.rule.when if each.attribute in OF_FEW_VALUES
    )


def _left(control: ControlInForce) -> Left:
    return control, tuple(each.holds for each in control.rule.when if each.attribute not in OF_FEW_VALUES)
