"""One answer of stand-in as a line of the journal: sealed, so that it is whole, ours, and readable by nobody else.

The cipher is that of onecard/kit/crypto.py with the first of SECOND_FACTOR_KEYS; its signature is the line's checksum.
"""

import base64
import zlib
from typing import Any, Final

import msgspec

from issuing.issuers.marqeta.answers import MarqetaAnswers
from issuing.issuers.messages import AnswerFormat, AuthorizationRequest, Merchant, SideAmounts, Signals
from issuing.issuers.stripe.answers import STRIPE
from issuing.models import Provider
from onecard.kit import crypto

RING: Final = "SECOND_FACTOR_KEYS"
CONTEXT: Final = "stand_in.journal"
TUPLES: Final = ("earlier_events", "earlier_rounds", "cardholders")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: what was asked, what was answered, and what the fold needs to write it down.

    `id` names the decision, `answered_at` is in seconds since 1970, `reason` is "" for an approval. `in_doubt` are
    decisions on the request whose commit has an unknown end. `body` is the masked request, compressed. `awaits_mark`
    says that it counts as given only with a `Given` beside it; a decline needs none.
    """

    id: str
    answered_at: float
    request: dict[str, Any]
    reason: str
    response: bytes
    method_id: int
    snapshot_at: float
    elapsed_ms: float
    in_doubt: list[str]
    body: bytes
    original_mac: str
    # False in what a release before the marks wrote.
    awaits_mark: bool = False

    @property
    def is_approval(self) -> bool:
        return not self.reason

    def asked(self) -> AuthorizationRequest:
        """Returns the request as its door read it."""
        fields = dict(self.request)
        answers = _answers(fields["provider"], fields.pop("answers"))
        merchant, beside = Merchant(**fields.pop("merchant")), SideAmounts(**fields.pop("beside"))
        # An answer of the release before has no signals.
        fields["signals"] = Signals(**fields.get("signals", {}))
        fields |= {name: tuple(fields[name]) for name in TUPLES}
        return AuthorizationRequest(**fields, merchant=merchant, beside=beside, answers=answers)

    def masked_body(self) -> bytes:
        """Returns the request's bytes with card numbers covered, as they are kept as evidence."""
        return zlib.decompress(self.body)


class Voided(msgspec.Struct, frozen=True, kw_only=True):
    """Takes back an entry whose answer was not given, since it could not be kept in time."""

    voided: str


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Marks an approval as handed over to whoever asked for it."""

    given: str


# A line of the journal.
Item = Entry | Voided | Given


class DamagedLineError(Exception):
    """A whole line that is not what was written, or that was sealed with a key which is gone."""


def request_of(asked: AuthorizationRequest) -> dict[str, Any]:
    """Returns a request in plain values. Whoever reads it looks at the body again."""
    values: dict[str, Any] = msgspec.to_builtins(asked)
    del values["is_clean"]
    return values


def line_of(item: Item) -> bytes:
    """Returns the line, with its end."""
    sealed = crypto.seal_bytes(msgspec.json.encode(item), context=CONTEXT, ring=RING)
    return base64.urlsafe_b64encode(sealed) + b"\n"


def read_line(line: bytes) -> Item:
    """Returns what a line without its end holds; raises DamagedLineError."""
    try:
        plain = crypto.open_bytes(base64.b64decode(line, altchars=b"-_", validate=True), context=CONTEXT, ring=RING)
        if plain.startswith(b'{"voided"'):
            return msgspec.json.decode(plain, type=Voided)
        if plain.startswith(b'{"given"'):
            return msgspec.json.decode(plain, type=Given)
        return msgspec.json.decode(plain, type=Entry)
    except (ValueError, crypto.SealError, msgspec.DecodeError) as error:
        raise DamagedLineError(str(error)) from error


def _answers(provider: str, values: dict[str, Any]) -> AnswerFormat:
    return MarqetaAnswers(**values) if provider == Provider.MARQETA else STRIPE
