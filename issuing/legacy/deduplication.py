"""Finds which documents of a batch are new, which were imported before, and which contradict earlier ones."""

from collections import ChainMap
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from issuing.legacy.draft import Draft
from issuing.legacy.extended_json import differences, storable
from issuing.legacy.lines import Place
from issuing.models import LegacyDocument

LONGEST_LIST_OF_DIFFERENCES = 5
D = TypeVar("D", bound=Draft)
IssuerId = tuple[str, str]


@dataclass(slots=True)
class EarlierLines:
    """The ids on earlier lines of this run. Only ids are kept, so that a file of any length can be read."""

    documents: MutableMapping[str, tuple[Place, str]] = field(default_factory=dict)
    issuer_ids: MutableMapping[IssuerId, Place] = field(default_factory=dict)


@dataclass(slots=True)
class Sorted(Generic[D]):
    """A sorted batch; `earlier` has the ids that later lines must not use again, once the batch is committed."""

    new: list[D] = field(default_factory=list)
    unchanged: list[D] = field(default_factory=list)
    bad: list[tuple[D, str]] = field(default_factory=list)
    earlier: EarlierLines = field(default_factory=EarlierLines)

    def remember_in(self, earlier: EarlierLines) -> None:
        """Adds the ids of this batch; the first line with an id stays its first line."""
        earlier.documents.update(self.earlier.documents)
        earlier.issuer_ids.update(self.earlier.issuer_ids)


def sort_drafts(drafts: Sequence[D], *, kind: str, earlier: EarlierLines, taken: dict[IssuerId, str]) -> Sorted[D]:
    """Sorts drafts into new, unchanged and bad; `taken` maps issuer ids that are stored here to what has them."""
    found: Sorted[D] = Sorted()
    known = EarlierLines(
        ChainMap(found.earlier.documents, earlier.documents), ChainMap(found.earlier.issuer_ids, earlier.issuer_ids)
    )
    stored = _stored(kind, [draft.legacy_id for draft in drafts])
    for draft in drafts:
        if _is_unchanged(draft, known, stored):
            found.unchanged.append(draft)
            _remember(draft, known)
            continue
        faults = draft.faults + _contradictions(draft, known, stored, taken)
        if faults:
            found.bad.append((draft, "; ".join(faults)))
        else:
            found.new.append(draft)
            _remember(draft, known)
    return found


def _stored(kind: str, legacy_ids: Sequence[str]) -> dict[str, str]:
    wanted = [legacy_id for legacy_id in legacy_ids if legacy_id]
    return dict(LegacyDocument.objects.filter(kind=kind, legacy_id__in=wanted).values_list("legacy_id", "digest"))


def _is_unchanged(draft: Draft, known: EarlierLines, stored: dict[str, str]) -> bool:
    """Returns whether this run or an earlier one imported the same content. It was checked then."""
    _place, known_digest = known.documents.get(draft.legacy_id, (None, None))
    return draft.digest == (known_digest or stored.get(draft.legacy_id))


def _remember(draft: Draft, known: EarlierLines) -> None:
    if draft.legacy_id not in known.documents:
        known.documents[draft.legacy_id] = (draft.place, draft.digest)
    if all(draft.issuer_id) and draft.issuer_id not in known.issuer_ids:
        known.issuer_ids[draft.issuer_id] = draft.place


def _contradictions(draft: Draft, known: EarlierLines, stored: dict[str, str], taken: dict[IssuerId, str]) -> list[str]:
    if draft.legacy_id in known.documents:
        place, _digest = known.documents[draft.legacy_id]
        return [f"_id: {draft.legacy_id!r} is also on {place}, with other content; each document must stand once"]
    if draft.legacy_id in stored:
        return [_differs(draft)]
    provider, issuer_id = draft.issuer_id
    name = "issuerCardId" if draft.kind == LegacyDocument.Kind.VIRTUAL_CARD else "issuerTransactionId"
    if (provider, issuer_id) in known.issuer_ids:
        place = known.issuer_ids[provider, issuer_id]
        return [f"{name}: {issuer_id!r} of {provider} is also on {place}; an issuer gives each id once"]
    if (provider, issuer_id) in taken:
        return [f"{name}: {issuer_id!r} of {provider} belongs to {taken[provider, issuer_id]} here; it must be new"]
    return []


def _differs(draft: Draft) -> str:
    row = LegacyDocument.objects.values("document").get(kind=draft.kind, legacy_id=draft.legacy_id)
    names = differences(row["document"], storable(draft.document))
    shown = [name[:60] for name in names[:LONGEST_LIST_OF_DIFFERENCES]]
    more = len(names) - len(shown)
    listed = ", ".join(shown) + (f" and {more} more" if more else "")
    return f"_id: {draft.legacy_id!r} was imported before with other content (differs in: {listed}); nothing changed"
