"""Whatever controls are in force, their effects on one purchase agree with each other (Hypothesis)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from issuing.controls.definition import compile_definition
from issuing.controls.evaluation import ControlInForce, Pass, evaluate, of_covering
from issuing.controls.in_force import InForce
from tests.support.controls import attributes, condition, parsed, velocity
from tests.support.stripe_events import authorization_request

PLAIN = attributes(parsed("stripe", authorization_request(card="ic_1")))
CONDITIONS = st.sampled_from(
    [
        condition("mcc", "5812"),
        condition("mcc", "5812", negate=True),
        condition("country", ["US", "FR"], "in"),
        condition("network_risk", [90, None], "between"),
        condition("wallet", "apple_pay", if_unknown=True),
        condition("amount", [None, 5_000], "between"),
    ]
)
WITHOUT_COUNTER = st.sampled_from(
    [
        {"kind": "decline"},
        {"kind": "flag"},
        {"kind": "adjust_hold", "percent": 20},
        {"kind": "approve_in_part", "most_minor": 3_000},
    ]
)
WITH_COUNTER = st.tuples(
    st.sampled_from(["purchase", "day", "lifetime"]), st.sampled_from(["decline", "flag", "approve_in_part"])
)


@st.composite
def controls(draw: Any) -> list[ControlInForce]:
    found = []
    for version in range(1, draw(st.integers(0, 6)) + 1):
        definition: dict[str, Any] = {"when": draw(st.lists(CONDITIONS, min_size=1, max_size=2))}
        if draw(st.booleans()):
            window, kind = draw(WITH_COUNTER)
            definition |= {"velocity": velocity(draw(st.integers(0, 9_000)), window), "action": {"kind": kind}}
        else:
            definition["action"] = draw(WITHOUT_COUNTER)
        found.append(
            ControlInForce(
                version_id=version,
                control_id=version,
                name=f"{version}",
                reason=f"reason_{version}",
                sentence="No.",
                is_shadow=draw(st.booleans()),
                rule=compile_definition(definition),
                excluded_cards=frozenset(draw(st.sampled_from([(), (1,)]))),
            )
        )
    return found


@given(controls(), st.integers(0, 9_000), st.booleans(), st.booleans())
def test_the_effects_agree(found: list[ControlInForce], amount: int, controllable: bool, again: bool) -> None:
    purchase = PLAIN._replace(amount=amount, purchase_minor=amount, is_amount_controllable=controllable)
    passes = [Pass(9, 1, PLAIN.merchant_id or "", PLAIN.merchant_name or "", 9_000)] if again else []
    outcome = evaluate(found, purchase, passes=passes)
    by_version = {each.version_id: each for each in found}

    # Nothing comes from a control that leaves the card alone, or whose conditions do not hold.
    named = [by_version[hit.version_id] for hit in outcome.hits] + [demand.control for demand in outcome.demands]
    assert all(each.rule.applies(purchase) for each in named)
    # A shadow version changes nothing.
    assert evaluate([each for each in found if not each.is_shadow], purchase, passes=passes) == outcome._replace(
        hits=tuple(hit for hit in outcome.hits if not hit.in_shadow),
        demands=tuple(demand for demand in outcome.demands if not demand.control.is_shadow),
    )
    if outcome.declined is not None:
        assert not outcome.declined.is_shadow
        assert (outcome.part_minor, outcome.headroom_minor, outcome.pass_ids) == (None, 0, ())
        assert [hit.action for hit in outcome.hits if not hit.in_shadow] == ["decline"]
    if outcome.part_minor is not None:
        assert controllable
        assert 0 < outcome.part_minor <= max(amount, outcome.part_minor)
    # Whatever a later control says, an earlier decline stands.
    if outcome.declined is not None:
        index = found.index(outcome.declined) + 1
        assert evaluate(found[:index], purchase, passes=passes).declined == outcome.declined


OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "mcc": st.sampled_from(["5812", "7995", None]),
        "country": st.sampled_from(["US", "FR", "DE", None]),
        "network_risk": st.sampled_from([10, 95, None]),
        "wallet": st.sampled_from(["apple_pay", None]),
        "billing_currency": st.sampled_from(["USD", "EUR"]),
        "card_id": st.sampled_from([1, 2]),
        "amount": st.integers(0, 9_000),
    },
)


@given(controls(), st.lists(OTHERS, min_size=1, max_size=12))
def test_what_is_kept_of_a_combination_changes_no_effect(found: list[ControlInForce], changes: list[Any]) -> None:
    kept = InForce(found)

    for change in changes:
        purchase = PLAIN._replace(**change)
        assert of_covering(kept.covering(purchase), purchase) == evaluate(found, purchase)
