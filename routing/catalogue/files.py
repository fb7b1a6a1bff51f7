"""The catalogue as a file: fixtures/reward_catalogue.json, what staff import, and what they export. Pure."""

import datetime as dt
import json
from typing import Any, Final

from django.utils.translation import gettext as _

from routing.catalogue.entries import CatalogueError, Entries, canonical, catalogue_of
from routing.models import Kind

# The name of an entry within its section; a merchant list has its name outside.
NAMES: Final = {Kind.PROGRAMME: "key", Kind.CATEGORY: "tag", Kind.PRODUCT: "key"}
STATUS: Final = (
    "Facts restated in our own form, not the issuers' words, and not complete. Check them against the issuer before "
    "real use. Product names are their owners' trademarks and only name the products."
)


def read_entries(content: bytes, *, source: str) -> Entries:
    """Returns a file's entries by kind and key. Raises CatalogueError with a sentence for each mistake."""
    try:
        file = json.loads(content)
    except ValueError as error:
        raise CatalogueError([_("%(source)s is no JSON: %(error)s.") % {"source": source, "error": error}]) from error
    if not isinstance(file, dict):
        raise CatalogueError([_("%(source)s must hold one JSON object.") % {"source": source}])
    problems: list[str] = []
    entries: Entries = {}
    for (kind, key), entry in _listed(file, problems):
        try:
            entries[kind, key] = canonical(kind, key, entry)
        except CatalogueError as error:
            problems += error.problems
    if problems:
        raise CatalogueError(problems)
    if not entries:
        words = _("%(source)s has none of the lists %(lists)s.")
        raise CatalogueError([words % {"source": source, "lists": ", ".join(Kind.values)}])
    return entries


def write_file(entries: Entries, *, as_of: dt.date) -> str:
    """Returns the file's text for these entries, one entry a line."""
    catalogue_of(entries)
    head = {"title": "Reward terms of credit cards", "status": STATUS, "as_of": as_of.isoformat()}
    parts = [f" {json.dumps(name)}: {json.dumps(text, ensure_ascii=False)}" for name, text in head.items()]
    for kind in Kind.values:
        own = [(key, entry) for (of, key), entry in entries.items() if of == kind]
        opens, closes = ("{", "}") if kind == Kind.MERCHANT_LIST else ("[", "]")
        parts.append(
            f" {json.dumps(kind)}: {opens}\n" + ",\n".join(_line(kind, *each) for each in own) + f"\n {closes}"
        )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(kind: str, key: str, entry: Any) -> str:
    text = json.dumps(entry, ensure_ascii=False)
    return f"  {json.dumps(key)}: {text}" if kind == Kind.MERCHANT_LIST else f"  {text}"


def _listed(file: dict[str, Any], problems: list[str]) -> list[tuple[tuple[str, str], Any]]:
    found: list[tuple[tuple[str, str], Any]] = []
    for kind, name in NAMES.items():
        for place, entry in enumerate(_list_of(file, kind, problems), start=1):
            key = entry.get(name) if isinstance(entry, dict) else None
            if not isinstance(key, str) or not key:
                problems.append(_("%(kind)s, entry %(place)s has no %(name)s.") % _facts(kind, place, name))
            elif ((str(kind), key)) in dict(found):
                problems.append(_("%(kind)s %(key)s is there twice.") % {"kind": kind.label, "key": key})
            else:
                found.append(((str(kind), key), entry))
    lists = file.get(Kind.MERCHANT_LIST, {})
    if not isinstance(lists, dict):
        problems.append(_("%(kind)s must be an object.") % {"kind": Kind.MERCHANT_LIST.value})
        return found
    return [*found, *(((str(Kind.MERCHANT_LIST), key), names) for key, names in lists.items())]


def _list_of(file: dict[str, Any], kind: Kind, problems: list[str]) -> list[Any]:
    entries = file.get(kind, [])
    if isinstance(entries, list):
        return entries
    problems.append(_("%(kind)s must be a list.") % {"kind": kind.value})
    return []


def _facts(kind: Kind, place: int, name: str) -> dict[str, Any]:
    return {"kind": kind.label, "place": place, "name": name}
