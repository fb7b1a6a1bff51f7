"""The audit trail: search and read only."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy

from audit.models import Entry
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.users.models import User


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """Who did what, and when."""

    list_display = ("when", "action", "who", "subject", "summary")
    list_display_links = ("when", "action")
    list_filter = ("recorded_at", "subject_type")
    rises_with_key = ("recorded_at",)
    search_fields = ("action", "actor", "subject_id")
    search_help_text = gettext_lazy("Action, actor (user:1, issuer:stripe, system:funding) or the id of the subject")
    fields = ("when", "action", "who", "subject", "details")

    def prepare_rows(self, rows: Sequence[Entry]) -> None:
        """Reads the names of all people with one query."""
        name_actors(rows)

    @admin.display(description=gettext_lazy("When"), ordering="recorded_at")
    def when(self, entry: Entry) -> str:
        return display.moment(entry.recorded_at)

    @admin.display(description=gettext_lazy("Who"), ordering="actor")
    def who(self, entry: Entry) -> str:
        return actor_in_words(entry)

    @admin.display(description=gettext_lazy("About"))
    def subject(self, entry: Entry) -> str:
        return subject_link(entry)

    @admin.display(description=gettext_lazy("Details"))
    def summary(self, entry: Entry) -> str:
        return details_in_words(entry.details)


def name_actors(entries: Iterable[Entry]) -> None:
    """Looks up all people among the actors with one query."""
    keys = {key for entry in entries if (key := _user_key(entry)) is not None}
    people = User.objects.in_bulk(keys) if keys else {}
    for entry in entries:
        key = _user_key(entry)
        entry.__dict__["actor_name"] = people[key].get_username() if key in people else ""


def actor_in_words(entry: Entry) -> str:
    """Returns the actor, with a person's name."""
    if "actor_name" not in entry.__dict__:
        name_actors([entry])
    name = entry.__dict__["actor_name"]
    return f"{name} ({entry.actor})" if name else entry.actor


def subject_link(entry: Entry) -> str:
    return references.link(f"{entry.subject_type}:{entry.subject_id}")


def details_in_words(details: dict[str, Any]) -> str:
    """Returns one line: changed fields as old → new, everything else as it is."""
    changes = details.get("changes")
    if isinstance(changes, dict):
        return "; ".join(f"{name}: {_change(pair)}" for name, pair in changes.items())[:300] or display.NOTHING
    words = [f"{name} {value}" for name, value in details.items() if value not in ("", None)]
    return ", ".join(words)[:300] or display.NOTHING


def _change(pair: Any) -> str:
    return f"{pair[0]} → {pair[1]}" if isinstance(pair, list) and len(pair) == 2 else str(pair)


def _user_key(entry: Entry) -> int | None:
    kind, _, key = entry.actor.partition(":")
    return int(key) if kind == "user" and key.isdecimal() else None
