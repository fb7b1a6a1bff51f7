"""Entries of the catalogue in drafts: put in, taken out, imported from a file, published with the draft.

The drafts are those of rankings (docs/decisions/0047): a second person publishes both kinds of changes alike.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from onecard.kit.transactions import transaction
from onecard.users.models import User
from routing.catalogue import rows
from routing.catalogue.entries import CatalogueError, Entries, Entry, canonical, catalogue_of, entries_of
from routing.catalogue.files import read_entries
from routing.models import CatalogueChange, Kind, RankingDraft
from routing.rankings import drafts
from routing.rankings.changes import begin_by_command
from routing.rankings.drafts import DraftRefusedError
from routing.rankings.published import writing_alone
from routing.value.terms import Catalogue

# A product names programmes, categories and merchant lists, so it is written behind them and removed before them.
IN_ORDER: Final = (Kind.PROGRAMME, Kind.CATEGORY, Kind.MERCHANT_LIST, Kind.PRODUCT)
Key = tuple[str, str]


def put(*, draft: RankingDraft, kind: str, key: str, entry: Entry | None, user: User) -> None:
    """Puts an entry's text (None: its removal) into the draft, in the place of an earlier change of it.

    Raises CatalogueError for a text that the engine could not use together with the rest, and DraftRefusedError when
    the draft has ended or when nothing would change.
    """
    with transaction():
        fresh = drafts.opened(draft)
        now = entries_of(rows.read())
        entry = None if entry is None else canonical(kind, key, entry)
        catalogue_of(_with(now, [*fresh.entries.exclude(kind=kind, key=key), _change(fresh, (kind, key), entry, now)]))
        if now.get((kind, key)) == entry:
            raise DraftRefusedError(_("This is published already: change something first."))
        fresh.entries.filter(kind=kind, key=key).delete()
        _change(fresh, (kind, key), entry, now, user).save()
        drafts.touch(fresh, user, "entry_put", entry=f"{kind} {key}", removes=entry is None)


def take_out(*, draft: RankingDraft, change_id: int, user: User) -> None:
    """Takes a change of the catalogue out of the draft. Raises DraftRefusedError when it is not in it any more."""
    with transaction():
        fresh = drafts.opened(draft)
        change = fresh.entries.filter(pk=change_id).first()
        if change is None:
            raise DraftRefusedError(_("This change is not in the draft any more."))
        change.delete()
        drafts.touch(fresh, user, "entry_taken_out", entry=f"{change.kind} {change.key}")


def import_file(*, content: bytes, source: str, title: str, removes_others: bool, user: User) -> RankingDraft:
    """Begins a draft with all in which a file differs from the published catalogue.

    With `removes_others` the draft removes what the file does not name. Raises CatalogueError, which has a sentence for
    each mistake; then there is no draft.
    """
    wanted: dict[Key, Entry | None] = dict(read_entries(content, source=source))
    with transaction():
        now = entries_of(rows.read())
        gone = dict.fromkeys(key for key in now if key not in wanted) if removes_others else {}
        found = {key: entry for key, entry in (wanted | gone).items() if now.get(key) != entry}
        if not found:
            raise CatalogueError([_("%(source)s says what is published already.") % {"source": source}])
        draft = drafts.begin(title=title, user=user, source=source[:200])
        changes = [_change(draft, key, entry, now, user) for key, entry in found.items()]
        catalogue_of(_with(now, changes))
        CatalogueChange.objects.bulk_create(changes)
    return draft


def publish_file(path: Path, *, command: str, update: bool = True) -> tuple[int, int]:
    """Publishes a file's entries at once, for commands: returns how many were new, and how many were changed.

    With `update` off no entry that exists changes. Raises CatalogueError; then nothing has changed.
    """
    wanted = read_entries(path.read_bytes(), source=path.name)
    busy = CatalogueError(["Somebody else is publishing rankings or terms just now. Wait a moment, then try again."])
    with writing_alone(busy):
        now = entries_of(rows.read())
        new = {key: entry for key, entry in wanted.items() if key not in now}
        other = {key: entry for key, entry in wanted.items() if update and key in now and now[key] != entry}
        if new or other:
            draft = begin_by_command(source=path.name, command=command)
            changes = [_change(draft, key, entry, now) for key, entry in (new | other).items()]
            catalogue = catalogue_of(_with(now, changes))
            CatalogueChange.objects.bulk_create(changes)
            rows.add(catalogue, new)
            _write([change for change in changes if change.before is not None], catalogue)
    return len(new), len(other)


def publish(changes: Iterable[CatalogueChange]) -> None:
    """Writes a draft's changes of the catalogue into its rows, in the caller's `writing_alone`.

    Raises DraftRefusedError when entries were published otherwise meanwhile, or when they do not fit the rest any more.
    """
    found, now = list(changes), entries_of(rows.read())
    other = [change for change in found if now.get((change.kind, change.key)) != change.before]
    if other:
        words = _("%(entry)s was published otherwise since this draft was written. Press “Compare anew”.")
        raise DraftRefusedError(words % {"entry": other[0]})
    try:
        _write(found, catalogue_of(_with(now, found)))
    except CatalogueError as error:
        raise DraftRefusedError(error.message) from error


def renew(draft: RankingDraft) -> None:
    """Compares a locked draft's changes of the catalogue with what is published now; drops what changes nothing."""
    now = entries_of(rows.read())
    for change in draft.entries.all():
        change.before = now.get((change.kind, change.key))
        if change.before == change.entry:
            change.delete()
        else:
            change.save(update_fields=["before"])


