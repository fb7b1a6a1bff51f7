"""The demo world: the walkthrough's person, cards and rankings, and the card products.

Loading adds what is missing and changes nothing that exists, so it is safe to run again, also after edits.
"""

import csv
import json
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from audit.trail import record
from issuing import states
from issuing.cards import card_notices
from issuing.models import Provider, VirtualCard
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.kit.transactions import lock_name, transaction
from onecard.users.models import User
from routing.catalogue import drafting
from routing.catalogue.files import read_entries
from routing.rankings.importing import import_rankings
from routing.value.catalogue_file import SHIPPED
from wallet.kyc import people
from wallet.models import Cardholder, CardProduct, FundingMethod

ACTOR = "system:seed_demo"
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Made:
    """How many rows of a kind were added, and how many existed already."""

    what: str
    created: int
    unchanged: int


class DemoWorldError(OneCardError):
    """The demo world cannot be loaded; nothing was written."""

    code = "demo_world_refused"


def seed_demo_world() -> list[Made]:
    """Adds what the demo world lacks, all or nothing; raises DemoWorldError when another row has one of its ids.

    Only with DEBUG it makes a superuser, and a password for the demo login: the login's own name.
    """
    world = json.loads((settings.FIXTURES_DIR / "demo_world.json").read_text(encoding="utf-8"))
    with transaction():
        _wait_for_other_seeds()
        logins = _seed_logins(world["cardholder"])
        person, person_is_new = _seed_cardholder(world["cardholder"])
        made = [
            logins,
            _count("wallets", [person_is_new]),
            _seed_products(),
            _seed_rankings(),
            _seed_terms(),
            _count(
                "funding methods", [_seed_method(person, *place) for place in enumerate(world["funding_methods"], 1)]
            ),
            _count("virtual cards", [_seed_card(person, world["virtual_card"])]),
        ]
        if any(kind.created for kind in made):
            record(actor=ACTOR, action="demo.seeded", subject=person, created={m.what: m.created for m in made})
    return made


def _wait_for_other_seeds() -> None:
    """Takes a lock until the transaction ends; raises DemoWorldError when another run does not finish."""
    try:
        lock_name("onecard.demo.world")
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise DemoWorldError("Another run is loading the demo world; try again when it has ended.") from error
        raise


def _count(what: str, are_new: list[bool]) -> Made:
    return Made(what, sum(are_new), len(are_new) - sum(are_new))


def _seed_logins(person: dict[str, Any]) -> Made:
    return _count("logins", [_seed_login(person), *([_seed_superuser()] if settings.DEBUG else [])])


def _seed_superuser() -> bool:
    if User.objects.filter(username=ADMIN).exists():
        return False
    User.objects.create_superuser(ADMIN, f"{ADMIN}@example.com", ADMIN)
    return True


def _seed_login(person: dict[str, Any]) -> bool:
    name = person["username"]
    if User.objects.filter(username=name).exists():
        return False
    user = User.objects.create_user(
        name,
        person["email"],
        name if settings.DEBUG else None,
        first_name=person["first_name"],
        last_name=person["last_name"],
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return True


def _seed_cardholder(person: dict[str, Any]) -> tuple[Cardholder, bool]:
    user = User.objects.get(username=person["username"])
    for name in ("processor_customer_id", "issuer_cardholder_id"):
        holder = Cardholder.objects.filter(**{name: person[name]}).exclude(user=user).first()
        if holder is not None:
            raise _taken(person[name], holder)
    known = Cardholder.objects.filter(user=user).first()
    if known is not None:
        return known, False
    joined = people.join(user=user, asked=_as_asked(person), actor=ACTOR)
    ids = {name: person[name] for name in ("processor_customer_id", "issuer_cardholder_id")}
    Cardholder.objects.filter(pk=joined.pk).update(**ids)
    joined.refresh_from_db()
    return joined, True


def _as_asked(person: dict[str, Any]) -> people.NewPerson:
    """The walkthrough's person as somebody who gives a profile, accepts the terms and is verified by staff."""
    own = ("first_name", "last_name", "birth_date", "phone", "time_zone", "preference")
    address = {f"address.{name}": value for name, value in person["address"].items()}
    return people.NewPerson(
        email=person["email"],
        given={name: person[name] for name in own} | address,
        terms_from="127.0.0.1",
        verified_because="The person of the demo world.",
    )


def _seed_products() -> Made:
    with (settings.FIXTURES_DIR / "card_products.csv").open(encoding="utf-8", newline="") as file:
        wanted = list(csv.DictReader(file))
    there = set(CardProduct.objects.values_list("key", flat=True))
    CardProduct.objects.bulk_create(
        CardProduct(
            key=row["key"],
            name=row["name"],
            issuer=row["issuer"],
            network=row["network"],
            annual_fee_minor=Money.parse(row["annual_fee"], "USD").minor,
        )
        for row in wanted
        if row["key"] not in there
    )
    return _count("card products", [row["key"] not in there for row in wanted])


def _seed_rankings() -> Made:
    file = settings.FIXTURES_DIR / "demo_rankings.json"
    result = import_rankings(file.read_bytes(), source=file.name, file_format="json", actor=ACTOR, update=False)
    return Made("rankings", result.created, result.unchanged)


def _seed_terms() -> Made:
    """Adds the shipped reward catalogue's entries that are missing."""
    new, _changed = drafting.publish_file(SHIPPED, command=ACTOR, update=False)
    return Made("reward terms", new, len(read_entries(SHIPPED.read_bytes(), source=SHIPPED.name)) - new)


def _seed_method(person: Cardholder, position: int, given: dict[str, Any]) -> bool:
    there = FundingMethod.objects.filter(processor_method_id=given["processor_method_id"]).first()
    if there is not None:
        if there.cardholder_id != person.pk:
            raise _taken(given["processor_method_id"], there.cardholder)
        return False
    FundingMethod.objects.create(
        cardholder=person,
        product=CardProduct.objects.get(key=given["product"]),
        name=given["name"],
        network=given["network"],
        last_four=given["last_four"],
        expiry_month=given["expiry_month"],
        expiry_year=given["expiry_year"],
        processor_method_id=given["processor_method_id"],
        # There is one backup card. If staff chose another one, that one stays.
        is_backup=given["is_backup"] and not person.funding_methods.filter(is_backup=True).exists(),
        position=position,
    )
    return True


def _seed_card(person: Cardholder, given: dict[str, Any]) -> bool:
    # These are Stripe's ids, whichever issuer is configured.
    key = {"issuer_provider": Provider.STRIPE, "issuer_card_id": given["issuer_card_id"]}
    values = {name: value for name, value in given.items() if name != "issuer_card_id"}
    card, is_new = VirtualCard.objects.get_or_create(
        **key, defaults={**values, "cardholder": person, "status": states.Card.ACTIVE}
    )
    if is_new:
        card_notices.status_changed(card, states.Card.ACTIVE, cause=f"demo:{card.public_id}")
    if card.cardholder_id != person.pk:
        raise _taken(given["issuer_card_id"], card.cardholder)
    return is_new


def _taken(identifier: str, holder: Cardholder) -> DemoWorldError:
    return DemoWorldError(
        f"The demo world cannot be loaded: {identifier} belongs to the wallet of {holder} (no. {holder.pk}) already. "
        "Remove it there, or load the demo world into another database. Nothing was written."
    )
