"""Finds the kind of a line's document: the kind that it states, else the kind that its fields show."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from issuing.legacy.json_line import LineError
from issuing.legacy.redaction import masked_text, spelling
from issuing.models import LegacyDocument

Kind = LegacyDocument.Kind
LABELS: Final = {Kind.VIRTUAL_CARD: "VirtualCard", Kind.TRANSACTION: "Transaction"}
_WORDS: Final = {
    **dict.fromkeys(("virtualcard", "virtualcards", "card", "cards"), Kind.VIRTUAL_CARD),
    **dict.fromkeys(("transaction", "transactions", "cardtransaction", "cardtransactions"), Kind.TRANSACTION),
}
_KIND_FIELDS: Final = ("model", "_type", "collection", "kind")
# The first match counts. Transactions come first, because a transaction may also hold fields of its card.
_TYPICAL_FIELDS: Final = (
    (Kind.TRANSACTION, {"issuertransactionid", "transactiontype"}),
    (Kind.VIRTUAL_CARD, {"issuercardid", "cardtype"}),
    (Kind.TRANSACTION, {"processingstatus", "issuereventtype", "cardid", "merchantinfo", "authorizationcode"}),
    (Kind.VIRTUAL_CARD, {"issuercardtoken", "kycverified", "spendinglimits", "expirymonth", "encryptedcardnumber"}),
)


def kind_and_fields(document: Mapping[str, Any], *, only: str | None = None) -> tuple[str, dict[str, Any]]:
    """Returns the kind and the document's own fields.

    Raises LineError for an unknown kind or one that is not `only`.
    """
    said, body = _stated_kind(document)
    if said and only and said != only:
        raise LineError(f"the line is a {LABELS[Kind(said)]}, but only {LABELS[Kind(only)]} lines were asked for")
    kind = said or only or _kind_by_fields(body)
    if kind is None:
        raise LineError(
            "cannot tell what the line is: a VirtualCard has issuerCardId and cardType, "
            "a Transaction issuerTransactionId and transactionType"
        )
    return kind, body


def _stated_kind(document: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Returns the kind that a wrapper or a field states, and the document without the wrapper or field."""
    if len(document) == 1:
        ((name, inner),) = document.items()
        if isinstance(inner, dict) and spelling(name) in _WORDS:
            return _WORDS[spelling(name)], inner
    words = {_kind_of(name, document[name]) for name in _KIND_FIELDS if document.get(name) is not None}
    if len(words) > 1:
        raise LineError("the line says that it is both a VirtualCard and a Transaction")
    return next(iter(words), None), {name: value for name, value in document.items() if name not in _KIND_FIELDS}


def _kind_of(name: str, value: Any) -> str:
    # Django and others put the application in front: issuing.virtualcard.
    word = spelling(value.rpartition(".")[2]) if isinstance(value, str) else ""
    if word not in _WORDS:
        shown = masked_text(value)[:40] if isinstance(value, str) else type(value).__name__
        raise LineError(f"{name}: {shown!r} is no kind of document; allowed are VirtualCard and Transaction")
    return _WORDS[word]


def _kind_by_fields(body: Mapping[str, Any]) -> str | None:
    present = {spelling(name) for name in body}
    return next(_matching(present), None)


def _matching(present: set[str]) -> Iterator[str]:
    for kind, names in _TYPICAL_FIELDS:
        if present & names:
            yield kind
