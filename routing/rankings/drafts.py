"""Writing a draft of rankings: begin, put changes in, take them out, import a file, discard. Nothing here takes effect.

Each call locks the draft, raises its version, and names who did it, in the row and in the audit trail.
"""

from typing import Any, Final

from django.utils.translation import gettext as _

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from onecard.users.models import User
from routing.models import RankingChange, RankingDraft, RankingRow
from routing.rankings.changes import add, add_differences, change_of, described, values_after
from routing.rankings.entry import RankingEntry, RankingsError
from routing.rankings.formats import Format
from routing.rankings.importing import read_entries
from routing.rankings.published import Key, Values, as_before, key_of, published

Status = RankingDraft.Status
MOST_CHANGES: Final = 120_000


class DraftRefusedError(OneCardError):
    """A draft cannot be written or published so. The message says why, for staff; nothing was changed."""

    code = "ranking_draft_refused"


def begin(*, title: str, user: User, source: str = "") -> RankingDraft:
    """Begins an empty draft; the user is its author."""
    now = clock.now()
    words = checked_reason(title, error=DraftRefusedError, longest=120)
    with transaction():
        draft = RankingDraft.objects.create(
            title=words, source=source, author=user, changed_by=user, created_at=now, changed_at=now
        )
        _note(draft, user, "begun", source=source)
    return draft


def put(*, draft: RankingDraft, entry: RankingEntry, user: User) -> None:
    """Puts a ranking with its values into the draft, in the place of an earlier change of the same ranking.

    Raises DraftRefusedError when the draft has ended, or when these values are published already.
    """
    _replace(draft, entry.key, entry.values, user, _("This is published already: change a value first."))


def put_removal(*, draft: RankingDraft, row: RankingRow, user: User) -> None:
    """Puts into the draft that a published ranking goes. Raises DraftRefusedError when it is gone already."""
    _replace(draft, key_of(row), None, user, _("This ranking is not published any more."))


def take_out(*, draft: RankingDraft, change_id: int, user: User) -> None:
    """Takes one change out of the draft. Raises DraftRefusedError when it is not in it any more."""
    with transaction():
        fresh = opened(draft)
        change = fresh.changes.filter(pk=change_id).first()
        if change is None:
            raise DraftRefusedError(_("This change is not in the draft any more."))
        key = key_of(change)
        change.delete()
        touch(fresh, user, "change_taken_out", ranking=described(key))


def discard(*, draft: RankingDraft, user: User, reason: str) -> None:
    """Ends a draft without effect."""
    words = checked_reason(reason, error=DraftRefusedError)
    with transaction():
        fresh = opened(draft)
        touch(fresh, user, "discarded", reason=words)
        RankingDraft.objects.filter(pk=fresh.pk, status=Status.DRAFT).update(status=Status.DISCARDED, reason=words)


def import_file(
    *, content: bytes, source: str, file_format: Format, title: str, removes_others: bool, user: User
) -> RankingDraft:
    """Begins a draft with all in which a file differs from the published rankings.

    With `removes_others` the file is the whole list, and the draft removes what it does not name. Raises RankingsError,
    which names each bad row; then there is no draft.
    """
    wanted: dict[Key, Values | None] = {
        entry.key: entry.values for entry in read_entries(content, source=source, file_format=file_format)
    }
    with transaction():
        now = published(None if removes_others else (str(key[0]) for key in wanted))
        if removes_others:
            wanted |= dict.fromkeys(key for key in now if key not in wanted)
        found = {key: to for key, to in wanted.items() if now.get(key) != to}
        _refuse_size(source, len(found))
        draft = begin(title=title, user=user, source=source[:200])
        add_differences(draft, found, now, user)
    return draft


def renew(*, draft: RankingDraft, user: User) -> None:
    """Compares the draft anew with what is published now, after somebody published other changes of its rankings."""
    with transaction():
        fresh = opened(draft)
        changes = list(fresh.changes.all())
        now = published(change.mcc for change in changes)
        fresh.changes.all().delete()
        kept = [change for change in changes if values_after(change) != now.get(key_of(change))]
        for change in kept:
            change.before = as_before(now.get(key_of(change)))
        add(kept)
        touch(fresh, user, "renewed", changes=len(kept))


def opened(draft: RankingDraft) -> RankingDraft:
    """Returns the draft under its lock; raises DraftRefusedError when it was published or discarded."""
    fresh = RankingDraft.objects.select_for_update(no_key=True, of=("self",)).get(pk=draft.pk)
    if fresh.status != Status.DRAFT:
        state = fresh.get_status_display()
        raise DraftRefusedError(_("This draft has ended (%(state)s). Begin a new one.") % {"state": state})
    return fresh


def touch(draft: RankingDraft, user: User, verb: str, **details: Any) -> None:
    """Raises the version of a locked draft and notes who changed it."""
    draft.version, draft.changed_by, draft.changed_at = draft.version + 1, user, clock.now()
    draft.save(update_fields=["version", "changed_by", "changed_at"])
    _note(draft, user, verb, **details)


def _replace(draft: RankingDraft, key: Key, values: Values | None, user: User, pointless: str) -> None:
    with transaction():
        fresh = opened(draft)
        before = published([str(key[0])]).get(key)
        earlier = [each for each in fresh.changes.filter(mcc=key[0]) if key_of(each) == key]
        if before == values and not earlier:
            raise DraftRefusedError(pointless)
        RankingChange.objects.filter(pk__in=[each.pk for each in earlier]).delete()
        if before != values:
            change_of(fresh, key, values, before, user).save()
        touch(fresh, user, "change_put", ranking=described(key), removes=values is None)


def _refuse_size(source: str, count: int) -> None:
    if not count:
        raise RankingsError(_("%(source)s says what is published already: nothing to draft.") % {"source": source})
    if count > MOST_CHANGES:
        names = {"source": source, "count": f"{count:,}", "most": f"{MOST_CHANGES:,}"}
        raise RankingsError(
            _("%(source)s changes %(count)s rankings. One draft takes %(most)s: split the file.") % names
        )


def _note(draft: RankingDraft, user: User, verb: str, **details: Any) -> None:
    trail.record(actor=f"user:{user.pk}", action=f"rankings.draft_{verb}", subject=draft, **details)
