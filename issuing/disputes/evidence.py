"""Files that a cardholder gives as evidence: of three kinds, small, few, sealed at rest, and read by few people.

A kind is known by the content's first bytes, and never by the name or by what the sender says. The content is sealed
before it is stored (onecard/kit/crypto.py); each download is in the audit trail before anything is shown.
"""

import logging
from pathlib import PurePosixPath
from typing import Final

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from audit import trail
from issuing import states
from issuing.disputes.request_errors import DisputeRefusedError, EvidenceRefusedError, EvidenceUnavailableError
from issuing.issuers.disputes import EvidenceFile
from issuing.models import DisputeEvidence, DisputeRequest
from onecard.kit import clock
from onecard.kit.crypto import NoKeyError, open_bytes, seal_bytes
from onecard.kit.reasons import checked_reason
from onecard.kit.text import free_text
from onecard.kit.transactions import transaction

log = logging.getLogger(__name__)

Kind = DisputeEvidence.Kind
DOWNLOAD_PERMISSION: Final = "issuing.download_dispute_evidence"
MOST_BYTES: Final = 5 * 1024 * 1024
MOST_FILES: Final = 5
LONGEST_NAME: Final = 100
BEGINS: Final = {b"%PDF-": Kind.PDF, b"\x89PNG\r\n\x1a\n": Kind.PNG, b"\xff\xd8\xff": Kind.JPEG}
ENDINGS: Final = {Kind.PDF: ".pdf", Kind.PNG: ".png", Kind.JPEG: ".jpg"}
# Written out, because sealed values stay bound to this name even if the table is renamed.
_PLACE: Final = "issuing_disputeevidence.sealed"


@sensitive_variables("content")
def add(*, request: DisputeRequest, name: str, content: bytes, actor: str, why: str = "") -> DisputeEvidence:
    """Stores a file of a request that staff have not decided yet; `why` says how staff got it, if they add it.

    Raises EvidenceRefusedError for a file that is not taken, DisputeRefusedError once it is decided, and
    EvidenceUnavailableError without a key.
    """
    kind = kind_of(content)
    if len(content) > MOST_BYTES:
        raise EvidenceRefusedError(gettext_lazy("The file is larger than 5 MB."), code="evidence_too_large")
    with transaction():
        mine = DisputeRequest.objects.select_for_update(no_key=True, of=("self",)).get(pk=request.pk)
        if mine.status != states.DisputeRequest.REQUESTED:
            raise DisputeRefusedError(
                gettext_lazy("This dispute is decided or on its way to the card network, so no evidence can be added."),
                code="dispute_not_open",
            )
        if mine.evidence.count() >= MOST_FILES:
            raise EvidenceRefusedError(
                format_lazy(gettext_lazy("A dispute has at most {most} files."), most=str(MOST_FILES)),
                code="evidence_too_many",
            )
        row = DisputeEvidence(
            request=mine, name=_name(name, kind), kind=kind, size_bytes=len(content), created_at=clock.now()
        )
        row.sealed = _sealed(row, content)
        row.save(force_insert=True)
        said = {"why": why} if why else {}
        action = "dispute_request.evidence_added"
        trail.record(actor=actor, action=action, subject=mine, file=str(row.public_id), **said)
    return row


@sensitive_variables("content")
def download(*, evidence: DisputeEvidence, reason: str, actor: str) -> bytes:
    """Opens a file for a member of staff who says why; raises DisputeRefusedError without a reason, and SealError."""
    words = checked_reason(reason, error=_NoReasonError)
    with transaction():
        trail.record(
            actor=actor,
            action="dispute_request.evidence_downloaded",
            subject=evidence.request,
            file=str(evidence.public_id),
            reason=words,
        )
    content: bytes = open_bytes(bytes(evidence.sealed), context=context(evidence))
    return content


@sensitive_variables()
def for_issuer(request: DisputeRequest) -> EvidenceFile | None:
    """Opens the file that staff chose for the issuer, if they chose one; raises SealError."""
    chosen = request.evidence.filter(goes_to_issuer=True).first()
    if chosen is None:
        return None
    return EvidenceFile(chosen.name, open_bytes(bytes(chosen.sealed), context=context(chosen)))


def kind_of(content: bytes) -> str:
    """Returns the kind by the first bytes; raises EvidenceRefusedError for any other, and for nothing."""
    found = next((kind for begins, kind in BEGINS.items() if content.startswith(begins)), None)
    if found is None:
        raise EvidenceRefusedError(
            gettext_lazy("Send a PDF, a PNG or a JPEG; this file is none of them."), code="evidence_kind"
        )
    return found


def context(row: DisputeEvidence) -> str:
    """Returns the only place where the sealed content opens."""
    return f"{_PLACE}:{row.public_id}"


@sensitive_variables("content")
def _sealed(row: DisputeEvidence, content: bytes) -> bytes:
    try:
        return seal_bytes(content, context=context(row))
    except NoKeyError:
        log.critical("CARD_DATA_KEYS is not set, so no evidence of a dispute can be stored.")
        raise EvidenceUnavailableError(
            gettext_lazy("Files cannot be taken at the moment. Our staff have to mend that.")
        ) from None


class _NoReasonError(DisputeRefusedError):
    def __init__(self, message: str) -> None:
        super().__init__(message, code="evidence_no_reason")


def _name(name: str, kind: str) -> str:
    """Returns the file's own name without its folders, with the ending of what it really is."""
    last = PurePosixPath(name.replace("\\", "/")).name
    stem = free_text(last.rsplit(".", 1)[0], limit=LONGEST_NAME).replace('"', "") or "evidence"
    return f"{stem}{ENDINGS[Kind(kind)]}"
