"""One history of a person in words: what they did, what staff did and why, and what the system did. Newest first.

All of it is in the audit trail, since every edit and every button writes there in the commit of what it does. What the
system did about single purchases is on the pages of those, and left out here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.admin import name_actors
from audit.models import Entry
from issuing.models import DisputeRequest, VirtualCard
from onecard.desk.customer import cases
from onecard.desk.customer.history_words import FIELDS, SENTENCES
from onecard.desk.customer.paging import Page, page_of
from onecard.kit import display, references
from wallet.kyc.fields import WORDS
from wallet.models import Cardholder, Case, EnteredAmount, FundingMethod, KycStatus
from wallet.states import ComplianceFlag

# Of what a person may have much of, the last ones.
MOST_SUBJECTS: Final = 200
REORDERED: Final = "method.reordered"
WHO: Final = {
    "issuer": gettext_lazy("Issuer"),
    "processor": gettext_lazy("Processor"),
    "system": gettext_lazy("System"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when, who, in words, why, and about what. `entry` is the key in the trail."""

    entry: Entry
    who: str
    words: str
    changes: list[str]
    reason: str
    about: str


@dataclass(frozen=True, slots=True)
class Subjects:
    """What the person's history is about: for each kind in the trail, its keys and what each is called.

    `currencies` are those of the virtual cards, by their keys.
    """

    names: Mapping[str, Mapping[str, str]]
    currencies: Mapping[str, str]


def history_of(
    holder: Cardholder, *, before: int | None, length: int, found_cases: Sequence[Case] | None = None
) -> Page[Line]:
    """Returns what happened, the newest first, from entries with a smaller key than `before`.

    `found_cases` are the person's (cases.about), where the caller has them already.
    """
    subjects = _subjects(holder, cases.about(holder) if found_cases is None else found_cases)
    found = page_of(Entry.objects.filter(_about(subjects.names)), before=before, length=length)
    name_actors(found.rows)
    return Page([_line(each, holder, subjects) for each in _merged(found.rows)], found.next_before)


def _subjects(holder: Cardholder, found_cases: Sequence[Case]) -> Subjects:
    cards = list(VirtualCard.objects.filter(cardholder=holder).order_by("-pk")[:MOST_SUBJECTS])
    methods = FundingMethod.objects.filter(cardholder=holder).order_by("-pk")[:MOST_SUBJECTS]
    amounts = EnteredAmount.objects.filter(cardholder=holder).order_by("-pk")[:MOST_SUBJECTS]
    disputes = DisputeRequest.objects.filter(cardholder=holder).order_by("-pk")[:MOST_SUBJECTS]
    named: dict[str, dict[str, str]] = defaultdict(dict)
    named["cardholder"][str(holder.pk)] = ""
    named["user"][str(holder.user_id)] = _("Login")
    named["virtualcard"] = {str(each.pk): str(each) for each in cards}
    named["fundingmethod"] = {str(each.pk): str(each) for each in methods}
    named["enteredamount"] = {str(each.pk): each.get_kind_display() for each in amounts}
    named["disputerequest"] = {str(each.pk): _("Dispute") for each in disputes}
    named["case"] = {str(each.pk): each.get_kind_display() for each in found_cases}
    return Subjects(named, {str(each.pk): each.currency for each in cards})


def _about(named: Mapping[str, Mapping[str, str]]) -> Q:
    about = Q()
    for kind, keys in named.items():
        if keys:
            about |= Q(subject_type=kind, subject_id__in=list(keys))
    return about


def _merged(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Leaves out all but the newest of what one press wrote about each card of the wallet."""
    last: Entry | None = None
    for entry in entries:
        if last is None or not _is_same_reordering(last, entry):
            yield entry
        last = entry


def _is_same_reordering(one: Entry, other: Entry) -> bool:
    is_one_press = one.actor == other.actor and abs((one.recorded_at - other.recorded_at).total_seconds()) < 1
    return is_one_press and _is_reordering(one) and _is_reordering(other)


def _is_reordering(entry: Entry) -> bool:
    changes = entry.details.get("changes")
    return entry.action == "method.changed" and isinstance(changes, dict) and set(changes) == {"position"}


def _line(entry: Entry, holder: Cardholder, subjects: Subjects) -> Line:
    is_reordering = _is_reordering(entry)
    about = "" if is_reordering else subjects.names.get(entry.subject_type, {}).get(entry.subject_id, "")
    page = references.page_of(f"{entry.subject_type}:{entry.subject_id}")
    return Line(
        entry=entry,
        who=_who(entry, holder),
        words=_words(entry, REORDERED if is_reordering else entry.action),
        changes=[] if is_reordering else _changes(entry, subjects.currencies.get(entry.subject_id, "USD")),
        reason=str(entry.details.get("reason") or ""),
        about=display.link(page, about) if page and about else about,
    )


def _who(entry: Entry, holder: Cardholder) -> str:
    """Returns the person's own name, the name of a member of staff, or which system it was."""
    if entry.actor == f"user:{holder.user_id}":
        return str(holder)
    if name := entry.__dict__.get("actor_name"):
        return str(name)
    kind, _colon, key = entry.actor.partition(":")
    return f"{WHO[kind]}: {key.replace('_', ' ')}" if kind in WHO else entry.actor


def _words(entry: Entry, action: str) -> str:
    sentence = SENTENCES.get(action)
    if sentence is None:
        return action.replace(".", ": ").replace("_", " ").capitalize()
    return str(sentence) % _Values(entry.details)


class _Values(dict[str, str]):
    """An entry's details as a sentence's placeholders; what an older entry lacks is a dash."""

    def __init__(self, details: Mapping[str, Any]) -> None:
        super().__init__({name: _value(name, value) for name, value in details.items()})
        if isinstance(details.get("amount_minor"), int):
            self["amount"] = display.money(details["amount_minor"], str(details.get("currency") or ""))

    def __missing__(self, name: str) -> str:
        return display.NOTHING


def _value(name: str, value: Any) -> str:
    if name in ("from_status", "to_status"):
        return str(dict(KycStatus.choices).get(value, value))
    if name == "flag":
        return str(dict(ComplianceFlag.choices).get(value, value))
    if name == "fields" and isinstance(value, list):
        return ", ".join(str(WORDS.get(each, each)) for each in value)
    return str(value).replace("_", " ") if name in ("code", "failure_code", "outcome") else str(value)


def _changes(entry: Entry, currency: str) -> list[str]:
    """Returns each changed field with its old and new value; of a secret one, only that it changed."""
    changes = entry.details.get("changes")
    if not isinstance(changes, dict):
        return []
    return [_change(name, pair, currency) for name, pair in changes.items()]


def _change(name: str, pair: Any, currency: str) -> str:
    title = str(FIELDS.get(name, name.replace("_", " ")))
    if not isinstance(pair, list) or len(pair) != 2:
        return _("%(field)s changed") % {"field": title}
    old, new = (_shown(name, value, currency) for value in pair)
    return _("%(field)s: %(old)s → %(new)s") % {"field": title, "old": old, "new": new}


def _shown(name: str, value: Any, currency: str) -> str:
    if name.endswith("_minor") and isinstance(value, int):
        return display.money(value, currency)
    return display.NOTHING if value in (None, "") else str(value)
