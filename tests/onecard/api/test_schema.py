"""The OpenAPI document is complete and says what the views do; its pages ask no other host."""

import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from onecard.api.problem_page import codes

pytestmark = pytest.mark.django_db
# Words in which a page would ask another host for something.
ASKS_ELSEWHERE = re.compile(r"""(?:src|href)=["'](?:https?:)?//""")


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("schema") / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def test_the_document_is_of_openapi_3_1_and_only_of_our_routes(schema: dict[str, Any]) -> None:
    assert schema["openapi"] == "3.1.0"
    assert schema["paths"]
    assert {path[:8] for path in schema["paths"]} == {"/api/v1/"}


def test_each_operation_says_how_it_may_be_refused(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert {"400", "401", "403", "404", "429"} <= set(operation["responses"]), (method, path)
            assert operation["description"], (method, path)


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
