"""A document that was read and is not stored yet."""

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Final

from issuing.legacy.extended_json import OBJECT_ID
from issuing.legacy.lines import Place
from onecard.kit import clock

LONGEST_LEGACY_ID: Final = 64
# Object ids before the first release of MongoDB are made up.
_FIRST_OBJECT_ID: Final = dt.datetime(2009, 1, 1, tzinfo=dt.UTC)


@dataclass(slots=True, kw_only=True)
class Draft(ABC):
    """The part that both kinds of documents share. A draft with faults is reported as a bad line."""

    place: Place
    kind: str
    legacy_id: str
    digest: str
    document: dict[str, Any]
    faults: list[str] = field(default_factory=list)

    @property
    @abstractmethod
    def issuer_id(self) -> tuple[str, str]:
        """Returns the provider and the issuer's id, a pair that is unique here.

        Empty strings where they are unknown.
        """


def made_identity(provider: str, issuer_id: str) -> str:
    """Returns an identity made from the issuer's id, for a document without an id of its own.

    "" without an issuer's id.
    """
    if not provider or not issuer_id:
        return ""
    identity = f"{provider}:{issuer_id}"
    if len(identity) <= LONGEST_LEGACY_ID:
        return identity
    return f"{provider}:{hashlib.sha256(issuer_id.encode()).hexdigest()[:48]}"


def moment_of_id(legacy_id: str) -> dt.datetime | None:
    """Returns when an ObjectId was made: its first four bytes are seconds since 1970 (BSON types, ObjectId)."""
    if not OBJECT_ID.fullmatch(legacy_id):
        return None
    moment = dt.datetime.fromtimestamp(int(legacy_id[:8], 16), tz=dt.UTC)
    return moment if _FIRST_OBJECT_ID <= moment <= clock.now() else None
