"""The addresses that a load balancer asks, and what they answer."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from routing.models import Rulebook


def test_alive_needs_no_database() -> None:
    assert Client().get("/health/live").json() == {"status": "alive"}


@pytest.mark.django_db
def test_ready_when_a_decision_could_be_made() -> None:
    response = Client().get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "ready")


@pytest.mark.django_db
def test_unready_before_the_rules_are_there() -> None:
    Rulebook.objects.all().delete()
    response = Client().get("/health/ready")
    assert response.status_code == 503
    assert "migrate" in response.json()["reason"]


@pytest.mark.django_db(transaction=True)
def test_unready_without_a_database_and_the_reason_names_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    place: dict[str, Any] = connection.settings_dict
    connection.close()
    with monkeypatch.context() as patched:
        patched.setitem(place, "HOST", "127.0.0.1")
        patched.setitem(place, "PORT", "1")
        response = Client().get("/health/ready")
        connection.close()

    assert response.status_code == 503
    assert "127.0.0.1" not in response.content.decode()
