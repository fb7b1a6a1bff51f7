"""The OpenAPI document has each address of joining, and says what it answers."""

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from onecard.api.auth import urls
from onecard.api.auth.operations import OPERATIONS
from tests.onecard.api.auth.people import EMAIL, PASSWORD, App, joined

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def faults(document: dict[str, Any], answer: Any, method: str, address: str) -> list[str]:
    """Where this answer differs from its form in the document."""
    operation = document["paths"][f"/api/v1/auth/{{client}}/v1/{address}"][method]
    said = operation["responses"][str(answer.status_code)]["content"][answer["Content-Type"]]["schema"]
    checker = Draft202012Validator({**said, "components": document["components"]})
    return [each.message for each in checker.iter_errors(answer.json())]


def test_each_address_and_method_is_in_the_document() -> None:
    answered = {
        (method.lower(), address)
        for address, view in urls.VIEWS.items()
        for method in view.methods
        if hasattr(view, method.lower())
    }

    assert {(each.method, each.address) for each in OPERATIONS} == answered


@pytest.mark.some_in_suite(8)
@pytest.mark.parametrize("each", OPERATIONS, ids=lambda each: each.name)
def test_answers_have_the_form_that_the_document_says(document: dict[str, Any], each: Any) -> None:
    """Of nobody, of a person who has just logged in, and of one who has given their password again."""
    for app in (App(), joined(), confirmed()):
        body = each.body or {}
        answer = app.send(each.method.upper(), each.address, body if each.method != "get" else b"")
        assert faults(document, answer, each.method, each.address) == []


def confirmed() -> App:
    app = joined("eve@example.com")
    app.post("auth/reauthenticate", password=PASSWORD)
    return app


def test_a_whole_way_has_the_form_that_the_document_says(document: dict[str, Any]) -> None:
    joined()
    app = App()

    answers = {
        ("post", "auth/login"): app.log_in(),
        ("get", "auth/sessions"): app.get("auth/sessions"),
        ("get", "account/email"): app.get("account/email"),
        ("post", "auth/reauthenticate"): app.post("auth/reauthenticate", password=PASSWORD),
        ("get", "account/authenticators/webauthn"): app.get("account/authenticators/webauthn"),
        ("post", "auth/password/request"): app.post("auth/password/request", email=EMAIL),
    }

    assert {answer.status_code for answer in answers.values()} == {200}
    assert [faults(document, answer, *asked) for asked, answer in answers.items()] == [[]] * len(answers)
