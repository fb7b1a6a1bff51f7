"""A call that was checked and may be carried out, and the table row that leads to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.sandbox.scenario import Scenario
from tests.sandbox.stripe.specs import Spec, clean, rows, text
from tests.sandbox.wire import Json

if TYPE_CHECKING:
    from tests.sandbox.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Command:
    """The parameters as values, the id from the address, who asked, and the API version that the call named."""

    params: Json
    id: str
    request_id: str
    idempotency_key: str | None
    forced: Scenario | None = None
    version: str = ""

    @property
    def expand(self) -> list[str]:
        """The paths of references that the answer shall spell out."""
        return list(self.params.get("expand") or [])


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One address of the API: the parameters it knows and the function behind it."""

    method: str
    path: str
    run: "Callable[[Sandbox, Command], Json]"
    spec: Spec

    def read(self, given: Json) -> Json:
        """Check the parameters of a call; raises RefusedError."""
        return clean({**self.spec, "expand": rows(text())}, given)
