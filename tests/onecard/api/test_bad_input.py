"""Bad input to any operation is a problem that names the field: made from the document, for each field of it."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.onecard.api.asking import address, body_for, content, is_problem, places, undone, version
from tests.onecard.api.document import Operation, operations
from tests.onecard.api.world import Somebody

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]
NUL, SURROGATE, LONG, HUGE = "a\x00b", "\ud800", "x" * 20_000, 10**30
DEEP = json.loads("[" * 300 + "]" * 300)
# What no field of a kind takes.
WRONG: dict[str, list[Any]] = {
    "string": [{"a": 1}, NUL, SURROGATE, LONG, DEEP],
    "integer": ["x", 1.5, HUGE, [1], NUL],
    "number": ["x", [1], {"a": 1}],
    "boolean": ["x", 7, [True], {"a": 1}, NUL],
    "array": ["x", 5, {"a": 1}, [DEEP], [None]],
    "object": ["x", 5, [1], NUL, DEEP],
}
WRONG_IN_QUERY: dict[str, list[str]] = {
    "string": [LONG, "\ufffe" * 3000],
    "integer": ["x", "1.5", "-1", "9" * 30, "1e3", "\u0663", "x" * 500],
    "boolean": ["maybe", "1.5", LONG],
    "array": ["x", LONG],
    "format": ["x", "9" * 40, LONG, "2026-13-45T00:00:00Z", "\u0663"],
    "enum": ["no_such_choice", LONG],
}
# The step before is missing, the login has to be shown again, or too many were wrong: said before fields are looked at.
NOT_YET = (401, 409, 429)
NO_OBJECTS = (b"", b"[]", b"7", b'"x"', b"null", b"{", b"\xff\xfe", b"[" * 90_000, b'{"a":NaN}')
WITH_BODY = [each for each in operations() if each.media_type == "application/json"]
# Bodies of joining are allauth's forms; test_hostile.py sends each field of them worse things.
OF_OURS = [each for each in WITH_BODY if not each.is_joining]


@pytest.mark.only_in_proofs
def test_each_wrong_field_of_a_body_is_named(owner: Somebody) -> None:
    wrong, asked = [], 0

    for operation in OF_OURS:
        for path, body in wrong_bodies(operation, owner):
            with undone():
                answer = send(owner, operation, json.dumps(body).encode())
            asked += 1
            if not is_problem(answer, 400) or path not in named(answer.json().get("errors", {})):
                wrong.append(f"{operation} {path}: {json.dumps(body)[:300]}\n   {content(answer)[:500]}")

    assert asked > 150
    assert not wrong, f"{len(wrong)} of {asked}:\n" + "\n".join(wrong)


@pytest.mark.only_in_proofs
def test_each_wrong_parameter_of_an_address_is_named(owner: Somebody) -> None:
    wrong = []

    for operation in operations():
        for each in operation.parameters("query") if not operation.is_joining else ():
            for value in wrong_values(each["schema"]):
                answer = owner.send("GET", address(operation, owner.ids, {each["name"]: value}))
                if not is_problem(answer, 400) or each["name"] not in named(answer.json().get("errors", {})):
                    wrong.append(f"{operation} {each['name']}={value[:60]!r}: {content(answer)[:500]}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.only_in_proofs
@pytest.mark.parametrize(("value", "status"), [("x", 404), ("%00", 400)])
def test_an_address_that_holds_no_id_is_a_problem(owner: Somebody, value: str, status: int) -> None:
    wrong = []

    for operation in operations():
        for place in places(operation):
            if place.where == "path":
                answer = send(owner, operation, b"{}", {place.kind: value})
                if not is_problem(answer, status):
                    wrong.append(f"{operation}: {content(answer)[:500]}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.only_in_proofs
def test_a_body_that_is_no_object_is_a_problem(owner: Somebody) -> None:
    wrong = []

    for operation, body in itertools.product(WITH_BODY, NO_OBJECTS):
        with undone():
            answer = send(owner, operation, body)
        is_fine = answer.status_code in (200, 201, 409) and body in (b"", b'{"a":NaN}')
        if not (is_fine or is_problem(answer, 400) or (operation.is_joining and answer.status_code in NOT_YET)):
            wrong.append(f"{operation} {body[:20]!r} {content(answer)[:500]}")

    assert not wrong, "\n".join(wrong)


def send(owner: Somebody, operation: Operation, body: bytes | None, ids: dict[str, str] | None = None) -> Any:
    headers = {"If-Match": version(owner, operation, owner.ids)} if operation.needs_version else {}
    return owner.send(operation.method.upper(), address(operation, owner.ids | (ids or {})), body, **headers)


def wrong_bodies(operation: Operation, owner: Somebody) -> Iterator[tuple[str, dict[str, Any]]]:
    """The path of one field, and the example with that field wrong or missing."""
    example = body_for(operation, owner.ids)
    yield from _wrong(operation.body_schema, example or {}, ())


def _wrong(schema: dict[str, Any], example: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, field in schema.get("properties", {}).items():
        path = ".".join((*above, name))
        for value in _wrong_values(field):
            yield path, example | {name: value}
        if name in schema.get("required", ()):
            yield path, {key: value for key, value in example.items() if key != name}
        inner = field if "properties" in field else (field.get("allOf") or [{}])[0]
        for deeper, value in _wrong(inner, example.get(name) or {}, (*above, name)):
            yield deeper, example | {name: value}


def _wrong_values(field: dict[str, Any]) -> Iterator[Any]:
    kinds = _kinds(field)
    yield from [value for kind in kinds[:1] for value in WRONG[kind]]
    if "null" not in kinds:
        yield None
    if any("enum" in each for each in _parts(field)):
        yield "no_such_choice"


def _kinds(field: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for each in _parts(field):
        kind = each.get("type", [])
        found += [kind] if isinstance(kind, str) else kind
        found += ["null"] if None in each.get("enum", ()) else []
    return found or ["object"]


def _parts(field: dict[str, Any]) -> list[dict[str, Any]]:
    return [field, *field.get("allOf", ()), *field.get("oneOf", ()), *field.get("anyOf", ())]


def wrong_values(schema: dict[str, Any]) -> list[str]:
    """What a parameter of an address does not take."""
    if "enum" in schema:
        return WRONG_IN_QUERY["enum"]
    if "format" in schema or "pattern" in schema:
        return WRONG_IN_QUERY["format"]
    return WRONG_IN_QUERY[schema["type"]]


def named(errors: dict[str, Any]) -> set[str]:
    """The path of each field that a problem names, and of each above it."""
    found = set()
    for name, said in errors.items():
        parts = name.split(".")
        found |= {".".join(parts[: each + 1]) for each in range(len(parts))}
        found |= {f"{name}.{deeper}" for deeper in named(said)} if isinstance(said, dict) else set()
    return found
