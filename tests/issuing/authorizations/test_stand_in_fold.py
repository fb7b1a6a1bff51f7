"""What stand-in answered is in the books afterwards, once, whatever has come first; contradictions have a case."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit.models import Entry
from issuing.handlers import dispatch
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from issuing.stand_in import files
from tests.support import stripe_events
from tests.support.purchases import transaction_event
from tests.support.stand_ins import ask, fold, reason_of, stand_in, take_snapshot
from tests.support.wallets import walkthrough_card
from wallet.models import Cardholder, Case, FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=10_000) as folder:
        yield folder


@pytest.fixture
def card(place: Path) -> VirtualCard:
    found = walkthrough_card()
    take_snapshot()
    return found


def request_at(card: VirtualCard, amount: int = 4500, **changes: Any) -> dict[str, Any]:
    return stripe_events.authorization_request(card=card.issuer_card_id, amount=amount, **changes)


@pytest.fixture
def heard_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time in which our own decision could still be committing is over."""
    monkeypatch.setattr(dispatch, "WAIT_FOR_DECISION", -dispatch.WAIT_FOR_DECISION)


def hear(event: dict[str, Any]) -> None:
    """The issuer reports it, and a worker acts on it."""
    assert stripe_events.post(event).status_code == 200
    dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)


def assert_charged_once(minor: int = 4500, status: str = "approved") -> Authorization:
    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.approved_minor) == (status, minor)
    assert sum(each.amount_minor - each.released_minor for each in Hold.objects.all()) == minor
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {minor}
    obligation = FundingObligation.objects.get()
    assert obligation.amount_minor - obligation.released_minor == minor
    assert FundingCharge.objects.count() == 1
    return purchase


def test_an_approval_becomes_a_decision_with_hold_and_charge(place: Path, card: VirtualCard) -> None:
    asked = request_at(card)
    answer = ask(asked)
    Cardholder.objects.update(preference="rewards")

    assert fold(place) == {"approved": 1}

    decision = Decision.objects.get()
    assert (decision.approved, decision.rule) == (True, "stand_in")
    assert str(decision.public_id) == answer["metadata"]["onecard_decision"]
    assert stripe_events.post(asked).json() == answer
    assert assert_charged_once().stood_in == "one_card"
    # What the engine chooses now, and not the backup of the snapshot, which is a Mastercard.
    assert FundingCharge.objects.get().method.network == "amex"
    assert Entry.objects.filter(action="authorization.stood_in").count() == 1
    assert Case.objects.get().kind == Case.Kind.ANSWERS_FAILING
    assert [path.name[:7] for path in files.journals(place)] == ["folded-"]


def test_a_decline_becomes_a_declined_decision(tmp_path: Path) -> None:
    asked = request_at(walkthrough_card())
    with stand_in(tmp_path / "stand-in") as folder:
        answer = ask(asked)
        assert fold(folder) == {"declined": 1}

    decision = Decision.objects.select_related("authorization__card").get()
    assert (decision.approved, decision.decline_reason) == (False, "stand_in_declined")
    assert stripe_events.post(asked).json() == answer
    assert decision.authorization.status == "declined"
    assert decision.authorization.card is not None
    assert not Hold.objects.exists()


def test_folding_twice_changes_nothing(place: Path, card: VirtualCard) -> None:
    ask(request_at(card))
    content = (place / files.ANSWERS).read_bytes()
    assert fold(place) == {"approved": 1}

    (place / "waiting-1.journal").write_bytes(content)

    assert fold(place) == {"known": 1}
    assert_charged_once()
    assert Entry.objects.filter(action="authorization.stood_in").count() == 1


def test_an_approval_counts_over_a_limit(place: Path, card: VirtualCard) -> None:
    ask(request_at(card))
    VirtualCard.objects.update(daily_limit_minor=1000, per_transaction_limit_minor=1000, status="frozen")

    assert fold(place) == {"approved": 1}
    assert_charged_once()


