"""The people of the proof: each with a virtual card at one of the two issuers and a wallet of funding cards behind it.

What the sandbox has to know of them is made over its API, what we have to know is written in bulk: making cards has a
proof of its own (tests/proofs/cards.py).
"""

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from issuing.models import IssuerAccount, VirtualCard
from onecard.users.models import User
from routing.models import RankingRow
from tests.proofs.purchases.http import Json, SandboxHttp
from wallet.models import Cardholder, FundingMethod, KycStatus, Network

MCC, CATEGORY = "5812", "eating_places_restaurants"
# Limits that no run reaches; the same at the issuer.
LIMIT_MINOR = 1_000_000_00
# The sandbox's test cards: most pay, some of them never do.
GOOD = {Network.VISA: "visa", Network.MASTERCARD: "mastercard", Network.AMEX: "amex", Network.DISCOVER: "discover"}
BAD = ("chargeDeclined", "chargeDeclinedInsufficientFunds", "chargeDeclinedLostCard", "authenticationRequired")
BAD_PERCENT = 5
EUR_PERCENT = 20
ADDRESS = {
    "line1": "510 Townsend Street",
    "city": "San Francisco",
    "state": "CA",
    "postal_code": "94103",
    "country": "US",
}

Provider = Literal["stripe", "marqeta"]
# Its holder's id, its own, its last digits, the year and the month it expires in.
Card = tuple[str, str, str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Shopper:
    """A person with a card at an issuer; ids are the sandbox's. Marqeta's program has one currency."""

    provider: Provider
    currency: str
    customer_id: str
    holder_id: str
    card_id: str
    last_four: str
    expires: tuple[int, int]
    # Network and payment method, the backup first.
    methods: tuple[tuple[Network, str], ...]


def make_people(http: SandboxHttp, count: int, *, seed: int) -> list[Shopper]:
    """Makes them at the sandbox and here, the issuers in turn; nobody is told of it, for nobody listens yet."""
    chance = random.Random(f"people:{seed}")
    http.control("POST", "scenarios", {"webhook": "*", "do": "drop", "times": None})
    _close_the_demo_cards(http)
    people = [_make_one(http, number, chance) for number in range(count)]
    http.control("DELETE", "scenarios")
    _write_down(people)
    return people


def _close_the_demo_cards(http: SandboxHttp) -> None:
    """The world file's own cards are nobody's here."""
    for card in list(http.all_of_stripe("issuing/cards")):
        http.stripe("POST", f"issuing/cards/{card['id']}", {"status": "canceled"})
    body = {"card_token": "demo-card", "state": "TERMINATED", "channel": "API", "reason_code": "00"}
    http.marqeta("POST", "cardtransitions", body)


def _make_one(http: SandboxHttp, number: int, chance: random.Random) -> Shopper:
    provider: Provider = "stripe" if number % 2 else "marqeta"
    currency = "EUR" if provider == "stripe" and chance.random() * 100 < EUR_PERCENT else "USD"
    customer: str = http.stripe("POST", "customers", {"name": "Ada Many"})["id"]
    networks = chance.sample(list(GOOD), k=chance.randint(3, 4))
    methods = tuple((network, _attach(http, customer, _test_card(network, chance))) for network in networks)
    make = _make_at_stripe if provider == "stripe" else _make_at_marqeta
    return Shopper(provider, currency, customer, *make(http, currency), methods)


def _test_card(network: Network, chance: random.Random) -> str:
    return chance.choice(BAD) if chance.random() * 100 < BAD_PERCENT else GOOD[network]


def _attach(http: SandboxHttp, customer: str, name: str) -> str:
    attached: str = http.stripe("POST", f"payment_methods/pm_card_{name}/attach", {"customer": customer})["id"]
    return attached


def _make_at_stripe(http: SandboxHttp, currency: str) -> Card:
    terms = {"user_terms_acceptance": {"date": 1_790_000_000, "ip": "203.0.113.7"}}
    birth = {"day": 10, "month": 12, "year": 1990}
    person = {"first_name": "Ada", "last_name": "Many", "dob": birth, "card_issuing": terms}
    holder = http.stripe(
        "POST", "issuing/cardholders", {"name": "Ada Many", "billing": {"address": ADDRESS}, "individual": person}
    )
    limits = [{"amount": LIMIT_MINOR, "interval": every} for every in ("per_authorization", "daily", "monthly")]
    wanted = {"currency": currency.lower(), "type": "virtual", "cardholder": holder["id"], "status": "active"}
    card = http.stripe("POST", "issuing/cards", {**wanted, "spending_controls": {"spending_limits": limits}})
    return holder["id"], card["id"], card["last4"], (card["exp_year"], card["exp_month"])


def _make_at_marqeta(http: SandboxHttp, _currency: str) -> Card:
    user = http.marqeta("POST", "users", {"first_name": "Ada", "last_name": "Many"})["token"]
    http.marqeta("POST", "kyc", {"user_token": user})
    wanted = {"user_token": user, "card_product_token": "demo-card-product"}
    card: Json = http.marqeta("POST", "cards", wanted)
    body = {"card_token": card["token"], "state": "ACTIVE", "channel": "API", "reason_code": "00"}
    http.marqeta("POST", "cardtransitions", body)
    month, year = card["expiration"][:2], card["expiration"][2:]
    return user, card["token"], card["last_four"], (2000 + int(year), int(month))


def _write_down(people: list[Shopper]) -> None:
    RankingRow.objects.bulk_create(
        RankingRow(mcc=MCC, scope="network", network=network, reward_rate=Decimal(rate), reward_type="points")
        for rate, network in enumerate(GOOD, 1)
    )
    users = User.objects.bulk_create([User(username=f"shopper-{n}", password="!") for n in range(len(people))])
    holders = Cardholder.objects.bulk_create(
        Cardholder(
            user=user,
            name="Ada Many",
            kyc_status=KycStatus.VERIFIED,
            preference="rewards",
            processor_customer_id=each.customer_id,
            issuer_cardholder_id=each.holder_id,
        )
        for user, each in zip(users, people, strict=True)
    )
    of = list(zip(holders, people, strict=True))
    FundingMethod.objects.bulk_create([method for holder, each in of for method in _methods(holder, each)])
    VirtualCard.objects.bulk_create(_card(holder, each) for holder, each in of)
    IssuerAccount.objects.bulk_create(
        IssuerAccount(cardholder=holder, provider=each.provider, issuer_cardholder_id=each.holder_id)
        for holder, each in of
    )


def _methods(holder: Cardholder, shopper: Shopper) -> list[FundingMethod]:
    return [
        FundingMethod(
            cardholder=holder,
            name=str(network.label),
            network=network,
            last_four="0000",
            expiry_month=12,
            expiry_year=2034,
            processor_method_id=method_id,
            currencies=[shopper.currency],
            position=place,
            is_backup=not place,
        )
        for place, (network, method_id) in enumerate(shopper.methods)
    ]


def _card(holder: Cardholder, shopper: Shopper) -> VirtualCard:
    limits: dict[str, Any] = dict.fromkeys(
        ("per_transaction_limit_minor", "daily_limit_minor", "monthly_limit_minor"), LIMIT_MINOR
    )
    return VirtualCard(
        cardholder=holder,
        card_type="visa",
        issuer_provider=shopper.provider,
        issuer_card_id=shopper.card_id,
        currency=shopper.currency,
        last_four=shopper.last_four,
        expiry_month=shopper.expires[1],
        expiry_year=shopper.expires[0],
        status="active",
        **limits,
    )
