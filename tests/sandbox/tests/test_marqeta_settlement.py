"""What comes after an authorization: what the amounts mean, what stays on hold, and what nobody was asked about."""

from decimal import Decimal

import pytest

from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import CARD, Api, Json, MarqetaReceiver, decline

pytestmark = pytest.mark.only_in_proofs

CLEARING = "authorization.clearing"


def held(marqeta: RunningSandbox, origin: Json) -> Decimal:
    return marqeta.marqeta.state.chain_of[origin["token"]].held


def state_of(api: Api, thing: Json) -> str:
    return str(api.get(f"transactions/{thing['token']}")["state"])


def amounts(thing: Json) -> tuple[Decimal, ...]:
    return thing["amount"], thing["request_amount"], thing["gpa_order"]["amount"]


def test_increment_asks_for_the_extra_only(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    hold = api.buy(45)
    first = api.follow("authorization.incremental", hold, 10)
    second = api.follow("authorization.incremental", hold, 5.5)
    assert (amounts(first), held(marqeta, hold)) == ((10, 10, 10), Decimal("60.5"))
    assert (
        first["preceding_related_transaction_token"] == second["preceding_related_transaction_token"] == hold["token"]
    )
    assert second["incremental_authorization_transaction_tokens"] == [first["token"]]
    jit = program.asked[2]["gpa_order"]["jit_funding"]
    assert jit["method"] == "pgfs.authorization.incremental"
    assert jit["original_jit_funding_token"] == hold["gpa_order"]["jit_funding"]["token"]
    assert jit["incremental_authorization_jit_funding_tokens"] == [first["gpa_order"]["jit_funding"]["token"]]
    program.decide = decline
    declined = api.follow("authorization.incremental", hold, 5)
    assert (declined["state"], held(marqeta, hold), state_of(api, hold)) == ("DECLINED", Decimal("60.5"), "PENDING")


def test_full_reversal(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    hold = api.buy(45)
    back = api.follow("authorization.reversal", hold, 45)
    assert (amounts(back), back["state"], back["gpa_order"]["state"]) == ((45, 45, 45), "CLEARED", "REVERSED")
    assert back["gpa_order"]["jit_funding"]["method"] == "pgfs.authorization.reversal"
    assert (held(marqeta, hold), state_of(api, hold)) == (0, "CLEARED")
    row = program.wait_for("authorization.reversal")[0]
    assert row["preceding_related_transaction_token"] == hold["token"]
    assert len(program.asked) == 1
    program.wait_for("gpa.credit.authorization.reversal")


def test_partial_reversal_carries_the_delta(api: Api, marqeta: RunningSandbox) -> None:
    hold = api.buy(45)
    back = api.follow("authorization.reversal", hold, 15)
    assert (amounts(back), back["state"], back["gpa_order"]["state"]) == ((15, 45, 15), "PENDING", "PENDING")
    assert (held(marqeta, hold), state_of(api, hold)) == (30, "PENDING")
    later = {"preceding_related_transaction_token": hold["token"], "amount": 30.01}
    api.post("simulations/cardtransactions/authorization.reversal", later, status=400)
    cleared = api.follow(CLEARING, hold, 30)
    assert cleared["preceding_related_transaction_token"] == hold["token"]


def test_advice_carries_the_new_total(api: Api, marqeta: RunningSandbox) -> None:
    hold = api.buy(45)
    advice = api.follow("authorization.advice", hold, 30)
    assert (amounts(advice), held(marqeta, hold)) == ((30, 30, 15), 30)
    jit = advice["gpa_order"]["jit_funding"]
    assert (jit["method"], jit["amount"]) == ("pgfs.authorization.reversal", 15)
    body = {"preceding_related_transaction_token": hold["token"], "amount": 30.01}
    api.post("simulations/cardtransactions/authorization.advice", body, status=400)


def test_expiry_and_a_clearing_after_it(api: Api, marqeta: RunningSandbox) -> None:
    hold = api.buy(45)
    lapse = api.follow("authorization.reversal.issuerexpiration", hold)
    assert (lapse["amount"], lapse["state"], held(marqeta, hold)) == (45, "CLEARED", 0)
    late = api.follow(CLEARING, hold, 45)
    assert (late["state"], late["preceding_related_transaction_token"]) == ("COMPLETION", hold["token"])
    assert marqeta.marqeta.state.chain_of[hold["token"]].cleared == 45


def test_exact_clearing_is_final(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    hold = api.buy(45)
    paid = api.follow(CLEARING, hold, 45)
    assert (amounts(paid), paid["state"], paid["is_final_clearing"]) == ((45, 45, 45), "COMPLETION", True)
    assert "amount_to_be_released" not in paid
    assert paid["gpa_order"]["jit_funding"]["original_jit_funding_token"] == hold["gpa_order"]["jit_funding"]["token"]
    assert (held(marqeta, hold), state_of(api, hold)) == (0, "CLEARED")
    assert len(program.asked) == 1
    program.wait_for("gpa.credit")


def test_clearing_above_the_hold(api: Api, marqeta: RunningSandbox) -> None:
    hold = api.buy(45)
    assert api.follow(CLEARING, hold, 54)["amount"] == 54
    assert held(marqeta, hold) == 0


def test_clearing_below_keeps_the_rest_unless_it_is_final(api: Api, marqeta: RunningSandbox) -> None:
    hold = api.buy(45)
    part = api.follow(CLEARING, hold, 20)
    assert ("is_final_clearing" in part, part["multi_clearing_sequence_number"]) == (False, "01")
    assert (held(marqeta, hold), state_of(api, hold)) == (25, "PENDING")
    last = api.follow(CLEARING, hold, 20, is_final_clearing=True, multi_clearing_sequence_count="02")
    assert (last["is_final_clearing"], last["amount_to_be_released"]) == (True, 5)
    assert (last["multi_clearing_sequence_number"], last["multi_clearing_sequence_count"]) == ("02", "02")
    assert (held(marqeta, hold), state_of(api, hold)) == (0, "CLEARED")


def test_force_post_names_no_authorization(api: Api, program: MarqetaReceiver) -> None:
    api.post("cardtransitions", {"card_token": CARD, "state": "SUSPENDED", "channel": "API", "reason_code": "13"})
    forced = api.simulate(CLEARING, card_token=CARD, amount=12.5, card_acceptor={"name": "Kiosk", "mcc": "5814"})
    assert (forced["type"], forced["state"], forced["amount"]) == (CLEARING, "COMPLETION", Decimal("12.5"))
    assert "preceding_related_transaction_token" not in forced
    assert forced["gpa_order"]["jit_funding"]["method"] == "pgfs.force_capture"
    assert program.wait_for(CLEARING)[0]["card_acceptor"]["name"] == "Kiosk"
    assert program.asked == []


def test_refund_names_no_earlier_message(api: Api, program: MarqetaReceiver) -> None:
    hold = api.buy(45)
    api.follow(CLEARING, hold, 45)
    back = api.follow("refund", hold, 10)
    assert (back["type"], back["state"], back["amount"]) == ("refund", "COMPLETION", 10)
    assert "preceding_related_transaction_token" not in back
    assert "gpa_order" not in back
    assert back["gpa_order_unload"]["jit_funding"]["method"] == "pgfs.refund"
    assert back["gpa"]["impacted_amount"] == 10
    assert back["card_acceptor"] == hold["card_acceptor"]
    assert api.simulate("refund", card_token=CARD, amount=3)["amount"] == 3
    assert (
        program.wait_for("gpa.debit")[0]["gpa_order_unload"]["jit_funding"] == back["gpa_order_unload"]["jit_funding"]
    )


def test_network_stands_in(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    thing = api.simulate("authorization.standin", card_token=CARD, amount=45)
    assert (thing["type"], thing["state"], thing["standin_approved_by"]) == (
        "authorization.standin",
        "PENDING",
        "NETWORK",
    )
    assert thing["gpa_order"]["jit_funding"]["method"] == "pgfs.authorization.standin"
    assert (program.asked, held(marqeta, thing)) == ([], 45)
    assert api.follow(CLEARING, thing, 45)["preceding_related_transaction_token"] == thing["token"]


def test_nothing_follows_a_decline(api: Api, program: MarqetaReceiver) -> None:
    program.decide = decline
    declined = api.buy(45)
    for kind in (CLEARING, "authorization.reversal", "authorization.advice", "authorization.incremental"):
        body = {"preceding_related_transaction_token": declined["token"], "amount": 45}
        api.post(f"simulations/cardtransactions/{kind}", body, status=400)
    forced = api.post(
        "simulate/clearing", {"original_transaction_token": declined["token"], "amount": 45, "force_post": True}
    )
    assert "preceding_related_transaction_token" not in forced["transaction"]


def test_first_version(api: Api, marqeta: RunningSandbox) -> None:
    hold = api.post("simulate/authorization", {"card_token": CARD, "amount": 45, "mid": "m"})["transaction"]

    def later(path: str, amount: float, **more: object) -> Json:
        body = {"original_transaction_token": hold["token"], "amount": amount, **more}
        return api.post(f"simulate/{path}", body)["transaction"]

    assert later("authorization/advice", 40)["type"] == "authorization.advice"
    assert later("reversal", 10)["type"] == "authorization.reversal"
    assert later("clearing", 20)["type"] == CLEARING
    assert held(marqeta, hold) == 10
    assert later("clearing", 5, is_refund=True)["type"] == "refund"


def test_related_and_the_order_of_numbers(api: Api) -> None:
    hold = api.buy(45)
    api.buy(1)
    api.follow(CLEARING, hold, 20)
    api.follow("authorization.reversal", hold, 25)
    related = api.get(f"transactions/{hold['token']}/related", sort_by="created_time")["data"]
    merchant = [row for row in related if not row["type"].startswith("gpa.")]
    assert [row["type"] for row in merchant] == ["authorization", CLEARING, "authorization.reversal"]
    assert [row["state"] for row in merchant] == ["CLEARED", "COMPLETION", "CLEARED"]
    numbers = [int(row["identifier"]) for row in related]
    assert numbers == sorted(numbers)
    assert len(related) == 6
