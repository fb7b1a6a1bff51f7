"""People of the benchmark with ten funding cards each: decided by the rules for rewards, and by value."""

from typing import Any, Final

from issuing.models import VirtualCard
from onecard.kit import clock
from onecard.users.models import User
from routing import preview, rulebook
from routing.catalogue import drafting
from routing.models import CardSpend, SpacePrices
from routing.value.catalogue_file import SHIPPED
from routing.value.forecast import History
from routing.value.periods import quarter_of
from routing.value.pricing import make_prices
from routing.value.spend import Bucket
from routing.value.wallet import Wallet
from routing.valued.holdings import held
from routing.valued.person import PersonFacts, kept_prices
from tests.proofs.bench.choice import CARDS
from tests.proofs.bench.people import new_card, new_holder
from wallet.models import Cardholder, CardProduct, FundingMethod

BY_REWARDS: Final = "cash"
BY_VALUE: Final = "value"
STARTED_MINOR: Final = 12_345
NAME: Final = "Ten cards"


def make_people(count: int, *, first: int) -> None:
    """Makes cards whose issuer's ids are ic_bench_<first> and so on, with terms, spend and prices of space for each."""
    drafting.publish_file(SHIPPED, command="bench")
    products = CardProduct.objects.in_bulk(CARDS, field_name="key")
    numbers = range(first, first + count)
    users = User.objects.bulk_create([User(username=f"bench-{number}") for number in numbers], 1000)
    holders = [new_holder(number, user) for number, user in zip(numbers, users, strict=True)]
    for holder in holders:
        holder.name = NAME
    Cardholder.objects.bulk_create(holders, 1000)
    wallets = [_wallet(number, holder, products) for number, holder in zip(numbers, holders, strict=True)]
    FundingMethod.objects.bulk_create([method for wallet in wallets for method in wallet], 1000)
    VirtualCard.objects.bulk_create([new_card(*each) for each in zip(numbers, holders, strict=True)], 1000)
    _fill_caps(holders, wallets)


def prefer(preference: str) -> None:
    """Has these people's purchases decided by value, or by the rules for rewards."""
    Cardholder.objects.filter(name=NAME).update(preference=preference)


def _wallet(number: int, holder: Cardholder, products: dict[str, CardProduct]) -> list[FundingMethod]:
    quarter = quarter_of(clock.now().date())
    return [
        FundingMethod(
            cardholder=holder,
            name=products[key].name,
            product=products[key],
            network=products[key].network,
            last_four="0000",
            expiry_month=12,
            expiry_year=2090,
            processor_method_id=f"pm_bench_{number}_{place}",
            position=place,
            is_backup=place == 1,
            activations={quarter: None},
        )
        for place, key in enumerate(CARDS)
    ]


def _fill_caps(holders: list[Cardholder], wallets: list[list[FundingMethod]]) -> None:
    """Gives each cap some spend, and each person prices of space: the same for all, since their wallets are."""
    today, found = clock.now().date(), rulebook.catalogue_for(version=rulebook.current_version())
    methods = [preview.method_of(each) for each in wallets[0]]
    cards = [each.card for each in held(methods, found, {}, PersonFacts(), is_passed_through=True)]
    buckets = [card.bucket(cap, today) for card in cards for cap in card.prepared.product.caps]
    places = {card.holding.card: place for place, card in enumerate(cards)}
    prices = kept_prices(make_prices(Wallet.of(cards), PersonFacts().spend, History(today), today))
    CardSpend.objects.bulk_create(
        [_sum(wallet[places[bucket.card]], bucket) for wallet in wallets for bucket in buckets], 5000
    )
    SpacePrices.objects.bulk_create(
        [
            SpacePrices(cardholder=holder, made_at=clock.now(), prices=_of(wallet, prices, places))
            for holder, wallet in zip(holders, wallets, strict=True)
        ],
        1000,
    )


def _sum(method: FundingMethod, bucket: Bucket) -> CardSpend:
    return CardSpend(method=method, name=bucket.cap, starts_on=bucket.starts_on, posted_minor=STARTED_MINOR)


def _of(wallet: list[FundingMethod], prices: dict[str, Any], places: dict[str, int]) -> dict[str, Any]:
    """Returns the first person's prices with the cards of this wallet."""
    return {name: [[str(wallet[places[card]].pk), *more] for card, *more in found] for name, found in prices.items()}
