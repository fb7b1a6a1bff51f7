"""How a test asks an operation of the document: whose ids go into its address, its query and its body."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from tests.onecard.api.document import Operation
from tests.onecard.api.world import PDF, Somebody

# What a field of a query or body names, by its name; a new field with an id gets its line here.
NAMED: Final = {
    "card": "cards",
    "funding_card": "funding-cards",
    "instead_of": "rules",
    "order": "funding-cards",
    "setup": "setups",
    "transaction": "transactions",
    "sessions": "sessions",
    "authenticators": "authenticators",
}
# Fields that name a thing in one operation only.
NAMED_AT: Final = {
    ("rename_passkey", "id"): "authenticators",
    ("card_controls_create", "purchase"): "purchases",
    ("routing_preview", "funding_cards"): "funding-cards",
    ("routing_preview_read", "funding_cards"): "funding-cards",
}
NUMBERS: Final = ("sessions", "authenticators")
# For operations whose body is a file or needs what no example can know.
FILES: Final = {"multipart/form-data": lambda: {"file": SimpleUploadedFile("a.pdf", PDF, "application/pdf")}}
CSV: Final = b"date,amount,reward\n2026-11-28,45.00,180\n"
FILES_AT: Final = {"statements_import": lambda: {"file": SimpleUploadedFile("a.csv", CSV, "text/csv")}}
UNKNOWN: Final = {"setups": "seti_unknown", "purchases": "iauth_unknown", "transactions": "ipi_unknown"}


@dataclass(frozen=True)
class Place:
    """Where an operation takes an id, and of what kind: in its `path`, its `query` or its `body`."""

    where: str
    name: str
    kind: str


def places(operation: Operation) -> list[Place]:
    """Every place of an id; fails for one whose kind is not known."""
    return [*_in_path(operation), *_in_query(operation), *_in_body(operation)]


def _in_path(operation: Operation) -> Iterator[Place]:
    for kind, name in re.findall(r"([\w-]+)/\{(\w+)\}", operation.path):
        if not operation.is_joining:
            yield Place("path", name, kind)


def _in_query(operation: Operation) -> Iterator[Place]:
    for each in operation.parameters("query"):
        if each["name"] in NAMED or each["schema"].get("format") == "uuid":
            yield Place("query", each["name"], _kind(operation, each["name"]))


def _in_body(operation: Operation) -> Iterator[Place]:
    for name, schema in operation.body_schema.get("properties", {}).items():
        is_id = "uuid" in (schema.get("format"), schema.get("items", {}).get("format"))
        if is_id or name in NAMED or (operation.name, name) in NAMED_AT:
            yield Place("body", name, _kind(operation, name))


def _kind(operation: Operation, name: str) -> str:
    found = NAMED_AT.get((operation.name, name)) or NAMED.get(name)
    assert found, f"{operation} takes an id as {name}: say in tests/onecard/api/asking.py what it names."
    return found


def unknown_id(kind: str) -> str:
    """An id of nothing."""
    return "2147483647" if kind in NUMBERS else UNKNOWN.get(kind) or str(uuid.uuid4())


def address(
    operation: Operation, ids: dict[str, str], query: dict[str, Any] | None = None, *, client: str = "app"
) -> str:
    """The address with ids put in."""
    path = operation.path.replace("{client}", client)
    for place in _in_path(operation):
        assert place.kind in ids, f"Give tests/onecard/api/world.py one of {place.kind} for {operation}."
        path = path.replace(f"{{{place.name}}}", ids[place.kind])
    return f"{path}?{urlencode(query)}" if query else path


def body_for(operation: Operation, ids: dict[str, str]) -> dict[str, Any] | None:
    """The document's example with ids put in; None for an operation without a body."""
    if operation.media_type in FILES:
        return FILES_AT.get(operation.name, FILES[operation.media_type])()
    body = operation.example
    if body is None:
        assert not operation.body_schema.get("required"), f"Give {operation} an example of its body."
        return {} if operation.media_type else None
    for place in _in_body(operation):
        if place.name in body:
            body[place.name] = _value(operation, place, ids)
    return body


def _value(operation: Operation, place: Place, ids: dict[str, str]) -> Any:
    found: Any = int(ids[place.kind]) if place.kind in NUMBERS else ids[place.kind]
    return [found] if operation.body_schema["properties"][place.name].get("type") == "array" else found


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is undone, so that each question finds the same world."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def ask(person: Somebody, operation: Operation, ids: dict[str, str], *, place: Place | None = None) -> Any:
    """Asks as a person, with these ids; `place` says which of the places that the example leaves out is filled too."""
    body = body_for(operation, ids)
    query: dict[str, Any] = {}
    if place is not None and place.where == "query":
        query[place.name] = ids[place.kind]
    if place is not None and place.where == "body" and body is not None:
        body[place.name] = _value(operation, place, ids)
    headers = {"If-Match": version(person, operation, ids)} if operation.needs_version else {}
    path = address(operation, ids, query, client=person.app.client_name)
    return person.send(operation.method.upper(), path, body, **headers)


def version(person: Somebody, operation: Operation, ids: dict[str, str]) -> str:
    """The ETag of what the operation changes, as the person reads it; any other where they cannot."""
    path = address(operation, ids).removesuffix("/order")
    return str(person.send("GET", path).headers.get("ETag", '"none"'))


def content(answer: Any, sent: str = "") -> str:
    """All that an answer says, without what is of each request alone and the id that was sent."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("X-Request-Id", "Content-Length")}
    said = answer.content.decode(errors="replace")
    if answer.headers.get("Content-Type", "").endswith("json"):
        said = json.dumps({**json.loads(said), "request_id": ""}, sort_keys=True)
    found = f"{answer.status_code} {sorted(headers.items())} {said}"
    return re.sub(rf"\b{re.escape(sent)}\b", "what was sent", found) if sent else found


def is_problem(answer: Any, status: int) -> bool:
    """Whether an answer is problem details with this status."""
    return (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json") and (
        answer.json()["status"] == status
    )
