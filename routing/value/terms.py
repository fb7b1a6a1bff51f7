"""The reward terms of card products as frozen data: what a catalogue says and what `value` reads (docs/decisions/0063).

Rates are units for each whole unit of currency: 3 is 3 points a dollar, or 3 % cash back. They are total rates, base
included. Amounts are in minor units. All dates are inclusive, None is open, and they are the cardholder's own dates.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

# A bonus of this category covers every merchant category.
EVERYTHING = "*"
# In a list of merchants, "@name" stands for the catalogue's merchant list of that name.
LIST_MARK = "@"


class Period(StrEnum):
    """How long a cap lasts before it starts anew."""

    QUARTER = "calendar_quarter"
    YEAR = "calendar_year"
    STATEMENT_MONTH = "statement_month"
    ANNIVERSARY = "anniversary_year"


class Channel(StrEnum):
    """How the purchase was made; ANY, in terms, makes no difference."""

    ANY = ""
    ONLINE = "online"
    IN_STORE = "in_store"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a term comes from, and which stored row said so; `version` grows with each change of the row."""

    row_id: int = 0
    version: int = 1
    url: str = ""
    verified_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    """A reward currency: the cents that one point brings when it is spent well, and when it is paid out in cash."""

    key: str
    cents_per_point: Decimal
    cash_out_cents: Decimal = Decimal(1)
    source: Source = Source()


@dataclass(frozen=True, slots=True)
class Category:
    """A tag, with the inclusive ranges of four-digit MCCs that it covers; tags that it includes are resolved.

    With a channel it covers only purchases of that channel: "retail bought online" is no matter of the MCC alone.
    """

    tag: str
    label: str
    mcc_ranges: tuple[tuple[str, str], ...]
    channel: Channel = Channel.ANY


@dataclass(frozen=True, slots=True)
class Cap:
    """A named bucket: how much spend earns the bonus in a period. Several bonuses of a card may name the same one.

    Past the cap a purchase earns `rate_after`, or, where that is None, the best rate that is left.
    """

    key: str
    limit_minor: int
    period: Period
    rate_after: Decimal | None = None
    source: Source = Source()


@dataclass(frozen=True, slots=True)
class Scope:
    """Which purchases a bonus covers, and when: any of the categories, MCC ranges or merchants, less the exclusions.

    Merchants are prefixes of the merchant's name, without regard to case, or "@" and the name of a merchant list.
    """

    categories: tuple[str, ...] = ()
    mcc_ranges: tuple[tuple[str, str], ...] = ()
    merchants: tuple[str, ...] = ()
    excluded_categories: tuple[str, ...] = ()
    excluded_merchants: tuple[str, ...] = ()
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Bonus:
    """A rate above the base rate for what its scopes cover.

    - Several scopes make a schedule: rotating categories, each with its dates.
    - `activation_required`: the cardholder must have activated the quarter.
      `activation_retroactive`: then purchases of the quarter before that moment count too.
    - `choice_options`: the cardholder picks up to `choice_pick` of these categories, and the scopes only exclude.
    - `top_categories`: the bonus goes to the one of these categories with the highest spend on this card in the cap's
      period, and the scopes only exclude.
    """

    key: str
    rate: Decimal
    scopes: tuple[Scope, ...] = ()
    cap: str | None = None
    domestic_only: bool = False
    channel: Channel = Channel.ANY
    activation_required: bool = False
    activation_retroactive: bool = True
    choice_pick: int = 0
    choice_options: tuple[str, ...] = ()
    top_categories: tuple[str, ...] = ()
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    source: Source = Source()


@dataclass(frozen=True, slots=True)
class Product:
    """A card product. `exclusions` are purchases that earn nothing at all, not even the base rate."""

    key: str
    name: str
    issuer: str
    network: str
    reward_type: str
    programme: str
    base_rate: Decimal
    segment: str = "consumer"
    annual_fee_minor: int = 0
    foreign_fee_percent: Decimal = Decimal(0)
    caps: tuple[Cap, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    exclusions: tuple[Scope, ...] = ()
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    notes: str = ""
    # "high": long-standing or read again for this catalogue; "medium": remembered or second-hand; "low": check first.
    confidence: str = ""
    source: Source = Source()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All terms together, each by its key."""

    products: Mapping[str, Product]
    programmes: Mapping[str, Programme]
    categories: Mapping[str, Category]
    merchant_lists: Mapping[str, tuple[str, ...]]
    as_of: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A card that a person has: a product with what this person chose and activated.

    `card` names it within the wallet (a funding method's id, or a batch's card id). `activations` maps a quarter such
    as "2025Q1" to the local time of its activation, None if only the fact is known. `cents_per_point` is the person's
    own value of a point; None means the programme's. `statement_day` is the day of the month on which a statement
    period starts, and `opened_on` starts the anniversary years; without them months and years are the calendar's.
    """

    card: str
    product: Product
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    activations: Mapping[str, dt.datetime | None] = field(default_factory=dict)
    cents_per_point: Decimal | None = None
    statement_day: int = 1
    opened_on: dt.date | None = None
    is_backup: bool = False
    # Our processor account passes the merchant's own category to this card's issuer; else only base rates count.
    passed_through: bool = True
