"""Events of one kind that go in one POST, where they go, and how the journal tells of each of them."""

from dataclasses import dataclass, field
from typing import Self

from tests.sandbox.http_post import Posted
from tests.sandbox.journal import Delivery
from tests.sandbox.marqeta.events import ROOT_KEYS, Notice
from tests.sandbox.marqeta.state import new_token
from tests.sandbox.wire import Json, to_bytes


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook went when an event happened; a retry goes there too, under the same signature."""

    url: str
    username: str
    password: str
    secret: str | None = None
    algorithm: str = "HMAC_SHA_1"
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, webhook: Json) -> Self:
        """Read where a webhook goes now."""
        config = webhook["config"]
        return cls(
            config["url"],
            config["basic_auth_username"],
            config["basic_auth_password"],
            config.get("secret"),
            config.get("signature_algorithm", "HMAC_SHA_1"),
            tuple(config.get("custom_header", {}).items()),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one kind that go in one POST, with the bytes that every attempt sends."""

    target: Target
    notices: tuple[Notice, ...]
    token: str = field(default_factory=new_token)

    @property
    def body(self) -> bytes:
        """The rows under their root key."""
        return to_bytes({ROOT_KEYS[self.notices[0].base]: [notice.row for notice in self.notices]})


def delivery_of(
    notice: Notice, batch: Batch, posted: Posted, *, attempt: int = 1, scenario: str | None = None
) -> Delivery:
    """Tell of one event what became of the POST that it was in."""
    return Delivery(
        event_id=notice.token,
        event_type=notice.name,
        object_id=notice.about,
        url=batch.target.url,
        attempt=attempt,
        sent_at=posted.sent_at,
        elapsed_ms=posted.elapsed_ms,
        status=posted.status,
        headers=posted.headers,
        body=posted.body,
        error=posted.error,
        scenario=scenario,
        batch=batch.token,
    )
