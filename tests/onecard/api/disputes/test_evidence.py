"""Evidence of a dispute: three kinds by their content, small and few, sealed, and read by staff who may and say why."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.disputes import requests
from issuing.disputes.evidence import MOST_BYTES, MOST_FILES
from issuing.models import DisputeEvidence, DisputeRequest
from tests.issuing.disputes.captured import asked, captured_purchase
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory, VirtualCardFactory

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\nA letter to the shop, dear secret"
PNG, JPEG = b"\x89PNG\r\n\x1a\n picture", b"\xff\xd8\xff\xe0 photo"


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.CARD_DATA_KEYS = [b"evidence" * 4]


@pytest.fixture
def request_() -> DisputeRequest:
    return asked(captured_purchase())


@pytest.fixture
def client(request_: DisputeRequest) -> Client:
    return logged_in(request_.cardholder.user)


def give(client: Client, row: DisputeRequest, content: bytes, *, name: str = "letter.pdf", key: str = "") -> Any:
    file = SimpleUploadedFile(name, content, content_type="application/pdf")
    more = {"HTTP_IDEMPOTENCY_KEY": key or str(uuid.uuid4())}
    return client.post(f"/api/v1/disputes/{row.public_id}/evidence", {"file": file}, **more)


@pytest.mark.parametrize(
    ("content", "name", "kind", "stored"),
    [
        (PDF, "letter.pdf", "application/pdf", "letter.pdf"),
        (PNG, "C:\\My files\\shot.PNG", "image/png", "shot.png"),
        (JPEG, "photo", "image/jpeg", "photo.jpg"),
        (PDF, 'a"\r\nX: y.html', "application/pdf", None),
    ],
)
def test_a_file_is_taken_by_its_content(
    client: Client, request_: DisputeRequest, content: bytes, name: str, kind: str, stored: str | None
) -> None:
    answer = give(client, request_, content, name=name)

    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["kind"], made["size_bytes"]) == (kind, len(content))
    assert made["name"] == stored or (stored is None and not set('"\r\n/') & set(made["name"]))
    (listed,) = client.get(f"/api/v1/disputes/{request_.public_id}").json()["evidence"]
    assert listed == made
    assert Entry.objects.get(action="dispute_request.evidence_added").actor == f"user:{request_.cardholder.user_id}"


def test_nothing_of_it_is_stored_in_plain(client: Client, request_: DisputeRequest) -> None:
    give(client, request_, PDF)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM issuing_disputeevidence")
        (sealed,) = cursor.fetchone()
    assert b"secret" not in bytes(sealed)
    assert b"%PDF" not in bytes(sealed)
    assert "secret" not in str(list(Entry.objects.values()))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"MZ\x90\x00 a program that calls itself a letter", "evidence_kind"),
        (b"\x7fELF", "evidence_kind"),
        (b"<html><script>alert(1)</script>", "evidence_kind"),
        (b"MZ %PDF-1.7", "evidence_kind"),
        (b"GIF89a", "evidence_kind"),
        (PDF + b"x" * MOST_BYTES, "evidence_too_large"),
    ],
)
def test_other_files_are_refused(client: Client, request_: DisputeRequest, content: bytes, code: str) -> None:
    answer = give(client, request_, content)

    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (400, code, ["file"])
    assert DisputeEvidence.objects.count() == 0


def test_five_megabytes_fit_and_five_files_do(client: Client, request_: DisputeRequest) -> None:
    assert give(client, request_, PDF + b"x" * (MOST_BYTES - len(PDF))).status_code == 201
    for _ in range(MOST_FILES - 1):
        assert give(client, request_, PNG).status_code == 201
    assert give(client, request_, PNG).json()["code"] == "evidence_too_many"


def test_a_repeat_under_its_key_adds_no_second(client: Client, request_: DisputeRequest) -> None:
    first, again = give(client, request_, PDF, key="one"), give(client, request_, PDF, key="one")
    assert (first.json(), again["Idempotency-Replayed"]) == (again.json(), "true")
    assert give(client, request_, PNG, key="one").status_code == 422
    assert DisputeEvidence.objects.count() == 1


def test_a_form_without_a_file_and_json_are_refused(client: Client, request_: DisputeRequest) -> None:
    page, more = f"/api/v1/disputes/{request_.public_id}/evidence", {"HTTP_IDEMPOTENCY_KEY": "k"}
    for fields in ({}, {"file": "text"}):
        answer = client.post(page, fields, HTTP_IDEMPOTENCY_KEY=str(uuid.uuid4()))
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["file"])
    empty = give(client, request_, b"")
    assert (empty.status_code, list(empty.json()["errors"])) == (400, ["file"])
    assert client.post(page, json.dumps({}), content_type="application/json", **more).status_code == 415
    broken = client.post(page, b"--x\r\nbroken", content_type="multipart/form-data", **more)
    assert broken.status_code == 400


def test_no_file_is_added_once_staff_have_decided(client: Client, request_: DisputeRequest) -> None:
    requests.refuse(request=request_, reason="The shop has refunded it.", actor="user:1")
    assert give(client, request_, PDF).json()["code"] == "dispute_not_open"


def test_strangers_cannot_add_any(request_: DisputeRequest) -> None:
    assert give(logged_in(VirtualCardFactory().cardholder.user), request_, PDF).status_code == 404


def test_without_a_key_nothing_is_taken(client: Client, request_: DisputeRequest, settings: Any) -> None:
    settings.CARD_DATA_KEYS = []
    assert give(client, request_, PDF).status_code == 503
    assert DisputeEvidence.objects.count() == 0


class TestStaff:
    @pytest.fixture
    def row(self, client: Client, request_: DisputeRequest) -> DisputeEvidence:
        give(client, request_, PDF, name="letter.pdf")
        return DisputeEvidence.objects.get()

    def page(self, row: DisputeEvidence) -> str:
        return reverse("admin:issuing_disputeevidence_download", args=[row.pk])

    def staff(self, *names: str) -> Client:
        user = UserFactory(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        return logged_in(user)

    def test_it_is_opened_with_the_permission_and_a_reason(self, row: DisputeEvidence) -> None:
        boss = self.staff("view_disputeevidence", "download_dispute_evidence")
        assert "secret" not in text_of(boss.get(self.page(row)))
        assert boss.post(self.page(row), {"reason": " "}).status_code == 200
        assert not Entry.objects.filter(action="dispute_request.evidence_downloaded").exists()

        answer = boss.post(self.page(row), {"reason": "Review of the dispute"})

        assert answer.content == PDF
        assert answer["Content-Disposition"] == 'attachment; filename="letter.pdf"'
        assert "no-store" in answer["Cache-Control"]
        entry = Entry.objects.filter(action="dispute_request.evidence_downloaded").latest("pk")
        assert entry.actor.startswith("user:")
        assert entry.details["reason"] == "Review of the dispute"

    def test_nobody_else_opens_it(self, row: DisputeEvidence, client: Client) -> None:
        for other in (self.staff("view_disputeevidence"), self.staff("download_dispute_evidence"), client, Client()):
            answer = other.post(self.page(row), {"reason": "Curious"})
            assert answer.status_code in (302, 403, 404)
            assert PDF not in answer.content
        assert not Entry.objects.filter(action="dispute_request.evidence_downloaded").exists()
