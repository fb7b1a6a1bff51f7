"""The funding cards of the frontend API, from the form to the removal, in the sandbox over real HTTP."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from onecard.api.models import IdempotentRequest
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in
from tests.support.factories import CardProductFactory, FundingMethodFactory, UserFactory
from tests.support.sandboxes import processor_sandbox
from tests.support.threads import at_once
from tests.wallet.charges.cascades import owe
from tests.wallet.methods.saved_cards import fill_in, newcomer
from wallet.models import Cardholder, CardSetup, FundingMethod

pytestmark = pytest.mark.django_db
CARDS = "/api/v1/funding-cards"
Send = Callable[..., Any]


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def holder() -> Cardholder:
    return newcomer()


@pytest.fixture
def client(holder: Cardholder) -> Client:
    return logged_in(holder.user)


def post(client: Client, path: str, key: str = "", **body: Any) -> Any:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post(path, body, content_type="application/json", headers=headers)


def change(client: Client, path: str, *, etag: str | None = None, method: str = "patch", **body: Any) -> Any:
    etag = client.get(path)["ETag"] if etag is None else etag
    headers = {"If-Match": etag} if etag else {}
    return getattr(client, method)(path, body, content_type="application/json", headers=headers)


def add(client: Client, card: str = "visa", **more: Any) -> Any:
    setup = post(client, f"{CARDS}/setups").json()["setup"]
    fill_in(setup, card)
    return post(client, CARDS, setup=setup, **more)


def test_a_card_is_added_in_three_steps(client: Client, sandbox: RunningSandbox, settings: Any) -> None:
    settings.STRIPE_PUBLISHABLE_KEY = "pk_test_1"
    product = CardProductFactory(key="sapphire", name="Sapphire", network="visa")

    begun = post(client, f"{CARDS}/setups")
    assert begun.status_code == 201
    assert begun.json()["publishable_key"] == "pk_test_1"
    assert begun.json()["client_secret"].startswith(begun.json()["setup"])
    fill_in(begun.json()["setup"])
    added = post(client, CARDS, setup=begun.json()["setup"], product="sapphire", nickname="Travel")

    assert added.status_code == 201
    card = added.json()
    assert (card["nickname"], card["network"], card["last_four"], card["state"]) == ("Travel", "visa", "4242", "active")
    assert card["product"]["annual_fee"] == {"amount_minor": 0, "currency": "USD"}
    assert (card["funding_type"], card["country"], card["is_backup"], card["position"]) == ("credit", "US", True, 1)
    assert client.get(f"{CARDS}/{card['id']}").json() == card
    assert client.get(CARDS).json() == {"results": [card]}
    assert FundingMethod.objects.get().product == product
    assert begun["Cache-Control"] == "no-store"


def test_a_repeated_setup_gives_the_secret_again_and_stores_it_nowhere(client: Client, sandbox: RunningSandbox) -> None:
    first, second = (post(client, f"{CARDS}/setups", "k1") for _ in range(2))

    assert first.json() == second.json()
    assert CardSetup.objects.count() == 1
    assert first.json()["client_secret"] not in str(list(IdempotentRequest.objects.values()))


def test_a_repeated_post_adds_one_card(client: Client, sandbox: RunningSandbox) -> None:
    setup = post(client, f"{CARDS}/setups").json()["setup"]
    fill_in(setup)

    first, second = (post(client, CARDS, "k2", setup=setup) for _ in range(2))

    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert post(client, CARDS, "k2", setup="seti_other").status_code == 422
    assert FundingMethod.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_posts_at_once_add_one_card(client: Client, holder: Cardholder, sandbox: RunningSandbox) -> None:
    setup = post(client, f"{CARDS}/setups").json()["setup"]
    fill_in(setup)
    clients = [logged_in(holder.user) for _ in range(4)]

    answers = at_once([lambda each=each: post(each, CARDS, setup=setup) for each in clients])  # type: ignore[misc]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert FundingMethod.objects.count() == 1


@pytest.mark.parametrize(
    ("card", "status", "code", "words"),
    [
        ("mastercard_prepaid", 409, "prepaid_not_accepted", "Prepaid cards are not accepted"),
        ("jcb", 409, "network_not_supported", "Supported are Visa, Mastercard"),
        ("authenticationRequired", 409, "setup_not_succeeded", "finish the form first"),
        ("visa", 409, "card_already_added", "This card is in your wallet already, as Visa •••• 4242."),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_a_card_that_cannot_come_in_has_its_sentence(
    client: Client, card: str, status: int, code: str, words: str
) -> None:
    add(client, "visa")

    answer = add(client, card)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert words in answer.json()["detail"]


@pytest.mark.usefixtures("sandbox")
def test_a_foreign_setup_and_a_foreign_card_are_not_there(client: Client) -> None:
    stranger = logged_in(newcomer().user)
    theirs = add(stranger).json()["id"]
    setup = post(stranger, f"{CARDS}/setups").json()["setup"]
    fill_in(setup, "amex")
    add(client)

    assert post(client, CARDS, setup=setup).json()["code"] == "setup_not_found"
    for answer in (
        client.get(f"{CARDS}/{theirs}"),
        change(client, f"{CARDS}/{theirs}", etag='"x"', nickname="Mine"),
        client.delete(f"{CARDS}/{theirs}"),
        client.get(f"{CARDS}/{uuid.uuid4()}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    order = change(client, f"{CARDS}/order", etag=client.get(CARDS)["ETag"], method="put", order=[theirs])
    assert (order.status_code, list(order.json()["errors"])) == (400, ["order"])


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "setup"),
        ({"setup": "pm_1"}, "setup"),
        ({"setup": "seti_../customers"}, "setup"),
        ({"setup": 5}, "setup"),
        ({"setup": "seti_1", "product": "unheard-of"}, "product"),
        ({"setup": "seti_1", "nickname": "x" * 121}, "nickname"),
        ({"setup": "seti_1", "nickname": ""}, "nickname"),
    ],
)
def test_a_wrong_field_of_a_new_card_is_named(client: Client, body: dict[str, Any], field: str) -> None:
    answer = post(client, CARDS, **body)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.usefixtures("sandbox")
def test_a_product_of_another_network_is_refused(client: Client) -> None:
    CardProductFactory(key="gold", network="amex")

    answer = add(client, "visa", product="gold")

    assert (answer.status_code, answer.json()["code"]) == (400, "product_of_other_network")
    assert list(answer.json()["errors"]) == ["product"]
    assert not FundingMethod.objects.exists()


def test_a_silent_processor_is_503_and_says_to_try_again(client: Client, sandbox: RunningSandbox) -> None:
    sandbox.order(method="POST", path="/v1/setup_intents", do="rate_limit")

    answer = post(client, f"{CARDS}/setups", "k3")

    assert (answer.status_code, answer.json()["code"]) == (503, "processor_unavailable")
    assert answer["Retry-After"] == "5"
    assert post(client, f"{CARDS}/setups", "k3").status_code == 201


def test_a_card_is_renamed_and_becomes_the_backup(client: Client, holder: Cardholder) -> None:
    first, second = wallet(holder, 2)
    FundingMethod.objects.filter(pk=first.pk).update(is_backup=True)
    product = CardProductFactory(key="sapphire", network="visa")

    answer = change(client, page(second), nickname="Travel", product="sapphire", is_backup=True, position=1)

    assert answer.status_code == 200, answer.content
    seen = answer.json()
    assert (seen["nickname"], seen["product"]["key"], seen["is_backup"], seen["position"]) == (
        "Travel",
        product.key,
        True,
        1,
    )
    assert [each["id"] for each in client.get(CARDS).json()["results"]] == [str(second.public_id), str(first.public_id)]
    assert list(FundingMethod.objects.filter(is_backup=True)) == [second]
    assert change(client, page(second), product=None, is_backup=False).json()["product"] is None
    assert client.get("/api/v1/wallet").json()["backup_card"] is None


@pytest.mark.parametrize("status", ["disabled", "detached"])
def test_a_card_that_cannot_pay_is_no_backup(client: Client, holder: Cardholder, status: str) -> None:
    first, second = wallet(holder, 2)
    FundingMethod.objects.filter(pk=first.pk).update(is_backup=True)
    FundingMethod.objects.filter(pk=second.pk).update(status=status)

    answer = change(client, page(second), is_backup=True)

    assert (answer.status_code, answer.json()["code"]) == (400, "backup_cannot_pay")
    assert list(answer.json()["errors"]) == ["is_backup"]
    assert list(FundingMethod.objects.filter(is_backup=True)) == [first]


def test_a_change_needs_the_version_that_was_read(client: Client, holder: Cardholder) -> None:
    (card,) = wallet(holder, 1)
    etag = client.get(page(card))["ETag"]
    assert change(client, page(card), etag="", nickname="A").status_code == 428
    assert change(client, page(card), etag=etag, nickname="A").status_code == 200
    assert change(client, page(card), etag=etag, nickname="B").status_code == 412
    card.refresh_from_db()
    assert card.name == "A"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nickname": ""}, "nickname"),
        ({"product": "unheard-of"}, "product"),
        ({"product": "gold"}, "product"),
        ({"is_backup": "perhaps"}, "is_backup"),
        ({"is_backup": None}, "is_backup"),
        ({"position": 0}, "position"),
    ],
)
def test_a_wrong_field_of_a_change_is_named(
    client: Client, holder: Cardholder, body: dict[str, Any], field: str
) -> None:
    (card,) = wallet(holder, 1)
    CardProductFactory(key="gold", network="amex")

    answer = change(client, page(card), **body)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_the_order_is_changed_as_a_whole(client: Client, holder: Cardholder) -> None:
    ids = [str(card.public_id) for card in wallet(holder, 3)]
    etag = client.get(CARDS)["ETag"]

    answer = change(client, f"{CARDS}/order", etag=etag, method="put", order=ids[::-1])

    assert [each["id"] for each in answer.json()["results"]] == ids[::-1]
    assert answer["ETag"] == client.get(CARDS)["ETag"] != etag
    for wrong in (ids[:2], [*ids, ids[0]], [], ["x"]):
        refused = change(client, f"{CARDS}/order", etag=answer["ETag"], method="put", order=wrong)
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["order"])
    assert change(client, f"{CARDS}/order", etag=etag, method="put", order=ids).status_code == 412


def test_a_card_is_removed_once_and_not_while_it_owes(client: Client, holder: Cardholder) -> None:
    paid, owing = wallet(holder, 2)
    owe(owing)

    assert [client.delete(page(paid)).status_code for _ in range(2)] == [204, 204]
    refused = client.delete(page(owing))

    assert (refused.status_code, refused.json()["code"]) == (409, "funding_card_owes")
    assert "45.00 USD" in refused.json()["detail"]
    assert [each["id"] for each in client.get(CARDS).json()["results"]] == [str(owing.public_id)]
    assert client.get(page(paid)).json()["state"] == "removed"
    gone = change(client, page(paid), nickname="Back")
    assert (gone.status_code, gone.json()["code"]) == (409, "funding_card_removed")


def test_how_a_card_stands_is_said_in_words(client: Client, holder: Cardholder, settings: Any) -> None:
    (card,) = wallet(holder, 1)
    stands = {
        "cooling": {"cooling_until": "2099-01-01T00:00:00Z"},
        "expired": {"expiry_year": 2020, "cooling_until": None},
        "disabled": {"status": "disabled", "expiry_year": 2099},
        "detached": {"status": "detached"},
    }
    for state, changes in stands.items():
        FundingMethod.objects.filter(pk=card.pk).update(**changes)
        seen = client.get(page(card)).json()
        assert (seen["state"], bool(seen["state_text"])) == (state, True)
        assert (seen["cooling_until"] is not None) == (state == "cooling")


def test_the_preference_is_changed(client: Client, holder: Cardholder) -> None:
    wallet = {"preference": "cash", "backup_card": None, "funding_cards": 0, "programmes": []}
    assert client.get("/api/v1/wallet").json() == wallet
    assert change(client, "/api/v1/wallet", preference="rewards").json()["preference"] == "rewards"
    holder.refresh_from_db()
    assert holder.preference == "rewards"
    for body in ({}, {"preference": "gold"}):
        assert list(change(client, "/api/v1/wallet", **body).json()["errors"]) == ["preference"]


def test_products_are_suggested_the_best_first(client: Client) -> None:
    for key, name, issuer, network in (
        ("a", "Chase Sapphire Reserve", "Chase", "visa"),
        ("b", "Sapphire Preferred", "Chase", "visa"),
        ("c", "Blue Sapphire", "Other", "amex"),
        ("d", "Freedom", "Chase", "visa"),
    ):
        CardProductFactory(key=key, name=name, issuer=issuer, network=network)

    def found(**asked: str) -> list[str]:
        return [each["key"] for each in client.get("/api/v1/card-products", asked).json()["results"]]

    assert found(network="visa", search="sapphire") == ["b", "a"]
    assert found(search="chase res") == ["a"]
    assert found(search="sapphire") == ["b", "c", "a"]
    assert found(network="visa") == ["a", "d", "b"]
    assert list(client.get("/api/v1/card-products", {"network": "x"}).json()["errors"]) == ["network"]


@pytest.mark.parametrize("path", ["", "/setups", "/order", f"/{uuid.UUID(int=1)}"])
def test_staff_and_strangers_are_kept_out(path: str) -> None:
    for client, status in ((logged_in(), 403), (Client(), 401), (logged_in(UserFactory()), 409)):
        method = {"/setups": "post", "/order": "put"}.get(path, "get")
        body = {"order": []} if path == "/order" else {}
        headers = {"Idempotency-Key": "k", "If-Match": '"x"'}
        answer = getattr(client, method)(f"{CARDS}{path}", body, content_type="application/json", headers=headers)
        assert answer.status_code == status


def wallet(holder: Cardholder, cards: int) -> list[FundingMethod]:
    Cardholder.objects.filter(pk=holder.pk).update(processor_customer_id=f"cus_{holder.pk}")
    holder.refresh_from_db()
    return [FundingMethodFactory(cardholder=holder) for _ in range(cards)]


def page(card: FundingMethod) -> str:
    return f"{CARDS}/{card.public_id}"
