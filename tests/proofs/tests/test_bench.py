"""What `make bench` measures is the path of an approved decision, and its ratios are those of what it saw."""

import json
from typing import Any

import pytest
from django.test import Client, override_settings

from issuing.models import Decision
from tests.proofs.bench import one_commit, people, report, valued
from tests.proofs.bench.requests import Requests
from tests.support.stripe_events import signed

PRODUCT = {"rps": 300.0, "p50": 4.0, "p99": 9.0, "approved": 1000, "declined": 0, "errors": 0, "cpu_s": 1.0}


@pytest.mark.django_db
def test_each_card_of_the_bench_is_approved_and_charged(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 30_000
    people.make_cards(2)
    requests = Requests(settings.STRIPE_API_VERSION)

    for number in range(2):
        body = requests.body_for(card=f"ic_bench_{number}", amount=100, unique=f"{number}")
        answer = Client().post(
            "/stripe-webhook",
            data=body,
            content_type="application/json",
            headers={"Stripe-Signature": signed(body.decode())},
        )
        assert answer.json()["approved"] is True

    cards = Decision.objects.values_list("authorization__card__issuer_card_id", flat=True)
    assert sorted(cards) == ["ic_bench_0", "ic_bench_1"]
    assert not Decision.objects.filter(obligation=None).exists()


@pytest.mark.django_db
@override_settings(MERCHANT_MCC_PASSED_THROUGH=True)
def test_people_with_ten_cards_are_decided_by_value(settings: Any) -> None:
    people.make_cards(1)
    valued.make_people(1, first=1)
    valued.prefer(valued.BY_VALUE)
    body = Requests(settings.STRIPE_API_VERSION).body_for(card="ic_bench_1", amount=100, unique="one")

    answer = Client().post(
        "/stripe-webhook",
        data=body,
        content_type="application/json",
        headers={"Stripe-Signature": signed(body.decode())},
    )

    assert answer.json()["approved"] is True
    saw = Decision.objects.get().trace["value"]
    assert len(saw["cards"]) == 10
    assert saw["spend"]
    assert saw["prices"]


def test_a_decision_by_value_is_compared_with_the_bare_one() -> None:
    cpu_s = {"closed_32_four_cards": 0.4, "closed_32_ten_cards": 0.5, "closed_32_value": 0.6}
    seen = {(load, "bare"): [PRODUCT | {"web_cpu_s": used, "postgres_cpu_s": 0.0}] for load, used in cpu_s.items()}

    assert report.ratios(seen)["value_with_ten_cards"] == {
        "cpu_us": 600.0,
        "cpu_over_bare": 1.5,
        "cpu_over_ten_cards_by_rewards": 1.2,
    }


def test_a_request_has_the_size_of_stripes_and_ids_of_its_own(settings: Any) -> None:
    requests = Requests(settings.STRIPE_API_VERSION)

    first, second = (requests.body_for(card="ic_1", amount=100, unique=unique) for unique in ("a", "b"))

    assert 4800 < len(first) < 6000
    assert {json.loads(each)["id"] for each in (first, second)} == {"evt_a", "evt_b"}
    assert json.loads(first)["data"]["object"]["pending_request"]["amount"] == 100


def test_ratios_are_medians_over_the_reference_of_the_same_load() -> None:
    used = {"web_cpu_s": 0.5, "postgres_cpu_s": 0.5}
    seen = {
        ("closed_32", "product"): [PRODUCT | used | {"rps": rps} for rps in (100.0, 300.0, 900.0)],
        ("closed_32", "in_memory"): [PRODUCT | {"rps": 600.0, "web_cpu_s": 0.5}],
        ("closed_32", "pgbench"): [{"rps": 1200.0, "p50": 1.0}],
        ("hot_card", "product"): [PRODUCT | used | {"rps": 150.0}],
        ("twice_the_rate", "product"): [PRODUCT | used | {"declined": 7}],
    }

    found = report.ratios(seen)

    assert found["closed_32"] == {
        "rps_over_in_memory": 0.5,
        "rps_over_pgbench": 0.25,
        "p99_over_in_memory": 1.0,
        "cpu_over_in_memory": 2.0,
    }
    assert found["hot_card_over_in_memory"] == 0.25
    assert found["at_50"] == {"p50_over_in_memory": None, "p99_over_in_memory": None}
    assert found["errors"] == 0


def test_hooks_and_controls_are_compared_with_the_bare_turn_beside_them() -> None:
    def turns(*used_s: float) -> list[dict[str, float]]:
        return [PRODUCT | {"web_cpu_s": each, "postgres_cpu_s": each} for each in used_s]

    load = "closed_32_controls"
    seen = {
        (load, "bare"): turns(0.1, 0.2, 0.4),
        (load, "hooks"): turns(0.11, 0.22, 0.44),
        (load, "product"): turns(0.12, 0.25, 0.48),
    }

    found = report.ratios(seen)

    assert found["five_hooks"]["cpu_over_bare"] == 1.1
    assert found["twenty_controls_and_five_hooks"] == {
        "cpu_over_bare": 1.2,
        "web": 1.2,
        "postgres": 1.2,
        "least": 1.2,
        "most": 1.25,
    }
    assert "twenty controls and five hooks: 1.20 times the bare one's (1.20 to 1.25" in report.guard(seen)
    assert report.ratios({})["twenty_controls_and_five_hooks"]["cpu_over_bare"] is None
    assert report.guard({}) == ""


def test_a_choices_share_is_of_the_whole_decision() -> None:
    seen = {("closed_32", "product"): [PRODUCT | {"approved": 1000, "web_cpu_s": 0.4, "postgres_cpu_s": 0.6}]}

    found = report.choice_share(seen, {"wallet_made_anew": 80.0, "wallet_kept": 40.0})

    assert found == {"wallet_made_anew_cpu_us": 80.0, "wallet_kept_cpu_us": 40.0, "share_of_decision": 0.08}


def test_a_load_that_lost_answers_is_counted_as_errors() -> None:
    seen = {("closed_32", "product"): [PRODUCT | {"errors": 2, "declined": 1}]}

    assert report.ratios(seen)["errors"] == 3


def test_without_pgbench_there_is_no_reference_a(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_commit.shutil, "which", lambda _name: None)
    monkeypatch.setattr(one_commit, "find_postgres", lambda **_which: one_commit.Path("/nowhere"))

    assert one_commit.find_pgbench() is None
