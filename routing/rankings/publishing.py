"""Publishing a draft of rankings by a second person, and the history of what was published.

A draft takes effect in the commit of its publication, in every process (routing/rulebook.py). It is refused for whoever
wrote it, last changed it, or wrote one of its changes; the database refuses the first two as well
(`ranking_draft_published_by_another`).
"""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit import trail
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from onecard.second_factor import trust
from onecard.users.models import User
from routing.catalogue import drafting as catalogue
from routing.models import CatalogueChange, RankingChange, RankingDraft, RankingPreview
from routing.rankings import drafts
from routing.rankings.changes import add, differences, values_before
from routing.rankings.drafts import DraftRefusedError
from routing.rankings.published import Key, Values, apply, as_before, key_of, published, writing_alone

Status = RankingDraft.Status


def publish(*, draft: RankingDraft, user: User, reason: str, shown_version: int) -> RankingDraft:
    """Publishes the draft in the version that the page showed; every purchase from the commit on uses it.

    Raises DraftRefusedError with a sentence: for the draft's own people, a draft that was changed since, one that
    nobody has previewed, and one whose rankings were published otherwise meanwhile. Then nothing has changed.
    """
    words = checked_reason(reason, error=DraftRefusedError)
    busy = DraftRefusedError(_("Somebody else is publishing rankings just now. Wait a moment, then try again."))
    with writing_alone(busy):
        fresh = drafts.opened(draft)
        why_not = why_not_publish(fresh, user)
        if why_not:
            raise DraftRefusedError(why_not)
        if fresh.version != shown_version:
            raise DraftRefusedError(_("The draft was changed after you opened the page: look at it again."))
        changes = list(fresh.changes.all())
        _refuse_conflicts(changes)
        apply(changes)
        entries = list(fresh.entries.all())
        catalogue.publish(entries)
        _end(fresh, user, words, len(changes) + len(entries))
    return fresh


def why_not_publish(draft: RankingDraft, user: User) -> str:
    """Returns why this person cannot publish this draft as it is now, or "" (permissions are the caller's)."""
    if draft.status != Status.DRAFT:
        return _("This draft has ended.")
    if any(trust.is_one_person(writer, user) for writer in writers(draft)):
        return _("You wrote or changed this draft yourself: a second person has to publish it.")
    suspended = trust.why_not_trusted(user)
    if suspended:
        return suspended
    if not (draft.changes.exists() or draft.entries.exists()):
        return _("The draft changes nothing yet.")
    if not is_previewed(draft):
        return _("Look first at which purchases would change: press “Preview” on the draft's page.")
    return ""


def writers(draft: RankingDraft) -> list[User]:
    """Returns everybody who wrote the draft, changed it last, or wrote one of its changes."""
    of_changes = draft.changes.order_by().values_list("written_by", flat=True).distinct()
    of_entries = draft.entries.order_by().values_list("written_by", flat=True).distinct()
    ids = {key for key in (draft.author_id, draft.changed_by_id, *of_changes, *of_entries) if key is not None}
    return list(User.objects.filter(pk__in=ids))


def is_previewed(draft: RankingDraft) -> bool:
    """Returns whether a preview of the draft as it is now has finished."""
    finished = RankingPreview.Status.FINISHED
    return draft.previews.filter(draft_version=draft.version, status=finished).exists()


def conflicts(draft: RankingDraft) -> list[RankingChange]:
    """Returns the changes whose rankings were published otherwise since the change was written."""
    return _conflicts(list(draft.changes.select_related("product")))


def renew(*, draft: RankingDraft, user: User) -> None:
    """Compares all of the draft anew with what is published now."""
    with transaction():
        drafts.renew(draft=draft, user=user)
        catalogue.renew(draft)


def draft_state_before(*, publication: RankingDraft, user: User) -> RankingDraft:
    """Begins a draft that takes back a publication and all after it; a second person publishes it as any other.

    What was written into the table past the history (a deleted card product, a developer's hand) stays as it is.
    Raises DraftRefusedError when nothing would change.
    """
    if publication.status != Status.PUBLISHED:
        raise DraftRefusedError(_("Only what was published can be taken back."))
    since = RankingChange.objects.filter(
        draft__status=Status.PUBLISHED, draft__published_at__gte=publication.published_at
    )
    key = ("mcc", "product_id", "network", "card_name", "valid_from")
    # Of each ranking the first change since then: what was there before it was the state that is asked for.
    firsts = since.order_by(*key, "draft__published_at", "draft_id").distinct(*key)
    wanted: dict[Key, Values | None] = {key_of(change): values_before(change) for change in firsts}
    with transaction():
        title = _("Back to before “%(title)s”") % {"title": publication.title}
        draft = drafts.begin(title=title[:120], user=user, source=f"rankingdraft:{publication.pk}")
        changes = differences(draft, wanted, user)
        if not catalogue.put_back(draft, _entries_since(publication), user) and not changes:
            raise DraftRefusedError(_("The rankings are as they were then: there is nothing to take back."))
        add(changes)
    return draft


def _entries_since(publication: RankingDraft) -> QuerySet[CatalogueChange]:
    since = CatalogueChange.objects.filter(
        draft__status=Status.PUBLISHED, draft__published_at__gte=publication.published_at
    )
    return since.order_by("draft__published_at", "draft_id", "pk")


def _conflicts(changes: list[RankingChange]) -> list[RankingChange]:
    now = published(change.mcc for change in changes)
    return [change for change in changes if as_before(now.get(key_of(change))) != change.before]


def _refuse_conflicts(changes: list[RankingChange]) -> None:
    found = _conflicts(changes)
    if found:
        raise DraftRefusedError(
            _(
                "%(count)s of these rankings were published otherwise since this draft was written, the first at MCC "
                "%(mcc)s. Press “Compare anew” on the draft's page, and preview it again."
            )
            % {"count": len(found), "mcc": found[0].mcc}
        )


def _end(draft: RankingDraft, user: User, reason: str, count: int) -> None:
    changes = {"status": Status.PUBLISHED, "published_by": user, "published_at": clock.now(), "reason": reason}
    RankingDraft.objects.filter(pk=draft.pk, status=Status.DRAFT).update(**changes)
    draft.refresh_from_db()
    trail.record(
        actor=f"user:{user.pk}", action="rankings.published", subject=draft, reason=reason, changes=count,
        author=f"user:{draft.author_id}",
    )  # fmt: skip
