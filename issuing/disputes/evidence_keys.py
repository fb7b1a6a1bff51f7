"""Sealing the evidence of disputes with the first key of CARD_DATA_KEYS; `manage.py rotate_card_keys` calls it."""

from dataclasses import dataclass, field

from django.db.models import BinaryField, QuerySet
from django.db.models.functions import Substr
from django.views.decorators.debug import sensitive_variables

from issuing.disputes.evidence import context
from issuing.models import DisputeEvidence
from onecard.kit.crypto import HEADER_BYTES, SealError, first_key, open_bytes, seal_bytes


@dataclass(slots=True)
class Counts:
    """What a run did, in files."""

    checked: int = 0
    resealed: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)


def reseal_all(counts: Counts, *, dry_run: bool) -> None:
    """Opens each file and replaces what lies under an older key, each as its own commit; safe to stop and repeat."""
    for key in list(DisputeEvidence.objects.order_by("pk").values_list("pk", flat=True)):
        _reseal(DisputeEvidence.objects.get(pk=key), counts, dry_run=dry_run)


def older_than_first_key() -> QuerySet[DisputeEvidence]:
    """Returns the files that the first key did not seal; raises NoKeyError."""
    begins = Substr("sealed", 1, HEADER_BYTES, output_field=BinaryField())
    return DisputeEvidence.objects.annotate(begins=begins).exclude(begins=first_key().header)


@sensitive_variables("content")
def _reseal(row: DisputeEvidence, counts: Counts, *, dry_run: bool) -> None:
    counts.checked += 1
    sealed = bytes(row.sealed)
    try:
        content = open_bytes(sealed, context=context(row))
    except SealError as error:
        counts.unreadable[row.pk] = error.message
        return
    if sealed.startswith(first_key().header):
        return
    if not dry_run:
        DisputeEvidence.objects.filter(pk=row.pk).update(sealed=seal_bytes(content, context=context(row)))
    counts.resealed += 1
