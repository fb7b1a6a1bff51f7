"""A choice by value as the page of a purchase shows it: a line for each card, with its money and its caps."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from routing.valued import explaining
from routing.valued.explaining import CardLine, ValueExplanation

BASES = {
    "catalogue": gettext_lazy("reward terms"),
    "override": gettext_lazy("ranking of the product, in place of its terms"),
    "ranking": gettext_lazy("ranking, since the card has no terms"),
}
PAGES = {"catalogue": "rewardterms", "override": "rankingrow", "ranking": "rankingrow"}


@dataclass(frozen=True, slots=True)
class ValueLine:
    """One card's line: where its rates come from, the rates that the purchase earns, and the money."""

    name: str
    last_four: str
    is_chosen: bool
    basis: str
    basis_page: str
    parts: list[str]
    reward: str
    fee: str
    space: str
    net: str


def lines(found: ValueExplanation | None) -> list[ValueLine]:
    """Returns the lines of a choice by value, the best card first; none for another strategy."""
    return [_line(each, found.currency) for each in found.cards] if found else []


def _line(card: CardLine, currency: str) -> ValueLine:
    basis = _("%(basis)s, version %(version)s") % {
        "basis": BASES.get(card.basis, card.basis),
        "version": card.terms_version,
    }
    return ValueLine(
        name=card.name,
        last_four=card.last_four,
        is_chosen=card.is_chosen,
        basis=basis,
        basis_page=references.page_of(f"{PAGES.get(card.basis, 'rewardterms')}:{card.terms_id}"),
        parts=[explaining.part_in_words(part) for part in card.parts],
        reward=display.estimate(card.reward, currency),
        fee=display.estimate(card.fee, currency),
        space=display.estimate(card.space, currency),
        net=display.estimate(card.net, currency),
    )
