"""Changes of the reward catalogue in words, for staff: which parts of an entry become what."""

import json
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from routing.models import CatalogueChange

LONGEST = 200
MOST_LINES = 12


def change_in_words(change: CatalogueChange) -> list[str]:
    """Returns a line for each part that changes, such as: bonuses dining rate: 3 becomes 4."""
    if change.entry is None:
        return [_("Removed.")]
    if change.before is None:
        return [_("Added: %(entry)s") % {"entry": _short(change.entry)}]
    before, after = dict(_parts(change.before)), dict(_parts(change.entry))
    names = sorted(before.keys() | after.keys())
    lines = [_line(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]
    if len(lines) > MOST_LINES:
        more = _("And %(count)s more.") % {"count": len(lines) - MOST_LINES}
        return [*lines[:MOST_LINES], more]
    return lines or [_("Nothing changes any more")]


def counted(entries: int) -> str:
    return ngettext("%(count)s entry", "%(count)s entries", entries) % {"count": entries}


def _line(name: str, before: Any, after: Any) -> str:
    if before is None:
        return _("%(part)s is added: %(after)s") % {"part": name, "after": _short(after)}
    if after is None:
        return _("%(part)s goes: it was %(before)s") % {"part": name, "before": _short(before)}
    words = {"part": name, "before": _short(before), "after": _short(after)}
    return _("%(part)s: %(before)s becomes %(after)s") % words


def _parts(entry: Any, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """Returns an entry's values by where they stand; caps and bonuses stand under their keys."""
    if isinstance(entry, dict):
        return [part for name, value in entry.items() if name != "key" for part in _parts(value, (*path, name))]
    if isinstance(entry, list) and entry and all(isinstance(each, dict) and "key" in each for each in entry):
        return [part for each in entry for part in _parts(each, (*path, str(each["key"])))]
    return [(" ".join(path), entry)]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
