"""Adds joining and logging in to the OpenAPI document: drf-spectacular knows only views of Django REST framework."""

from typing import Any, Final

from onecard.api.auth.operations import OPERATIONS, PASSKEYS, TOTP, Operation
from onecard.api.schema import CONTENT_TYPE, REFUSALS

Json = dict[str, Any]

TAG: Final = "auth"
# Of the refusals that any operation may have, those that joining has.
STATUSES: Final = ("400", "403", "404", "405", "409", "429")
META: Final[Json] = {
    "type": "object",
    "properties": {
        "is_authenticated": {"type": ["boolean", "null"]},
        "session_token": {"type": "string", "description": "For apps: replaces the token that was sent."},
    },
}
USER: Final[Json] = {
    "type": "object",
    "properties": {"email": {"type": "string"}, "has_usable_password": {"type": "boolean"}},
    "required": ["email", "has_usable_password"],
}
METHODS: Final[Json] = {
    "type": "array",
    "items": {"type": "object"},
    "description": "How and when this session logged in.",
}
STEP: Final[Json] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "Such as login, verify_email, mfa_authenticate or reauthenticate."},
        "is_pending": {"type": "boolean", "description": "This step is the next one."},
        "types": {"type": "array", "items": {"type": "string"}, "description": "Kinds of second factors."},
    },
    "required": ["id"],
}
SCHEMAS: Final[Json] = {
    "AuthSession": {
        "type": "object",
        "description": "Who is logged in.",
        "properties": {
            "status": {"type": "integer"},
            "data": {
                "type": "object",
                "properties": {"user": USER, "methods": METHODS},
                "required": ["user", "methods"],
            },
            "meta": META,
        },
        "required": ["status", "data", "meta"],
    },
    "AuthSteps": {
        "type": "object",
        "description": "Nobody is logged in yet, or must show once more who they are: these steps lead there.",
        "properties": {
            "status": {"type": "integer"},
            "data": {
                "type": "object",
                "properties": {"flows": {"type": "array", "items": STEP}, "user": USER, "methods": METHODS},
                "required": ["flows"],
            },
            "meta": META,
        },
        "required": ["status", "data", "meta"],
    },
}
NEW_KEY: Final[Json] = {"status": 404, "meta": {"secret": "JBSWY3DPEHPK3PXP", "totp_url": "otpauth://totp/…"}}


def add_joining(result: Json, generator: Any, request: Any, public: bool) -> Json:  # noqa: FBT001 (drf-spectacular's own order)
    """Adds each operation of the `app` and `browser` addresses to a document that drf-spectacular has made."""
    result["components"]["schemas"].update(SCHEMAS)
    for each in OPERATIONS:
        path = f"/api/v1/auth/{{client}}/v1/{each.address}"
        result["paths"].setdefault(path, {})[each.method] = _operation(each)
    return result


def _operation(each: Operation) -> Json:
    found: Json = {
        "operationId": f"auth_{each.name}",
        "description": each.words,
        "tags": [TAG],
        "parameters": _parameters(each),
        "security": [{"AppSession": []}, {"WebSession": []}, {}],
        "responses": _responses(each),
    }
    if each.body is not None:
        content = {"schema": schema_of(each.body, each.optional), "examples": {each.name: {"value": each.body}}}
        found["requestBody"] = {"required": bool(each.body), "content": {"application/json": content}}
    return found


def _parameters(each: Operation) -> list[Json]:
    client = {
        "name": "client",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": ["app", "browser"]},
    }
    alone = {"name": "passwordless", "in": "query", "schema": {"type": "string"}, "description": "Logs in alone."}
    return [client, alone] if (each.method, each.address) == ("get", PASSKEYS) else [client]


def _responses(each: Operation) -> Json:
    problem = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: Json = {
        status: {"description": REFUSALS.get(status, "No such method."), "content": problem} for status in STATUSES
    }
    found["401"] = _answer("The steps that lead to a session.", {"$ref": "#/components/schemas/AuthSteps"})
    found["410"] = _answer("The session of this token has ended: forget the token.", {"type": "object"})
    if each.answers == "session":
        found["200"] = _answer("Who is logged in.", {"$ref": "#/components/schemas/AuthSession"})
    elif each.answers != "steps":
        example = {"status": 200, **({"data": each.data} if each.answers == "data" else {})}
        found["200"] = _answer("It is so.", schema_of(example, each.optional), example)
    if (each.method, each.address) == ("get", TOTP):
        step = _answer("There is none yet; a new key, to set one up.", schema_of(NEW_KEY), NEW_KEY)
        found["404"] = {**step, "content": step["content"] | problem}
    return dict(sorted(found.items()))


def _answer(words: str, schema: Json, example: Json | None = None) -> Json:
    content = {"schema": schema, **({"examples": {"answer": {"value": example}}} if example else {})}
    return {"description": words, "content": {"application/json": content}}


def schema_of(example: Any, optional: frozenset[str] = frozenset()) -> Json:
    """Returns the schema of an example; members named in `optional` may be missing, at any depth."""
    if isinstance(example, dict):
        members = {name: schema_of(value, optional) for name, value in example.items()}
        required = [name for name in example if name not in optional]
        return {"type": "object", "properties": members, **({"required": required} if required else {})}
    if isinstance(example, list):
        return {"type": "array", "items": schema_of(example[0], optional)}
    # A time that may be missing is null in an example.
    kinds: dict[type, Any] = {bool: "boolean", int: "integer", float: "number", type(None): ["number", "null"]}
    return {"type": kinds.get(type(example), "string")}
