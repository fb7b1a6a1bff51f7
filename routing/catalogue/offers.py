"""What the terms of a card let its owner say: quarters to activate, categories to choose, and points to value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from routing import rulebook
from routing.value.terms import Product, Programme
from wallet.methods.earning import EarningRefusedError
from wallet.models import FundingMethod


@dataclass(frozen=True, slots=True)
class Choice:
    """A bonus whose categories the cardholder picks: at most `pick` of the options."""

    bonus: str
    rate: str
    pick: int
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a card's terms ask of its owner; both are empty for a card without terms."""

    activations: tuple[str, ...]
    choices: tuple[Choice, ...]


def of_card(method: FundingMethod) -> Offer:
    """Returns what the owner of a card may activate and choose."""
    product = _product(method)
    if product is None:
        return Offer((), ())
    return Offer(
        tuple(each.key for each in product.bonuses if each.activation_required),
        tuple(
            Choice(each.key, f"{each.rate:f}", each.choice_pick, each.choice_options)
            for each in product.bonuses
            if each.choice_options
        ),
    )


def check_choices(method: FundingMethod, choices: Mapping[str, Iterable[str]]) -> None:
    """Raises EarningRefusedError for a bonus that the card lacks, a category it does not offer, or too many of them."""
    offered = {each.bonus: each for each in of_card(method).choices}
    for bonus, tags in choices.items():
        offer, wanted = offered.get(bonus), list(tags)
        if offer is None:
            known = ", ".join(offered) or "none"
            raise EarningRefusedError("choices", f"This card has no bonus {bonus} to choose for; it has: {known}.")
        wrong = [tag for tag in wanted if tag not in offer.options]
        if wrong:
            words = f"{wrong[0]} cannot be chosen for {bonus}. Choose of: {', '.join(offer.options)}."
            raise EarningRefusedError("choices", words)
        if len(wanted) > offer.pick:
            raise EarningRefusedError("choices", f"Choose {offer.pick} at most for {bonus}.")


def label_of(tag: str) -> str:
    """Returns a category as people read it."""
    categories = rulebook.catalogue_for(version=rulebook.current_version()).catalogue.categories
    return categories[tag].label if tag in categories else tag


def programmes_of(methods: Iterable[FundingMethod]) -> list[Programme]:
    """Returns the programmes of these cards, each once, by name."""
    catalogue = rulebook.catalogue_for(version=rulebook.current_version()).catalogue
    products = [_product(each) for each in methods]
    keys = {each.programme for each in products if each is not None}
    return [catalogue.programmes[key] for key in sorted(keys)]


def _product(method: FundingMethod) -> Product | None:
    found = rulebook.catalogue_for(version=rulebook.current_version())
    return found.products.get(method.product_id) if method.product_id is not None else None
