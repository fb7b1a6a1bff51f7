"""The document that staff choose goes along with a dispute, where its issuer takes one; over real HTTP."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from audit.models import Entry
from issuing.disputes import evidence, requests, submission
from issuing.issuers.base import RefusedError
from issuing.issuers.disputes import DisputeOrder, EvidenceFile
from issuing.models import DisputeEvidence, DisputeRequest
from onecard.kit import clock
from onecard.kit.money import Money
from tests.issuing.disputes.captured import WORDS, asked, at_issuer, disputes_at
from tests.issuing.issuers.worlds import World, new_key, sandbox_for_issuers, world_of
from tests.sandbox.running import RunningSandbox
from wallet.models import Case

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 a letter from the shop\r\n\x00\xff--\r\n"


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.CARD_DATA_KEYS = [b"evidence" * 4]


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture(params=["stripe", "marqeta"])
def world(request: pytest.FixtureRequest, served: RunningSandbox) -> World:
    served.reset()
    return world_of(request.param, served)


@pytest.fixture
def stripe(served: RunningSandbox) -> World:
    served.reset()
    return world_of("stripe", served)


def with_file(world: World) -> tuple[DisputeRequest, DisputeEvidence]:
    request = asked(at_issuer(world))
    evidence.add(request=request, name="other.png", content=b"\x89PNG\r\n\x1a\n", actor="user:2")
    return request, evidence.add(request=request, name="letter.pdf", content=PDF, actor="user:2")


def accept(request: DisputeRequest, file: DisputeEvidence | None) -> None:
    requests.accept(request=request, amount=request.money, reason=request.reason, actor="user:1", file=file)


def files_at(served: RunningSandbox) -> list[dict[str, Any]]:
    return list(served.state.objects["file"].values())


def test_the_chosen_document_is_with_stripes_dispute(stripe: World, served: RunningSandbox) -> None:
    request, letter = with_file(stripe)
    accept(request, letter)

    assert submission.carry_out(request_id=request.pk, issuer=stripe.issuer) == "submitted"

    (dispute,), (file,) = disputes_at(served, "stripe"), files_at(served)
    assert dispute["evidence"]["not_received"]["additional_documentation"] == file["id"]
    assert dispute["evidence"]["not_received"]["explanation"] == WORDS
    assert (file["filename"], file["size"], file["type"]) == ("letter.pdf", len(PDF), "pdf")
    upload = served.requests.find(path="/v1/files")[-1]
    assert upload.form["file"]["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert Entry.objects.get(action="dispute_request.evidence_chosen").details["file"] == str(letter.public_id)


def test_without_a_choice_or_a_route_no_document_goes(world: World, served: RunningSandbox) -> None:
    request, letter = with_file(world)
    accept(request, letter if world.issuer.provider == "marqeta" else None)

    assert submission.carry_out(request_id=request.pk, issuer=world.issuer) == "submitted"

    assert files_at(served) == []


def test_a_failed_upload_is_tried_again_and_makes_one_dispute(stripe: World, served: RunningSandbox) -> None:
    request, letter = with_file(stripe)
    accept(request, letter)
    served.order(path="/v1/files", do="error_500", times=1)
    assert submission.carry_out(request_id=request.pk, issuer=stripe.issuer) == "accepted"
    assert disputes_at(served, "stripe") == []

    DisputeRequest.objects.update(next_attempt_at=clock.now())
    assert submission.carry_out(request_id=request.pk, issuer=stripe.issuer) == "submitted"

    assert (len(disputes_at(served, "stripe")), len(files_at(served))) == (1, 1)


def test_a_document_whose_key_is_gone_waits_and_is_a_case(stripe: World, settings: Any) -> None:
    request, letter = with_file(stripe)
    accept(request, letter)
    settings.CARD_DATA_KEYS = [b"another-" * 4]

    for _ in range(6):
        DisputeRequest.objects.update(next_attempt_at=clock.now())
        assert submission.carry_out(request_id=request.pk, issuer=stripe.issuer) == "accepted"

    assert Case.objects.filter(kind="dispute_not_sent", status="open").exists()


@pytest.mark.parametrize("content", [b"MZ a program", b"", PDF + b"x" * 5 * 1024 * 1024])
def test_the_sandbox_refuses_what_is_no_evidence(stripe: World, content: bytes) -> None:
    capture = at_issuer(stripe)
    order = DisputeOrder(
        capture.issuer_transaction_id, "not_received", WORDS, Money(4500, "USD"), EvidenceFile("a.pdf", content)
    )
    with pytest.raises(RefusedError):
        stripe.issuer.open_dispute(order, key=new_key())
