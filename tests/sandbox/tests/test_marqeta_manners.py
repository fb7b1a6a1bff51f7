"""How the Marqeta side takes calls: credentials, JSON, tokens that make creates safe to repeat, pages."""

import threading

import pytest
import requests

from tests.sandbox.running import RunningSandbox
from tests.sandbox.tests.marqeta import CARD, PRODUCT, PROGRAM, USER, Api

pytestmark = pytest.mark.only_in_proofs

GOOD = (PROGRAM.application_token, PROGRAM.admin_access_token)


@pytest.mark.parametrize("auth", [None, ("", ""), (GOOD[0], "wrong"), ("wrong", GOOD[1]), (GOOD[0], "schlüssel")])
def test_wrong_credentials_are_a_401(marqeta: RunningSandbox, auth: tuple[str, str] | None) -> None:
    encoded = (auth[0].encode(), auth[1].encode()) if auth else None
    answer = requests.get(f"{marqeta.url}/v3/ping", auth=encoded, timeout=5)
    assert answer.status_code == 401
    assert answer.json()["error_code"].startswith("401")
    assert isinstance(answer.json()["error_message"], str)


def test_broken_basic_header_is_a_401(marqeta: RunningSandbox) -> None:
    for header in ("Basic !!!", "Bearer abc", "Basic"):
        answer = requests.get(f"{marqeta.url}/v3/ping", headers={"Authorization": header}, timeout=5)
        assert answer.status_code == 401


def test_ping(api: Api) -> None:
    assert api.get("ping")["success"] is True


def test_both_issuers_answer_beside_each_other(marqeta: RunningSandbox, api: Api) -> None:
    assert requests.get(f"{marqeta.url}/v1/issuing/cards", timeout=5).status_code == 401
    assert api.get(f"cards/{CARD}")["last_four"] == "0005"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nonsense", 404), ("DELETE", "users", 405), ("GET", "users/nobody", 404), ("GET", "cards/none", 404)],
)
def test_unknown_addresses(api: Api, method: str, path: str, status: int) -> None:
    answer = api.call(method, path)
    assert answer.status_code == status
    assert answer.json()["error_code"].startswith(str(status))


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"first_name": NaN}', b'{"first_name": 3}', b'{"colour": "red"}'])
def test_bad_bodies_are_a_400(api: Api, body: bytes) -> None:
    answer = api.call("POST", "users", data=body)
    assert answer.status_code == 400
    assert answer.json()["error_message"].endswith(".")


def test_same_token_and_content_is_the_same_object(api: Api, marqeta: RunningSandbox) -> None:
    body = {"token": "card-1", "user_token": USER, "card_product_token": PRODUCT, "metadata": {"a": "b"}}
    first, second = api.post("cards", body), api.post("cards", dict(reversed(body.items())))
    assert first == second
    assert len([card for card in marqeta.marqeta.state.things["card"].values() if card["token"] == "card-1"]) == 1


def test_same_token_and_other_content_is_a_409(api: Api) -> None:
    api.post("users", {"token": "u", "first_name": "Ada"})
    answer = api.call("POST", "users", json={"token": "u", "first_name": "Eve"})
    assert (answer.status_code, answer.json()["error_code"][:3]) == (409, "409")
    assert api.get("users/u")["first_name"] == "Ada"


def test_numbers_of_the_same_value_are_the_same_content(api: Api) -> None:
    control = {
        "token": "v",
        "amount_limit": 45,
        "currency_code": "USD",
        "velocity_window": "DAY",
        "association": {"user_token": USER},
    }
    made = api.post("velocitycontrols", control)
    assert api.post("velocitycontrols", {**control, "amount_limit": 45.00}) == made
    assert api.status_of("velocitycontrols", {**control, "amount_limit": 45.01}) == 409


def test_twenty_creates_at_once_make_one(api: Api, marqeta: RunningSandbox) -> None:
    start, statuses = threading.Barrier(20), []

    def create() -> None:
        with (own := Api(marqeta.url, PROGRAM)).session:
            start.wait()
            body = {"token": "same", "user_token": USER, "card_product_token": PRODUCT}
            statuses.append(own.call("POST", "cards", json=body).status_code)

    threads = [threading.Thread(target=create) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 20
    assert api.get(f"cards/user/{USER}")["count"] == 2


def test_without_a_token_every_create_makes_another(api: Api) -> None:
    assert api.post("users", {})["token"] != api.post("users", {})["token"]


def test_pages(api: Api) -> None:
    for number in range(7):
        api.post("cards", {"token": f"c{number}", "user_token": USER, "card_product_token": PRODUCT})
    page = api.get(f"cards/user/{USER}")
    assert (page["count"], page["start_index"], page["end_index"], page["is_more"]) == (5, 0, 4, True)
    assert [card["token"] for card in page["data"]] == ["c6", "c5", "c4", "c3", "c2"]
    rest = api.get(f"cards/user/{USER}", start_index=5, sort_by="createdTime", count=100)
    assert ([card["token"] for card in rest["data"]], rest["is_more"]) == (["c4", "c5", "c6"], False)
    assert (rest["start_index"], rest["end_index"]) == (5, 7)


def test_last_modified_comes_first(api: Api) -> None:
    api.post("users", {"token": "u1"})
    api.post("users", {"token": "u2"})
    api.put("users/u1", {"first_name": "Ada"})
    assert [user["token"] for user in api.get("users")["data"]] == ["u1", "u2", USER]


def test_empty_page_and_fields(api: Api) -> None:
    api.post("users", {"token": "lonely"})
    page = api.get("cards/user/lonely")
    assert page == {"count": 0, "start_index": 0, "end_index": 0, "is_more": False, "data": []}
    assert api.get(f"cards/user/{USER}", fields="token,state")["data"] == [{"token": CARD, "state": "ACTIVE"}]


@pytest.mark.parametrize(("query", "status"), [("count=101", 413), ("count=0", 400), ("start_index=-1", 400)])
def test_bad_pages(api: Api, query: str, status: int) -> None:
    assert api.call("GET", f"users?{query}").status_code == status


def test_letters_beyond_ascii_survive(api: Api) -> None:
    api.post("users", {"token": "u", "first_name": "Zoë"})
    assert api.get("users/u")["first_name"] == "Zoë"


def test_users_come_page_by_page_in_the_order_of_their_creation(api: Api) -> None:
    for number in range(4):
        api.post("users", {"token": f"u{number}"})
    api.put("users/u0", {"notes": "changed last"})
    rows, start = [], 0
    while True:
        page = api.get("users", sort_by="createdTime", count=2, start_index=start)
        rows, start = [*rows, *page["data"]], start + page["count"]
        if not page["is_more"]:
            break
    assert [row["token"] for row in rows] == [USER, "u0", "u1", "u2", "u3"]
