"""Disputes and notices on pages: opened on a purchase, with evidence, withdrawn; read and chosen."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from issuing.models import CardTransaction, DisputeRequest
from onecard.kit.transactions import transaction
from onecard.notices import choices
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from onecard.notices.models import Notice
from tests.issuing.disputes.captured import WORDS, capture_of, captured_purchase
from tests.onecard.person.words import send, words_of
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory, VirtualCardFactory

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 a letter"


@pytest.fixture
def capture() -> CardTransaction:
    return captured_purchase()


@pytest.fixture
def client(capture: CardTransaction) -> Client:
    assert capture.card is not None
    return logged_in(capture.card.cardholder.user)


def page(capture: CardTransaction) -> str:
    assert capture.authorization is not None
    return f"/purchases/{capture.authorization.issuer_authorization_id}"


def opened(client: Client, capture: CardTransaction, **typed: Any) -> Any:
    return send(client, f"{page(capture)}/dispute", **{"reason": "not_received", "text": WORDS} | typed)


def test_a_purchase_is_disputed_with_evidence_and_withdrawn(
    client: Client, capture: CardTransaction, settings: Any
) -> None:
    settings.CARD_DATA_KEYS = settings.CARD_DATA_KEYS or (b"k" * 32,)
    assert "Dispute it" in words_of(client.get(page(capture)))

    made = opened(client, capture, amount="12.50")["Location"]
    row = DisputeRequest.objects.get()
    assert (made, row.amount_minor, row.text) == (f"/disputes/{row.public_id}", 1250, WORDS)
    added = client.post(made, {"file": SimpleUploadedFile("letter.pdf", PDF)}, follow=True)
    assert "letter.pdf" in words_of(added)
    assert "Under review" in words_of(client.get("/disputes"))
    assert "See your dispute of this purchase" in words_of(client.get(page(capture)))

    assert "Your dispute is withdrawn." in words_of(client.post(f"{made}/withdraw", follow=True))
    assert "Add the file" not in words_of(client.get(made))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"text": "Bad."}, "Write at least 10 characters."),
        ({"reason": "envy"}, "Select a valid choice."),
        ({"amount": "45.01"}, "at most the 45.00 USD that is left"),
        ({"amount": "x"}, "is not an amount of USD"),
    ],
)
def test_a_wrong_dispute_is_said_beside_it(
    client: Client, capture: CardTransaction, typed: dict[str, str], sentence: str
) -> None:
    assert sentence in words_of(opened(client, capture, **typed))
    assert not DisputeRequest.objects.exists()


def test_of_several_payments_one_is_chosen(client: Client, capture: CardTransaction) -> None:
    assert capture.authorization is not None
    second = capture_of(capture.authorization, capture_id="ipi_second", minor=700)

    assert "Which payment" in words_of(client.get(f"{page(capture)}/dispute"))
    opened(client, capture, transaction=second.issuer_transaction_id, amount="1.00")

    assert DisputeRequest.objects.get().transaction == second


def test_a_file_that_is_no_evidence_is_refused(client: Client, capture: CardTransaction, settings: Any) -> None:
    settings.CARD_DATA_KEYS = settings.CARD_DATA_KEYS or (b"k" * 32,)
    made = opened(client, capture)["Location"]

    answer = client.post(made, {"file": SimpleUploadedFile("a.pdf", b"MZ program")})
    empty = client.post(made, {})

    assert "Send a PDF, a PNG or a JPEG" in words_of(answer)
    assert "This field is required" in words_of(empty)


def test_a_second_dispute_is_refused_in_words(client: Client, capture: CardTransaction) -> None:
    opened(client, capture)

    answer = opened(client, capture)

    assert answer.status_code == 409
    assert "A dispute of this purchase is open already." in words_of(answer)


def test_a_purchase_without_a_payment_has_no_dispute(client: Client, capture: CardTransaction) -> None:
    CardTransaction.objects.all().delete()

    assert "Dispute it" not in words_of(client.get(page(capture)))
    assert opened(client, capture).status_code == 409


def test_strangers_see_no_dispute(client: Client, capture: CardTransaction) -> None:
    made = opened(client, capture)["Location"]
    stranger = logged_in(VirtualCardFactory().cardholder.user)

    for address in (made, f"{made}/withdraw", f"{page(capture)}/dispute"):
        assert stranger.get(address).status_code == 404
        assert stranger.post(address).status_code == 404
    assert "You have disputed nothing." in words_of(stranger.get("/disputes"))


def told(user: Any, count: int, reference: str = "") -> None:
    with transaction():
        for place in range(count):
            notices.write(
                user_id=user.pk, kind=Kind.PURCHASE_APPROVED, cause=f"x:{place}", text=f"No. {place}.",
                reference=reference,
            )  # fmt: skip


def test_notices_are_read_in_pages_and_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    client = logged_in(user)
    assert "Nothing yet." in words_of(client.get("/notices"))
    monkeypatch.setattr("onecard.person.notices.feed.PAGE", 2)
    told(user, 3, reference="purchase:iauth_1")

    first = client.get("/notices").content.decode()
    assert ('href="/purchases/iauth_1"' in first, first.count("No. ")) == (True, 2)
    assert "3 new" in words_of(client.get("/account"))
    oldest = Notice.objects.order_by("pk")[1].pk
    assert "No. 0." in words_of(client.get(f"/notices?before={oldest}"))
    assert client.get("/notices?before=x").status_code == 200

    client.post("/notices")

    assert not Notice.objects.filter(read_at=None).exists()
    assert "Mark all as read" not in words_of(client.get("/notices"))


def test_a_notice_opens_only_what_there_is() -> None:
    user = UserFactory()
    told(user, 1, reference="unknown:1")

    assert "Open" not in words_of(logged_in(user).get("/notices"))


def test_channels_are_chosen_and_security_is_always_mailed() -> None:
    user = UserFactory()
    client = logged_in(user)
    shown = client.get("/notices/settings").content.decode()
    assert 'name="login_changed"' not in shown

    wanted = {kind.value: channel.value for kind, channel in choices.all_of(user.pk).items()}
    client.post("/notices/settings", wanted | {"purchase_approved": "email"})
    refused = client.post("/notices/settings", wanted | {"card_frozen": "off"})

    assert choices.channel_of(user.pk, Kind.PURCHASE_APPROVED) == "email"
    assert "Select a valid choice." in words_of(refused)
