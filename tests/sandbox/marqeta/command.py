"""A call that was checked and may be carried out, and the table row that leads to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.sandbox.marqeta.fields import Spec, clean
from tests.sandbox.wire import Json

if TYPE_CHECKING:
    from tests.sandbox.marqeta.program import Program


@dataclass(frozen=True, slots=True)
class Command:
    """The body as values, the query as texts, and the tokens from the address by their names."""

    body: Json
    query: Mapping[str, str]
    place: Mapping[str, str]

    @property
    def token(self) -> str:
        """The one token of the address."""
        return self.place["token"]

    def asks_for(self, name: str) -> bool:
        """Tell whether the query switches something on."""
        return self.query.get(name, "").lower() == "true"


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One address of the API: the function behind it, the fields of its body and the status of its success."""

    method: str
    path: str
    run: "Callable[[Program, Command], Json]"
    spec: Spec = field(default_factory=dict)
    status: int = 200

    def read(self, given: Json) -> Json:
        """Check the body of a call; raises ApiError."""
        return clean(self.spec, given) if self.method != "GET" else {}
