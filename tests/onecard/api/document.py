"""The OpenAPI document as tests read it: each operation with its parameters, an example body, and its answers."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

METHODS = ("get", "post", "put", "patch", "delete")
AUTH = "/api/v1/auth/"


@dataclass(frozen=True, eq=False)
class Operation:
    """One method at one address."""

    method: str
    path: str
    spec: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def name(self) -> str:
        return str(self.spec["operationId"])

    @property
    def is_joining(self) -> bool:
        """Whether it is of django-allauth, which takes no idempotency keys and answers 401 with the next steps."""
        return self.path.startswith(AUTH)

    @property
    def needs_key(self) -> bool:
        return any(each["name"] == "Idempotency-Key" for each in self.parameters("header"))

    @property
    def needs_version(self) -> bool:
        return any(each["name"] == "If-Match" for each in self.parameters("header"))

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """The parameters in `path`, `query` or `header`."""
        return [each for each in self.spec.get("parameters", []) if each["in"] == place]

    @property
    def media_type(self) -> str:
        """What its body is; empty for an operation without one."""
        return next(iter(self.spec.get("requestBody", {}).get("content", {})), "")

    @property
    def body_schema(self) -> dict[str, Any]:
        """What the document says of its body, with references put in."""
        content = self.spec.get("requestBody", {}).get("content", {})
        return resolved(content[self.media_type]["schema"]) if self.media_type else {}

    @property
    def example(self) -> dict[str, Any] | None:
        """The first example of its body that the document gives; None without a body or an example."""
        content = self.spec.get("requestBody", {}).get("content", {}).get(self.media_type, {})
        for each in content.get("examples", {}).values():
            copied: dict[str, Any] = json.loads(json.dumps(each["value"]))
            return copied
        return None


@functools.cache
def document() -> dict[str, Any]:
    """The document as it is served."""
    made = SchemaGenerator().get_schema(request=None, public=True)
    found: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(made))
    return found


@functools.cache
def operations() -> tuple[Operation, ...]:
    """Every operation of the document."""
    return tuple(_operations())


def _operations() -> Iterator[Operation]:
    for path, at_path in document()["paths"].items():
        for method in METHODS:
            if method in at_path:
                yield Operation(method, path, at_path[method])


def resolved(schema: Any) -> Any:
    """The schema with each reference replaced by what it refers to; no schema of ours holds itself."""
    if isinstance(schema, list):
        return [resolved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        more = {key: value for key, value in schema.items() if key != "$ref"}
        return resolved({**document()["components"]["schemas"][name], **more})
    return {key: resolved(value) for key, value in schema.items()}
