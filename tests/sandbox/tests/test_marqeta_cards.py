"""Cards: how they are made, revealed and moved from state to state."""

import pytest
import requests

from tests.sandbox.card_numbers import has_check_digit
from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import CARD, PRODUCT, PROGRAM, SOURCE, USER, Api, MarqetaReceiver

pytestmark = pytest.mark.only_in_proofs

NEW = {"token": "c", "user_token": USER, "card_product_token": PRODUCT}


def move(api: Api, to: str, *, status: int = 201, card: str = CARD, **more: str) -> dict[str, object]:
    return api.post("cardtransitions", {"card_token": card, "state": to, "channel": "API", **more}, status=status)


def test_new_card(api: Api, program: MarqetaReceiver) -> None:
    card = api.post("cards", {**NEW, "metadata": {"purpose": "test"}})
    assert (card["state"], card["instrument_type"], card["metadata"]) == (
        "UNACTIVATED",
        "VIRTUAL_PAN",
        {"purpose": "test"},
    )
    assert card["pan"].endswith(f"______{card['last_four']}")
    assert len(card["expiration"]) == 4
    assert "cvv_number" not in card
    assert program.wait_for("fulfillment.issued")[0]["card_token"] == "c"


def test_number_and_code_are_shown_where_the_query_asks(api: Api) -> None:
    card = api.post("cards", NEW, show_pan="true", show_cvv_number="true")
    assert has_check_digit(card["pan"])
    assert (len(card["pan"]), len(card["cvv_number"])) == (16, 3)
    assert "______" in api.get("cards/c")["pan"]
    revealed = api.get("cards/c/showpan")
    assert (revealed["pan"], "cvv_number" in revealed) == (card["pan"], False)
    assert api.get("cards/c/showpan", show_cvv_number="true")["cvv_number"] == card["cvv_number"]


def test_client_access_token_reveals_one_card_once(api: Api, marqeta: RunningSandbox) -> None:
    token = api.post("users/auth/clientaccesstoken", {"card_token": CARD})
    assert token["card_token"] == CARD
    assert token["created"] < token["expires"]
    api.post("cards", NEW)
    auth = (PROGRAM.application_token, token["token"])

    def reveal(path: str) -> int:
        return requests.get(f"{marqeta.url}/v3/{path}", auth=auth, timeout=5).status_code

    assert reveal("cards/c/showpan") == 401
    assert reveal(f"cards/{CARD}") == 401
    assert [reveal(f"cards/{CARD}/showpan") for _ in range(2)] == [200, 401]


def test_metadata_is_replaced(api: Api) -> None:
    api.put(f"cards/{CARD}", {"metadata": {"a": "b"}})
    assert api.put(f"cards/{CARD}", {"metadata": {"c": "d"}})["metadata"] == {"c": "d"}
    api.put(f"cards/{CARD}", {"state": "TERMINATED"}, status=400)


def test_unknown_user_or_product_is_a_400(api: Api) -> None:
    assert api.status_of("cards", {**NEW, "user_token": "nobody"}) == 400
    assert api.status_of("cards", {**NEW, "card_product_token": "nothing"}) == 400
    api.post("usertransitions", {"user_token": USER, "status": "CLOSED", "reason_code": "01", "channel": "API"})
    assert api.status_of("cards", NEW) == 400


def test_active_upon_issue(api: Api, program: MarqetaReceiver) -> None:
    config = {"card_life_cycle": {"activate_upon_issue": True}}
    api.post("cardproducts", {"token": "p", "name": "P", "start_date": "2026-01-01", "config": config})
    assert api.post("cards", {**NEW, "card_product_token": "p"})["state"] == "ACTIVE"
    program.wait_for("state.activated")


def test_life_of_a_card(api: Api, program: MarqetaReceiver) -> None:
    api.post("cards", NEW)
    for to, kind in [
        ("ACTIVE", "state.activated"),
        ("SUSPENDED", "state.suspended"),
        ("ACTIVE", "state.reinstated"),
        ("LIMITED", "state.limited"),
        ("TERMINATED", "state.terminated"),
    ]:
        made = move(api, to, card="c", reason_code="01", reason="because")
        assert (made["type"], made["state"], made["reason"]) == (kind, to, "because")
        assert program.wait_for(kind)[-1] == made
        assert api.get("cards/c")["state"] == to
    for to in ("ACTIVE", "SUSPENDED", "LIMITED", "TERMINATED"):
        move(api, to, card="c", status=400)
    assert api.get("cardtransitions/card/c", count=10)["count"] == 6


def test_transition_token_is_idempotent(api: Api, program: MarqetaReceiver) -> None:
    first = move(api, "SUSPENDED", token="freeze-1")
    assert move(api, "SUSPENDED", token="freeze-1") == first
    assert api.get("cardtransitions/freeze-1") == first
    move(api, "ACTIVE", token="freeze-1", status=409)
    move(api, "SUSPENDED", status=400)
    move(api, "UNACTIVATED", status=400)
    move(api, "ACTIVE")
    program.wait_for("state.reinstated")
    assert len(program.wait_for("state.suspended")) == 1


@pytest.mark.parametrize(
    ("to", "code"), [("SUSPENDED", "1003"), ("LIMITED", "1806"), ("TERMINATED", "1806"), (None, "1806")]
)
def test_card_that_is_not_active_is_declined_unasked(
    api: Api, program: MarqetaReceiver, to: str | None, code: str
) -> None:
    api.post("cards", NEW)
    if to:
        move(api, to, card="c")
    declined = api.buy(card_token="c")
    assert (declined["state"], declined["response"]["code"]) == ("DECLINED", code)
    assert "gpa_order" not in declined
    assert program.wait_for("authorization")[0] == declined
    assert program.asked == []


def test_expiration_and_code_that_were_typed_in(api: Api, marqeta: RunningSandbox) -> None:
    code = marqeta.marqeta.state.card_secrets[CARD][1]
    assert api.buy(card_options={"expiration": "0129"})["response"]["code"] == "1002"
    assert api.buy(card_options={"cvv": f"{(int(code) + 1) % 1000:03d}"})["response"]["code"] == "1002"
    assert api.buy(card_options={"cvv": code, "expiration": "1230"})["response"]["code"] == "0000"


def test_foreign_merchant_is_declined_unless_the_product_takes_it(api: Api) -> None:
    abroad = {"card_acceptor": {"country_code": "GBR"}}
    assert api.buy(**abroad)["response"]["code"] == "1864"
    config = {
        "transaction_controls": {"accepted_countries_token": "accept_all"},
        "jit_funding": {"programgateway_funding_source": {"enabled": True, "funding_source_token": SOURCE}},
    }
    api.post("cardproducts", {"token": "p", "name": "P", "start_date": "2026-01-01", "config": config})
    api.post("cards", {**NEW, "card_product_token": "p"})
    move(api, "ACTIVE", card="c")
    assert api.buy(card_token="c", **abroad)["response"]["code"] == "0000"
