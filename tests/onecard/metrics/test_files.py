"""The files for Prometheus and Grafana and the page about them name metrics that exist, and leave none out."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from tests.onecard.metrics.scraping import families

pytestmark = pytest.mark.django_db

FOLDER = settings.BASE_DIR / "monitoring"
PAGE = settings.BASE_DIR / "docs" / "monitoring.md"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))


def named(text: str) -> set[str]:
    """The metrics that a text names, without what Prometheus appends to the name of a counter or histogram."""
    return {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in re.findall(r"\bonecard_\w+", text)}


def existing() -> set[str]:
    return {family.name for family in families()}


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


@pytest.mark.parametrize("path", [FOLDER / "prometheus-rules.yml", FOLDER / "grafana-dashboard.json", PAGE])
def test_each_metric_that_is_named_exists(path: Any) -> None:
    found = named(path.read_text("utf-8"))

    assert len(found) > 20
    assert found - existing() == set()


def test_each_metric_is_on_the_dashboard() -> None:
    assert existing() - named("\n".join(expressions())) == set()


def test_each_metric_is_explained() -> None:
    explained = named("\n".join(re.findall(r"^\| (.+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)))

    assert explained == existing()


def test_each_label_that_is_asked_for_exists() -> None:
    """A misspelt label would match nothing, and its panel stay empty for ever."""
    known = {key for family in families() for sample in family.samples for key in sample.labels}
    # Those of histograms that nothing was counted for yet, and of `up`.
    known |= {"code", "method", "hook", "job", "alertname", "alertstate", "account", "currency", "status"}
    text = (FOLDER / "prometheus-rules.yml").read_text("utf-8") + "\n".join(expressions())
    asked = {label for inside in re.findall(r"\{([^{}]*)\}", text) for label in re.findall(r"(\w+)(?:=~|!=|=)", inside)}
    asked |= {label.strip() for by in re.findall(r"\bby \(([^)]*)\)", text) for label in by.split(",")}

    assert asked - known - {"severity"} == {"le"} - known


def test_the_dashboards_panels_have_places_of_their_own() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24, panel["title"]
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
