"""The OpenAPI document is complete and says what the views do; its pages ask no other host."""

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from onecard.api.problem_page import codes
from onecard.dev.client import FINGERPRINT, REMEDY, fingerprint
from onecard.dev.node_packages import CLIENT

pytestmark = pytest.mark.django_db
# Words in which a page would ask another host for something.
ASKS_ELSEWHERE = re.compile(r"""(?:src|href)=["'](?:https?:)?//""")


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("schema") / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


def test_the_document_is_of_openapi_3_1_and_only_of_our_routes(schema: dict[str, Any]) -> None:
    assert schema["openapi"] == "3.1.0"
    assert schema["paths"]
    assert {path[:8] for path in schema["paths"]} == {"/api/v1/"}


def test_the_committed_typescript_client_is_that_of_the_document(schema: dict[str, Any]) -> None:
    assert FINGERPRINT.read_text().strip() == fingerprint(schema), f"The OpenAPI document has changed: {REMEDY}."


def test_the_typescript_client_gives_a_key_to_each_post_that_takes_one(schema: dict[str, Any]) -> None:
    said = re.search(r"WITHOUT_KEY = /(.+)/;", (CLIENT / "src" / "onecard.ts").read_text())
    assert said
    posts = {path: operations["post"] for path, operations in schema["paths"].items() if "post" in operations}
    takes_key = {path: headers(post).get("Idempotency-Key", False) for path, post in posts.items()}

    assert takes_key == {path: not re.search(said[1], path) for path in posts}


def test_each_operation_says_how_it_may_be_refused(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert {"400", "401", "403", "404", "429"} <= set(operation["responses"]), (method, path)
            assert operation["description"], (method, path)


def test_what_may_be_null_says_so_as_openapi_3_1_does(schema: dict[str, Any]) -> None:
    page = schema["components"]["schemas"]["PaginatedPurchaseList"]

    assert '"nullable"' not in json.dumps(schema), "OpenAPI 3.1 knows no such word, and a client is told of no null."
    assert page["properties"]["next"]["type"] == ["string", "null"]
    assert page["required"] == ["next", "previous", "results"]


def test_only_the_first_profile_needs_no_version(schema: dict[str, Any]) -> None:
    versions = {
        (method, path): headers(operation)["If-Match"]
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if "If-Match" in headers(operation)
    }

    assert [each for each, is_required in versions.items() if not is_required] == [("put", "/api/v1/profile")]
    assert len(versions) > 1


def headers(operation: dict[str, Any]) -> dict[str, bool]:
    """The headers that an operation takes, and whether each is required."""
    taken = (each for each in operation.get("parameters", []) if each["in"] == "header")
    return {each["name"]: each.get("required", False) for each in taken}


def test_it_is_served_to_anybody_with_its_page(client: Client) -> None:
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/")

    assert page.status_code == 200
    assert not ASKS_ELSEWHERE.findall(page.content.decode())


def test_the_page_of_problems_explains_each_code(client: Client) -> None:
    page = client.get("/api/docs/problems").content.decode()

    for code, (status, words) in codes().items():
        assert f'id="{code}"' in page
        assert 400 <= status < 600
        assert words, code