def conflicts(draft: RankingDraft) -> list[CatalogueChange]:
    """Returns the changes whose entries were published otherwise since the change was written."""
    changes = list(draft.entries.all())
    now = entries_of(rows.read()) if changes else {}
    return [change for change in changes if now.get((change.kind, change.key)) != change.before]


def put_back(draft: RankingDraft, published: Iterable[CatalogueChange], user: User) -> int:
    """Puts into a new draft what takes these published changes back, the oldest first; returns how many it needs."""
    firsts: dict[Key, Entry | None] = {}
    for change in published:
        firsts.setdefault((change.kind, change.key), change.before)
    now = entries_of(rows.read()) if firsts else {}
    changes = [_change(draft, key, entry, now, user) for key, entry in firsts.items() if now.get(key) != entry]
    CatalogueChange.objects.bulk_create(changes)
    return len(changes)


def catalogue_with(draft: RankingDraft) -> Catalogue:
    """Returns the published catalogue as it will be with the draft; raises CatalogueError for what does not fit."""
    return catalogue_of(_with(entries_of(rows.read()), draft.entries.all()))


def catalogue_with_entries(entries: Entries) -> Catalogue:
    """Returns the published catalogue with these entries in the place of theirs; raises CatalogueError."""
    return catalogue_of(entries_of(rows.read()) | entries)


def _change(
    draft: RankingDraft, key: Key, entry: Entry | None, now: Entries, user: User | None = None
) -> CatalogueChange:
    kind, name = key
    return CatalogueChange(draft=draft, kind=kind, key=name, entry=entry, before=now.get(key), written_by=user)


def _with(now: Entries, changes: Iterable[CatalogueChange]) -> Entries:
    """Returns the entries as they are once the changes are published."""
    changed = {(change.kind, change.key): change.entry for change in changes}
    return {key: entry for key, entry in (now | changed).items() if entry is not None}


def _write(changes: list[CatalogueChange], catalogue: Catalogue) -> None:
    """Writes the rows in an order in which what is named exists."""
    values: dict[str, Mapping[str, object]] = {
        Kind.PROGRAMME: catalogue.programmes,
        Kind.CATEGORY: catalogue.categories,
        Kind.MERCHANT_LIST: catalogue.merchant_lists,
        Kind.PRODUCT: catalogue.products,
    }
    for kind in IN_ORDER:
        for change in changes:
            if change.kind == kind and change.entry is not None:
                rows.write(kind, change.key, values[kind][change.key])
    for kind in reversed(IN_ORDER):
        for change in changes:
            if change.kind == kind and change.entry is None:
                rows.remove(kind, change.key)
