"""Purchases of every kind, stand-in processing, and a gateway call that is mistreated."""

import pytest

from tests.sandbox.marqeta.conduct import Conduct
from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import CARD, Api, MarqetaReceiver, decline, echo, late

pytestmark = pytest.mark.only_in_proofs

GATEWAY = "gateway.request"


@pytest.mark.parametrize(
    ("kind", "method", "state"),
    [
        ("authorization.cashback", "pgfs.authorization.cashback", "PENDING"),
        ("authorization.atm.withdrawal", "pgfs.atm.withdrawal", "PENDING"),
        ("authorization.quasi.cash", "pgfs.authorization.quasi.cash", "PENDING"),
        ("pindebit", "pgfs.pindebit", "COMPLETION"),
    ],
)
def test_other_kinds_of_purchase(api: Api, program: MarqetaReceiver, kind: str, method: str, state: str) -> None:
    bought = api.simulate(kind, card_token=CARD, amount=45)
    assert (bought["type"], bought["state"]) == (kind, state)
    assert program.asked[0]["gpa_order"]["jit_funding"]["method"] == method


def test_verification_asks_for_nothing(api: Api, program: MarqetaReceiver) -> None:
    assert api.buy(0)["state"] == "PENDING"
    assert program.asked[0]["gpa_order"]["jit_funding"]["method"] == "pgfs.authorization.account_verification"


def test_first_version_of_the_simulation(api: Api, program: MarqetaReceiver) -> None:
    place = {"mcc": "5812", "name": "TST* Cafe", "zip": "10001", "country": "USA", "partial_approval_capable": True}
    body = {"card_token": CARD, "amount": 45, "mid": "m9", "card_acceptor": place, "is_pre_auth": True}
    answer = api.post("simulate/authorization", body)
    assert set(answer) == {"transaction", "raw_iso8583"}
    acceptor = program.asked[0]["card_acceptor"]
    assert (acceptor["mid"], acceptor["postal_code"], acceptor["country_code"]) == ("m9", "10001", "USA")
    assert program.asked[0]["pos"]["partial_approval_capable"] is True
    assert program.asked[0]["is_preauthorization"] is True
    del body["mid"]
    api.post("simulate/authorization", body, status=400)
    api.post("simulate/authorization", {**body, "mid": "m", "card_token": "none"}, status=400)


def test_commando_auto_approves_what_failed(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.marqeta.conduct = Conduct(commando="auto")
    for answer in (late(0.8), lambda _pending: (500, b"")):
        program.decide = answer
        bought = api.buy()
        assert (bought["state"], bought["standin_approved_by"]) == ("PENDING", "COMMANDO_AUTO")
    assert program.wait_for("gpa.credit.authorization")[0]["subnetwork"] == "MANAGED_JIT"
    program.decide = decline
    assert api.buy()["state"] == "DECLINED"
    program.decide = echo
    assert "standin_approved_by" not in api.buy()
    marqeta.marqeta.conduct = Conduct(commando="auto", commando_on=("response_timeouts",))
    program.decide = lambda _pending: (500, b"")
    assert api.buy()["state"] == "DECLINED"


def test_commando_manual_never_asks(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.marqeta.conduct = Conduct(commando="manual")
    bought = api.buy()
    assert (bought["state"], bought["standin_approved_by"]) == ("PENDING", "COMMANDO_MANUAL")
    assert program.asked == []


def test_scenarios_of_the_gateway_call(api: Api, marqeta: RunningSandbox, program: MarqetaReceiver) -> None:
    marqeta.order(webhook=GATEWAY, do="duplicate")
    assert api.buy()["state"] == "PENDING"
    program.wait_until(lambda: len(program.asked) == 2)
    assert program.asked[0] == program.asked[1]
    marqeta.order(webhook=GATEWAY, do="concurrent", copies=20)
    assert api.buy()["state"] == "PENDING"
    program.wait_until(lambda: len(program.asked) == 22)
    assert len({pending["token"] for pending in program.asked[2:]}) == 1
    marqeta.order(webhook=GATEWAY, do="drop")
    dropped = api.buy()
    assert (dropped["state"], dropped["gpa_order"]["funding"]["gateway_log"]["timed_out"]) == ("DECLINED", True)
    assert len(program.asked) == 22
    marqeta.order(webhook=GATEWAY, do="delay", delay_s=0.8)
    assert api.buy()["state"] == "DECLINED"
    program.wait_until(lambda: len(program.asked) == 23)
    marqeta.order(webhook="*", do="drop", times=None)
    assert api.buy()["state"] == "PENDING"
