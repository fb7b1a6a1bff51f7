"""Staff look for a person by what the person says on the phone: a name, an e-mail address, a phone number, a card.

Each way has an index of its own and is one statement, so that a search takes the same time with a million people.
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Reverse

from issuing.models import VirtualCard
from onecard.kit.masking import masked
from onecard.kit.text import clean_text, normalized
from onecard.users.models import User
from wallet.models import Cardholder, FundingMethod

LONGEST: Final = 200
MOST_WORDS: Final = 6
MOST_LOGINS: Final = 100
LAST_FOUR: Final = 4
# Fewer digits of a phone number would be those of many people.
SHORTEST_PHONE_END: Final = 5
_PHONE: Final = re.compile(r"[+(]?[\d\s()./\-\u2010-\u2015]+")
_CUSTOMER: Final = re.compile(r"cus_\w+")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a text asks for: at most one of the ids, digits of a phone number, and words with a card's last four."""

    public_id: uuid.UUID | None = None
    customer_id: str = ""
    phone_end: str = ""
    last_four: str = ""
    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Asked()


def find_people(text: str, *, limit: int = 20) -> list[Cardholder]:
    """Returns the people whom a text describes, at most `limit`, each with their login; [] for a text without words.

    A name may have its words in any order and in part, and a card's last four beside them ("hopper 4242"). A phone
    number may be written in any way, also without its country or as its last digits. An id finds one person.
    """
    keys = list(dict.fromkeys(key for found in _ways(read(text)) for key in found.values_list("pk", flat=True)[:limit]))
    people = Cardholder.objects.select_related("user").in_bulk(keys[:limit])
    return [people[key] for key in keys if key in people]


def read(text: str) -> Asked:
    """Returns what the text asks for. Of a whole card number only the last four digits are looked for."""
    plain = normalized(clean_text(text, limit=LONGEST))
    if not plain:
        return Asked()
    if _PHONE.fullmatch(plain):
        return _read_digits(plain)
    if _CUSTOMER.fullmatch(plain):
        return Asked(customer_id=plain)
    try:
        return Asked(public_id=uuid.UUID(plain))
    except ValueError:
        return _read_words(plain)


def _read_digits(plain: str) -> Asked:
    digits = re.sub(r"\D", "", plain)
    if len(digits) == LAST_FOUR or masked(plain) != plain:
        return Asked(last_four=digits[-LAST_FOUR:])
    # 00 and 0 are dialled before a country's and an area's code, and are not kept with the number.
    end = digits.lstrip("0")
    return Asked(phone_end=end) if len(end) >= SHORTEST_PHONE_END else Asked()


def _read_words(plain: str) -> Asked:
    words = plain.split()[:MOST_WORDS]
    fours = [word for word in words if re.fullmatch(rf"\d{{{LAST_FOUR}}}", word)]
    others = tuple(word for word in words if word not in fours and any(each.isalnum() for each in word))
    return Asked(last_four=fours[-1] if fours else "", words=others)


def _ways(asked: Asked) -> Iterator["QuerySet[Cardholder]"]:
    """Yields the people of each way to look for them, the surest first."""
    people = Cardholder.objects.order_by()
    if asked.public_id is not None:
        yield people.filter(public_id=asked.public_id)
    elif asked.customer_id:
        yield people.filter(processor_customer_id=asked.customer_id)
    elif asked.phone_end:
        yield people.alias(turned=Reverse("phone")).filter(turned__startswith=asked.phone_end[::-1])
    elif asked.last_four and not asked.words:
        yield from (people.filter(pk__in=keys) for keys in _with_last_four(asked.last_four))
    elif asked.words:
        yield from _with_words(people, asked)


def _with_words(people: "QuerySet[Cardholder]", asked: Asked) -> Iterator["QuerySet[Cardholder]"]:
    """Yields those with all words in the name that is shown, then in the legal last name, then in the address."""
    if asked.last_four:
        # The four digits may belong to the name as well.
        yield people.filter(*_all_in("name", (*asked.words, asked.last_four)))
        people = people.filter(pk__in=set().union(*(set(keys) for keys in _with_last_four(asked.last_four))))
    for column in ("name", "legal_last_name"):
        yield people.filter(*_all_in(column, asked.words))
    # A statement of its own: joined, PostgreSQL might read every login instead of the index.
    logins = User.objects.filter(*_all_in("email", asked.words), is_staff=False).order_by()
    yield people.filter(user__in=list(logins.values_list("pk", flat=True)[:MOST_LOGINS]))


def _all_in(column: str, words: Iterable[str]) -> list[Q]:
    return [Q(**{f"{column}__icontains": word}) for word in words]


def _with_last_four(last_four: str) -> tuple[Iterable[int], Iterable[int]]:
    """Returns the people with such a virtual card, and those with such a funding card."""
    rows = (VirtualCard.objects.filter(last_four=last_four), FundingMethod.objects.filter(last_four=last_four))
    virtual, funding = (row.order_by().values_list("cardholder_id", flat=True)[:500] for row in rows)
    return virtual, funding
