"""Whether an answer is what the document says: its status, its content type, and every member of its body."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from tests.onecard.api.document import Operation, resolved


def faults(operation: Operation, answer: Any) -> list[str]:
    """Where an answer differs from the document; also a member that the document does not name is a fault."""
    said = operation.spec["responses"].get(str(answer.status_code))
    if said is None:
        return [f"{operation}: {answer.status_code} is not in the document: {answer.content[:300]!r}"]
    if "content" not in said:
        return [f"{operation}: {answer.status_code} has a body: {answer.content[:300]!r}"] if answer.content else []
    kind = answer.headers["Content-Type"].partition(";")[0]
    if kind not in said["content"]:
        return [f"{operation}: {answer.status_code} is {kind}, which is not in the document: {answer.content[:300]!r}"]
    schema = resolved(said["content"][kind]["schema"])
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    wrong = [f"{each.json_path}: {each.message[:300]}" for each in checker.iter_errors(answer.json())]
    return [f"{operation}: {answer.status_code} {each}" for each in [*wrong, *_unnamed(schema, answer.json(), "$")]]


def _unnamed(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _unnamed(schema.get("items", {}), each, f"{path}[]")
    named = dict(schema.get("properties", {}))
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        named |= part.get("properties", {})
    if isinstance(value, dict) and named:
        yield from (f"{path}.{name}: the document does not name it" for name in value if name not in named)
        for name in value.keys() & named.keys():
            yield from _unnamed(named[name], value[name], f"{path}.{name}")
