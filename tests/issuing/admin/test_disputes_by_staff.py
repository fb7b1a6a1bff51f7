"""Staff open a dispute for a cardholder from the purchase, add evidence, and submit it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from audit.models import Entry
from issuing.issuers import registry
from issuing.issuers.mock import MockIssuer
from issuing.models import Authorization, CardTransaction, DisputeEvidence, DisputeRequest
from onecard.notices.models import Notice
from onecard.users.models import User
from tests.issuing.disputes.captured import WORDS, asked, capture_of, captured_purchase
from tests.support.back_office import logged_in, sentences, text_of
from tests.support.factories import UserFactory
from wallet.models import Case

pytestmark = pytest.mark.django_db
WHY = "They called on Monday."
PDF = b"%PDF-1.7 a letter"
FORM = {"amount": "", "network_reason": "not_received", "text": WORDS, "reason": WHY}


@pytest.fixture
def mock() -> Iterator[MockIssuer]:
    issuer = MockIssuer()
    registry.install(issuer)
    yield issuer
    registry.clear()


@pytest.fixture
def capture() -> CardTransaction:
    return captured_purchase(provider="mock")


def staff(*names: str) -> User:
    user = UserFactory(is_staff=True)
    names = ("view_authorization", "view_disputerequest", *names)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


def opener() -> User:
    return staff("add_disputerequest", "change_disputerequest")


def page(name: str = "open_dispute") -> str:
    return reverse(f"admin:issuing_authorization_{name}", args=[Authorization.objects.get().pk])


def of_request(name: str) -> str:
    return reverse(f"admin:issuing_disputerequest_{name}", args=[DisputeRequest.objects.get().pk])


def press(user: User, **changes: Any) -> Any:
    return logged_in(user).post(page(), FORM | changes, follow=True)


def file(content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile("letter.txt", content)


def test_it_is_opened_evidenced_and_submitted(capture: CardTransaction, mock: MockIssuer) -> None:
    user = opener()
    client = logged_in(user)
    assert page() in text_of(client.get(page("change")))
    asks = text_of(client.get(page()))
    assert "multipart/form-data" in asks
    assert f"{capture.money} is left" in asks

    answer = client.post(page(), FORM | {"amount": "40.00", "file": file()}, follow=True)

    assert "The dispute is opened" in sentences(answer)
    made = DisputeRequest.objects.get()
    holder = capture.card.cardholder if capture.card else None
    assert (made.cardholder, made.amount_minor, made.text, made.status) == (holder, 4000, WORDS, "requested")
    entry = Entry.objects.get(action="dispute_request.requested")
    assert (entry.actor, entry.details["why"]) == (f"user:{user.pk}", WHY)
    assert Case.objects.get(kind="dispute_requested").status == "open"
    assert "A cardholder wants to dispute a purchase" in text_of(client.get(page("change")))
    assert "Our staff opened your dispute about 40.00 USD" in Notice.objects.get(user=made.cardholder.user).text

    more = client.post(of_request("evidence_request"), {"file": file(), "reason": "By mail."}, follow=True)
    assert "The file is added" in sentences(more)
    assert list(DisputeEvidence.objects.values_list("name", flat=True)) == ["letter.pdf", "letter.pdf"]
    added = Entry.objects.filter(action="dispute_request.evidence_added").latest("pk")
    assert (added.actor, added.details["why"]) == (f"user:{user.pk}", "By mail.")

    client.post(of_request("submit_request"), {"amount": "40.00", "reason": "not_received"})
    assert DisputeRequest.objects.get().status == "submitted"
    assert [each.amount.minor for each in mock.disputes.values()] == [4000]


def test_without_an_amount_all_that_is_left_is_disputed(capture: CardTransaction) -> None:
    assert capture.authorization is not None
    capture_of(capture.authorization, capture_id="back", minor=1500, transaction_type="refund")

    press(opener())

    assert DisputeRequest.objects.get().amount_minor == 3000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "45.01"}, "at most the"),
        ({"text": "Too short"}, "at least 10"),
        ({"reason": ""}, ""),
        ({"network_reason": "nonsense"}, ""),
    ],
)
def test_what_is_wrong_opens_nothing(capture: CardTransaction, changes: dict[str, str], words: str) -> None:
    answer = press(opener(), **changes)

    assert answer.status_code == 200
    assert words in sentences(answer)
    assert not DisputeRequest.objects.exists()
    assert not Notice.objects.exists()


@pytest.mark.parametrize("content", [b"MZ not a picture", PDF + b"x" * (5 * 1024 * 1024)])
def test_a_file_that_is_not_taken_opens_nothing(capture: CardTransaction, content: bytes) -> None:
    press(opener(), file=file(content))

    assert not DisputeRequest.objects.exists()
    assert not DisputeEvidence.objects.exists()
    assert not Case.objects.exists()


def test_a_second_press_opens_no_second_dispute(capture: CardTransaction) -> None:
    user = opener()
    press(user)

    assert "open already" in sentences(press(user))

    assert DisputeRequest.objects.count() == 1


def test_of_several_captures_one_is_chosen(capture: CardTransaction) -> None:
    assert capture.authorization is not None
    second = capture_of(capture.authorization, capture_id="ipi_second", minor=2000)

    press(opener(), capture=second.issuer_transaction_id)

    assert DisputeRequest.objects.get().transaction == second


def test_what_no_merchant_took_is_not_disputed(capture: CardTransaction) -> None:
    CardTransaction.objects.update(transaction_type="refund")
    client = logged_in(opener())

    assert page() not in text_of(client.get(page("change")))
    assert "nothing to dispute" in sentences(client.get(page(), follow=True))


def test_once_it_is_decided_no_evidence_is_added(capture: CardTransaction) -> None:
    request = asked(capture)
    DisputeRequest.objects.filter(pk=request.pk).update(status="refused")
    client = logged_in(opener())

    answer = client.post(of_request("evidence_request"), {"file": file(), "reason": WHY})

    assert "no evidence can be added" in sentences(answer)
    assert not DisputeEvidence.objects.exists()


def test_without_the_permission_nobody_disputes(capture: CardTransaction) -> None:
    reader = logged_in(staff())

    assert page() not in text_of(reader.get(page("change")))
    assert reader.post(page(), FORM).status_code == 403
    asked(capture)
    assert reader.post(of_request("evidence_request"), {"file": file(), "reason": WHY}).status_code == 403
    assert not DisputeEvidence.objects.exists()