@pytest.mark.usefixtures("heard_later")
@pytest.mark.parametrize("captured", [0, 4500])
def test_what_the_issuer_reported_first_is_not_doubled(place: Path, card: VirtualCard, captured: int) -> None:
    asked = request_at(card)
    ask(asked)
    hear(stripe_events.authorization_update(asked))
    if captured:
        hear(transaction_event(asked, captured))
    assert Case.objects.get().kind == Case.Kind.APPROVED_WITHOUT_US

    assert fold(place) == {"approved": 1}

    assert_charged_once()
    assert not Case.objects.filter(kind=Case.Kind.APPROVED_WITHOUT_US, status="open").exists()


@pytest.mark.usefixtures("heard_later")
@pytest.mark.parametrize("approved", [False, True])
def test_what_has_ended_meanwhile_holds_nothing(place: Path, card: VirtualCard, approved: bool) -> None:
    asked = request_at(card)
    ask(asked)
    history = [{"approved": approved, "reason": "webhook_approved" if approved else "webhook_timeout", "amount": 4500}]
    ended = {"approved": approved, "status": "reversed" if approved else "closed", "request_history": history}
    hear(stripe_events.authorization_update(asked, **ended))

    assert fold(place) == {"approved": 1}

    assert Authorization.objects.get().approved_minor == 0
    assert set(Hold.objects.values_list("status", flat=True)) == {"released"}
    assert set(FundingObligation.objects.values_list("status", flat=True)) == {"released"}
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}


@pytest.mark.usefixtures("heard_later")
@pytest.mark.parametrize(("reason", "who"), [("webhook_timeout", "issuer"), ("network_fallback", "network")])
def test_who_else_stood_in_is_told_apart_from_us(card: VirtualCard, reason: str, who: str) -> None:
    history = [{"approved": True, "reason": reason, "amount": 4500}]
    for _ in range(2):
        hear(stripe_events.authorization_update(request_at(card), request_history=history))

    assert set(Authorization.objects.values_list("stood_in", flat=True)) == {who}
    assert Entry.objects.filter(action="authorization.stood_in_by_other").count() == 2


def test_a_retry_that_was_decided_is_not_doubled(place: Path, card: VirtualCard) -> None:
    asked = request_at(card)
    assert ask(asked)["approved"] is True
    assert stripe_events.post(asked).json()["approved"] is True

    assert fold(place) == {"known": 1}
    assert_charged_once()
    assert not Case.objects.exists()


def test_a_retry_that_was_decided_otherwise_opens_a_case(place: Path, card: VirtualCard) -> None:
    asked = request_at(card)
    ask(asked)
    VirtualCard.objects.update(status="frozen")
    assert stripe_events.post(asked).json()["approved"] is False

    assert fold(place) == {"contradicts": 1}

    case = Case.objects.get()
    assert (case.kind, case.amount_minor) == (Case.Kind.EVENT_CONTRADICTION, 4500)
    assert Decision.objects.count() == 1


def test_a_damaged_line_is_kept_with_a_case_and_harms_no_other(place: Path, card: VirtualCard) -> None:
    ask(request_at(card))
    ask(request_at(card, 100))
    lines = (place / files.ANSWERS).read_bytes().splitlines(keepends=True)
    lines[0] = lines[0][:200] + (b"A" if lines[0][200:201] != b"A" else b"B") + lines[0][201:]
    (place / files.ANSWERS).write_bytes(b"".join([*lines, lines[1][:50]]))

    assert fold(place) == {"damaged": 1, "approved": 1}

    assert_charged_once(100)
    assert Case.objects.filter(reference__startswith="stand_in:waiting-").count() == 1


def test_an_operator_lists_and_folds_by_command(
    place: Path, card: VirtualCard, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = request_at(card)
    ask(asked)

    call_command("fold_stand_in", "--dry-run")
    assert f"{asked['data']['object']['id']} 45.00 USD approved\n1 answer waits" in capsys.readouterr().out
    assert not Decision.objects.exists()
    call_command("fold_stand_in")
    assert "Folded in: 1 approved." in capsys.readouterr().out
    assert_charged_once()


def test_old_files_are_removed_once_they_are_folded(place: Path, card: VirtualCard, settings: Any) -> None:
    ask(request_at(card))
    settings.STAND_IN_KEEP_DAYS = 0
    assert files.remove_old(place) == 0
    fold(place)

    assert files.remove_old(place) == 1
    assert reason_of(ask(request_at(card))) == "stand_in_approved"
