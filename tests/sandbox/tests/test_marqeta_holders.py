"""Users, their KYC and their transitions; card products; gateway sources."""

import pytest

from tests.sandbox.tests.marqeta import PASSWORD, SOURCE, USER, Api, MarqetaReceiver

pytestmark = pytest.mark.only_in_proofs

CHANGE = {"reason_code": "01", "channel": "API"}


def test_user_starts_unverified_and_passes_kyc(api: Api, program: MarqetaReceiver) -> None:
    user = api.post("users", {"token": "u", "first_name": "Ada", "ssn": "123", "metadata": {"a": "b"}})
    assert (user["status"], user["active"], user["metadata"]) == ("UNVERIFIED", False, {"a": "b"})
    assert "ssn" not in user
    check = api.post("kyc", {"token": "k", "user_token": "u"})
    assert check["result"]["status"] == "Success"
    assert api.get("users/u")["status"] == "ACTIVE"
    row = program.wait_for("ACTIVE")[0]
    assert (row["user_token"], row["channel"]) == ("u", "SYSTEM")
    assert api.get("kyc/user/u")["data"] == [api.get("kyc/k")]


def test_failed_kyc_leaves_the_user_unverified(api: Api) -> None:
    api.post("users", {"token": "u", "metadata": {"sandbox_kyc": "fail"}})
    assert api.post("kyc", {"user_token": "u"})["result"]["status"] == "Failure"
    assert api.get("users/u")["status"] == "UNVERIFIED"
    assert api.post("kyc", {"user_token": "u", "manual_override": True})["result"]["status"] == "Success"
    assert api.get("users/u")["status"] == "ACTIVE"


def test_update_changes_what_is_given(api: Api) -> None:
    changed = api.put(f"users/{USER}", {"phone": "555"})
    assert (changed["phone"], changed["first_name"], changed["status"]) == ("555", "Demo", "ACTIVE")


def test_transitions(api: Api, program: MarqetaReceiver) -> None:
    move = {"token": "t", "user_token": USER, "status": "SUSPENDED", **CHANGE}
    made = api.post("usertransitions", move)
    assert {name: made[name] for name in move} == move
    assert api.post("usertransitions", move) == made
    assert api.get(f"users/{USER}")["status"] == "SUSPENDED"
    assert [row["token"] for row in program.wait_for("SUSPENDED")] == ["t"]
    assert api.get(f"usertransitions/user/{USER}")["data"] == [api.get("usertransitions/t")]


def test_illegal_moves_are_a_412(api: Api) -> None:
    for status in ("ACTIVE", "TERMINATED"):
        assert api.status_of("usertransitions", {"user_token": USER, "status": status, **CHANGE}) == 412
    api.post("usertransitions", {"user_token": USER, "status": "CLOSED", **CHANGE})
    assert api.status_of("usertransitions", {"user_token": USER, "status": "ACTIVE", **CHANGE}) == 412
    assert api.get(f"users/{USER}")["status"] == "CLOSED"


@pytest.mark.parametrize("missing", ["user_token", "status", "reason_code", "channel"])
def test_all_four_are_required(api: Api, missing: str) -> None:
    move = {"user_token": USER, "status": "SUSPENDED", **CHANGE}
    del move[missing]
    assert api.status_of("usertransitions", move) == 400


def test_purchase_of_a_user_who_is_not_active(api: Api, program: MarqetaReceiver) -> None:
    api.post("usertransitions", {"user_token": USER, "status": "SUSPENDED", **CHANGE})
    assert api.buy()["response"]["code"] == "1813"
    assert program.asked == []


def test_card_product_defaults_and_binding(api: Api) -> None:
    gateway = {"enabled": True, "funding_source_token": SOURCE}
    config = {"jit_funding": {"programgateway_funding_source": gateway}, "poi": {"atm": True}}
    product = api.post("cardproducts", {"token": "p", "name": "P", "start_date": "2026-01-01", "config": config})
    assert product["config"]["jit_funding"]["programgateway_funding_source"]["refunds_destination"] == "GATEWAY"
    assert (product["config"]["poi"]["ecommerce"], product["config"]["poi"]["atm"]) == (True, True)
    assert product["config"]["transaction_controls"]["enable_partial_auth_approval"] is False
    assert api.get("cardproducts/p") == product
    gateway["funding_source_token"] = "nothing"
    api.post("cardproducts", {"name": "P", "start_date": "2026-01-01", "config": config}, status=400)


def test_gateway_source_is_masked_changed_and_checked(api: Api, program: MarqetaReceiver) -> None:
    body = {
        "token": "g",
        "name": "Ours",
        "url": "https://gateway.example/jit",
        "basic_auth_username": "us",
        "basic_auth_password": PASSWORD,
        "custom_header": {"X-Key": "secret"},
    }
    made = api.post("fundingsources/programgateway", body)
    assert PASSWORD not in str(made)
    assert "secret" not in str(made)
    assert made["timeout_millis"] == 2000
    assert api.get("fundingsources/programgateway/g") == made
    path = "fundingsources/programgateway"
    api.post(path, {**body, "token": "h", "basic_auth_password": "a" * 32}, status=400)
    api.post(path, {**body, "token": "h", "url": "http://gateway.example/jit"}, status=400)
    api.post(path, {**body, "token": "h", "timeout_millis": 100}, status=400)
    settings = {name: body[name] for name in ("basic_auth_username", "basic_auth_password")}
    api.put(f"{path}/{SOURCE}", {"url": "", **settings})
    assert (api.buy()["response"]["code"], program.asked) == ("1016", [])
    assert api.put(f"{path}/customheaders/g", {"custom_header": {"X-New": "v"}})["custom_header"].keys() == {"X-New"}
