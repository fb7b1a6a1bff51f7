"""Honest rows for tests: each factory makes one that the database accepts; a test names only what it is about."""

import datetime as dt
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from issuing.models import VirtualCard
from onecard.users.models import User
from routing.models import RankingRow
from wallet.kyc.fields import TERMS_VERSION
from wallet.models import Cardholder, CardProduct, FundingMethod


class UserFactory(DjangoModelFactory[User]):
    """A login without a usable password; staff of it have had their second factor for long."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = "!"
    trusted_from = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class CardholderFactory(DjangoModelFactory[Cardholder]):
    """A person with a whole profile and a verified identity, who prefers cash back; the wallet is empty."""

    class Meta:
        model = Cardholder

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Person {n}")
    legal_first_name = "Ada"
    legal_last_name = "Person"
    birth_date = dt.date(1990, 12, 10)
    phone = "+14155550100"
    address_line1 = "510 Townsend Street"
    address_city = "San Francisco"
    address_state = "CA"
    address_postal_code = "94103"
    address_country = "US"
    terms_version = TERMS_VERSION
    terms_accepted_at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    terms_accepted_from = "203.0.113.7"
    kyc_status = "verified"
    time_zone = "America/New_York"
    preference = "cash"
    processor_customer_id = factory.Sequence(lambda n: f"cus_Test{n:06d}")
    issuer_cardholder_id = factory.Sequence(lambda n: f"ich_Test{n:06d}")


class CardProductFactory(DjangoModelFactory[CardProduct]):
    """A Visa without an annual fee."""

    class Meta:
        model = CardProduct

    key = factory.Sequence(lambda n: f"product-{n}")
    name = factory.Sequence(lambda n: f"Product {n}")
    issuer = "Test Bank"
    network = "visa"


class FundingMethodFactory(DjangoModelFactory[FundingMethod]):
    """A usable Visa, no backup card, placed behind those made before it."""

    class Meta:
        model = FundingMethod

    cardholder = factory.SubFactory(CardholderFactory)
    name = factory.Sequence(lambda n: f"Card {n}")
    network = "visa"
    last_four = factory.Sequence(lambda n: f"{n % 10_000:04d}")
    expiry_month = 12
    expiry_year = 2099
    processor_method_id = factory.Sequence(lambda n: f"pm_Test{n:06d}")
    # A small number whatever else ran before: the column is narrow, and the order within one wallet is what counts.
    position = factory.LazyAttribute(lambda method: method.cardholder.funding_methods.count() + 1)


class RankingRowFactory(DjangoModelFactory[RankingRow]):
    """Any Visa earns one point a dollar at restaurants; with `product=` it is a row of scope product."""

    class Meta:
        model = RankingRow

    class Params:
        of_product = factory.LazyAttribute(lambda row: row.product is not None)

    mcc = "5812"
    product = None
    scope = factory.LazyAttribute(lambda row: "product" if row.of_product else "network")
    network = factory.LazyAttribute(lambda row: "" if row.of_product else "visa")
    card_name = factory.Sequence(lambda n: f"Ranked card {n}")
    reward_rate = Decimal("1.000")
    reward_type = "points"


class VirtualCardFactory(DjangoModelFactory[VirtualCard]):
    """An active Stripe card in US dollars with the limits that the model gives.

    A test that names a lower limit a day or a month gets the other limits within it.
    """

    class Meta:
        model = VirtualCard

    cardholder = factory.SubFactory(CardholderFactory)
    card_type = "visa"
    issuer_provider = "stripe"
    issuer_card_id = factory.Sequence(lambda n: f"ic_Test{n:06d}")
    last_four = factory.Sequence(lambda n: f"{n % 10_000:04d}")
    expiry_month = 12
    expiry_year = 2099
    status = "active"
    monthly_limit_minor = 500_000
    daily_limit_minor = factory.LazyAttribute(lambda card: min(100_000, card.monthly_limit_minor))
    per_transaction_limit_minor = factory.LazyAttribute(lambda card: min(50_000, card.daily_limit_minor))
