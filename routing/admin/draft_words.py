"""What the pages of a draft say in words: what to look at before it is published, and what its previews found."""

from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from onecard.kit import display
from onecard.kit.confirmation_pages import change_page
from onecard.second_factor import second_people
from routing.catalogue import drafting
from routing.catalogue import words as entry_words
from routing.models import RankingDraft, RankingPreview
from routing.rankings import overlaps, publishing, words

Status = RankingDraft.Status
PUBLISHES: Final = "routing.publish_rankingdraft"
# A page compares a draft of this many changes with what is published; a larger one would take seconds.
MOST_COMPARED: Final = 2_000


def facts(draft: RankingDraft) -> list[tuple[str, object]]:
    """Returns what the publisher sees before they publish: the size, the newest preview, and the warnings."""
    preview = draft.previews.filter(draft_version=draft.version, status=RankingPreview.Status.FINISHED).first()
    return [
        (_("Changes"), words.counted(draft.changes.count())),
        (_("Changes of reward terms"), entry_words.counted(draft.entries.count())),
        (_("Preview"), preview_link(preview, draft) if preview else _("None of the draft as it is now")),
        *((_("Look at this"), line) for line in warnings(draft)),
    ]


def warnings(draft: RankingDraft) -> list[str]:
    """Returns a sentence for each overlap, and one for rankings that were published otherwise meanwhile."""
    if draft.status != Status.DRAFT:
        return []
    if draft.changes.count() > MOST_COMPARED:
        return [
            _("The draft is too large to be compared here: publishing it does that, and the grid marks its overlaps.")
        ]
    said = []
    changed = publishing.conflicts(draft)
    if changed:
        said.append(
            _("%(count)s were published otherwise since this draft was written. Press “Compare anew”.")
            % {"count": words.counted(len(changed))}
        )
    said += [
        _("%(entry)s was published otherwise since this draft was written. Press “Compare anew”.") % {"entry": each}
        for each in drafting.conflicts(draft)
    ]
    found = overlaps.with_draft(draft)
    said += [_overlap(each) for each in found[: overlaps.MOST_SHOWN]]
    if len(found) > overlaps.MOST_SHOWN:
        said.append(_("And %(count)s more overlaps.") % {"count": len(found) - overlaps.MOST_SHOWN})
    return said


def _overlap(overlap: overlaps.Overlap) -> str:
    ranked: Any = overlap.later
    return _("Overlap at MCC %(mcc)s: two rankings of %(card)s hold %(days)s. The one that starts later applies.") % {
        "mcc": ranked.mcc,
        "card": words.subject(ranked),
        "days": words.applies(*overlap.days),
    }


def preview_link(preview: RankingPreview, draft: RankingDraft) -> SafeString:
    is_of_now = preview.draft_version == draft.version
    said = ngettext(
        "%(state)s: %(changed)s purchase would change, of the last %(days)s days",
        "%(state)s: %(changed)s purchases would change, of the last %(days)s days",
        preview.changed,
    ) % {"state": preview.get_status_display(), "changed": f"{preview.changed:,}", "days": preview.days}
    link = display.link(change_page(preview), said)
    return link if is_of_now else format_html("{} {}", link, display.label(_("of an earlier version"), "neutral"))


def takes_two(*people: Any) -> tuple[str, ...]:
    """Returns what a page says before a draft is written: a second person publishes it, and who may beside these."""
    return (
        _("A second person must publish it, and you cannot be that person."),
        _("Until they do no purchase uses it. They see first which purchases would change, and who wrote the draft."),
        second_people.in_words(PUBLISHES, besides=people),
    )


def by(who: object, when: str) -> str:
    return _("%(who)s, %(when)s") % {"who": who, "when": when}
