"""Once an unpaid purchase is paid, its case ends the freeze and the pauses that were made for it, and nothing else."""

from collections.abc import Callable, Iterator

import pytest
from django.db import transaction
from django.test import override_settings

from audit.models import Entry
from issuing.billing import dunning, paid_receivable
from issuing.billing.paid_receivable import Unfrozen
from issuing.cards import service as cards
from issuing.errors import CardRefusedError
from issuing.issuers import registry
from issuing.issuers.base import IssuedCard
from issuing.issuers.mock import MockIssuer
from issuing.models import CardChange, VirtualCard
from onecard.users.models import User
from tests.issuing.billing.test_dunning import all_fail, bought, card_of
from tests.support.back_office import logged_in, sentences
from tests.support.factories import UserFactory
from tests.support.threads import at_once
from tests.wallet.admin.case_pages import act, clerk, page, press
from tests.wallet.casework.desks import WHY, assert_refused, tried
from wallet import cases
from wallet.casework import paid_receivables
from wallet.casework.desk import CaseRefusedError
from wallet.charges import declines, outcomes
from wallet.models import Case, CaseNote, FundingMethod, FundingObligation
from wallet.processors.base import Outcome
from wallet.states import ComplianceFlag

pytestmark = pytest.mark.django_db
SOFT = "insufficient_funds"


@pytest.fixture(autouse=True)
def issuer() -> Iterator[MockIssuer]:
    registry.clear()
    mock = MockIssuer(provider="stripe")
    registry.install(mock)
    yield mock
    registry.clear()


@pytest.fixture
def owed(issuer: MockIssuer) -> Case:
    """A purchase that no card paid, whose virtual card was frozen for it."""
    obligation = bought()
    card = card_of(obligation)
    issuer.cards[card.issuer_card_id] = IssuedCard(
        card.issuer_card_id, "active", "visa", card.last_four, 12, 2099, "USD"
    )
    case = all_fail(obligation, SOFT)
    assert dunning.take_notice(case_id=case.pk)
    return case


def staff() -> User:
    return UserFactory(is_staff=True)


def pay(case: Case) -> Case:
    """The cardholder confirms the last declined payment with their bank."""
    assert case.obligation is not None
    charge = case.obligation.charges.filter(status="declined").latest("sequence")
    paid = Outcome("succeeded", charge.processor_charge_id or "")
    outcomes.record(charge_id=charge.pk, outcome=paid, actor="processor:stripe")
    case.refresh_from_db()
    assert case.status == "resolved"
    return case


def the_card() -> VirtualCard:
    return VirtualCard.objects.get()


def unfreeze(case: Case) -> Unfrozen:
    return paid_receivable.unfreeze(case=case, user=staff(), reason=WHY)


def freeze(requested_by: str) -> None:
    cards.freeze(card=the_card(), reason="It was seen in a shop.", requested_by=requested_by)


def changes() -> list[str]:
    return list(CardChange.objects.order_by("pk").values_list("kind", flat=True))


def test_a_paid_case_unfreezes_its_card_with_who_and_why(owed: Case, issuer: MockIssuer) -> None:
    assert unfreeze(pay(owed)) == Unfrozen.ASKED

    assert (the_card().status, the_card().frozen_by) == ("active", "")
    assert issuer.cards[the_card().issuer_card_id].status == "active"
    told = Entry.objects.get(action="case.card_unfrozen", subject_id=str(owed.pk))
    assert (told.details["reason"], told.details["card"]) == (WHY, the_card().pk)
    assert WHY in CaseNote.objects.get(case=owed).text


def test_while_it_is_owed_nothing_is_unfrozen(owed: Case) -> None:
    assert_refused(lambda: unfreeze(owed), "not paid yet")
    assert_refused(lambda: paid_receivables.end_cooling(case=owed, user=staff(), reason=WHY), "not paid yet")

    assert the_card().status == "frozen"
    assert changes() == ["freeze"]
    assert not CaseNote.objects.exists()


def test_what_was_written_off_is_not_paid(owed: Case) -> None:
    Case.objects.update(status="resolved", proposal="write_off", proposed_by=staff(), agreed_by=staff())
    owed.refresh_from_db()

    assert_refused(lambda: unfreeze(owed), "written off")


def test_what_was_paid_outside_is_paid(owed: Case) -> None:
    Case.objects.update(status="resolved", proposal="outside", proposed_by=staff(), agreed_by=staff())
    owed.refresh_from_db()

    assert unfreeze(owed) == Unfrozen.ASKED


def test_a_second_press_does_nothing_more(owed: Case) -> None:
    unfreeze(pay(owed))

    assert unfreeze(owed) == Unfrozen.ASKED

    assert changes() == ["freeze", "unfreeze"]
    assert CaseNote.objects.filter(case=owed).count() == 1


def test_a_press_after_a_later_freeze_does_not_undo_that(owed: Case) -> None:
    unfreeze(pay(owed))
    freeze("user:999999")

    unfreeze(owed)

    assert the_card().status == "frozen"
    assert changes() == ["freeze", "unfreeze", "freeze"]


@pytest.mark.parametrize("before", [True, False])
def test_a_freeze_of_somebody_else_stays_whoever_came_first(*, before: bool, issuer: MockIssuer) -> None:
    obligation = bought()
    card = card_of(obligation)
    issuer.cards[card.issuer_card_id] = IssuedCard(card.issuer_card_id, "active", "visa", "0005", 12, 2099, "USD")
    case = all_fail(obligation, SOFT)
    steps: list[Callable[[], object]] = [lambda: freeze("user:999999"), lambda: dunning.take_notice(case_id=case.pk)]
    if not before:
        # Support unfreezes it and freezes it again for a reason of its own, besides that of the case.
        steps = [steps[1], lambda: VirtualCard.objects.update(status="active"), steps[0]]
    for step in steps:
        step()

    assert_refused(lambda: unfreeze(pay(case)), "another reason")

    assert the_card().status == "frozen"


def test_a_stop_of_the_issuer_stays(owed: Case) -> None:
    VirtualCard.objects.update(frozen_by="issuer")

    assert_refused(lambda: unfreeze(pay(owed)), "issuer stopped")


def test_another_debt_keeps_the_card_frozen(owed: Case) -> None:
    method = FundingMethod.objects.get(network="visa")
    other = FundingObligation.objects.create(
        cardholder=method.cardholder,
        reference="other",
        purchase="authorization:999",
        amount_minor=100,
        currency="USD",
        created_at=owed.opened_at,
        updated_at=owed.opened_at,
    )
    with transaction.atomic():
        cases.open_obligation_case(kind="receivable", obligation=other, summary="?")

    assert_refused(lambda: unfreeze(pay(owed)), "Another purchase")
    with override_settings(FREEZE_ON_RECEIVABLE=False):
        assert unfreeze(owed) == Unfrozen.ASKED


def test_the_holders_own_freeze_is_left_to_them(issuer: MockIssuer) -> None:
    obligation = bought()
    card = card_of(obligation)
    issuer.cards[card.issuer_card_id] = IssuedCard(card.issuer_card_id, "active", "visa", "0005", 12, 2099, "USD")
    holder = f"user:{card.cardholder.user_id}"
    freeze(holder)
    case = all_fail(obligation, SOFT)
    dunning.take_notice(case_id=case.pk)
    assert the_card().frozen_by == "one_card"

    assert unfreeze(pay(case)) == Unfrozen.HOLDERS

    assert (the_card().status, the_card().frozen_by) == ("frozen", "holder")
    assert_refused(lambda: unfreeze(case), "holder's own")
    cards.unfreeze(card=the_card(), requested_by=holder)
    assert the_card().status == "active"


def test_a_repeat_for_the_issuer_is_no_reason_of_its_own(owed: Case) -> None:
    CardChange.objects.create(
        card=the_card(),
        kind="freeze",
        status="done",
        reason="The issuer had active, we frozen.",
        requested_by="system:sync",
        created_at=owed.opened_at,
        updated_at=owed.opened_at,
    )

    assert unfreeze(pay(owed)) == Unfrozen.ASKED


def test_a_flag_still_stops_the_card(owed: Case) -> None:
    VirtualCard.objects.update(compliance_flags=[ComplianceFlag.FRAUD])
    pay(owed)

    with pytest.raises(CardRefusedError):
        unfreeze(owed)

    assert the_card().status == "frozen"
    assert not CaseNote.objects.exists()


def resting() -> set[str]:
    return set(FundingMethod.objects.filter(cooling_until__isnull=False).values_list("network", flat=True))


def test_the_cards_that_declined_it_are_charged_again_at_once(owed: Case) -> None:
    asked = resting()
    assert len(asked) > 1
    # One of them was declined for something else since, and rests for that.
    later = FundingMethod.objects.get(network="visa")
    with transaction.atomic():
        declines.cool_down(later, SOFT, actor="system:test")

    ended = paid_receivables.end_cooling(case=pay(owed), user=staff(), reason=WHY)

    assert {card.network for card in ended} == asked - {"visa"}
    assert resting() == {"visa"}
    assert Entry.objects.filter(action="method.changed").count() == len(ended)
    assert_refused(lambda: paid_receivables.end_cooling(case=owed, user=staff(), reason=WHY), "any more")


class TestPage:
    def test_a_paid_case_offers_both_and_says_what_will_happen(self, owed: Case) -> None:
        user = clerk()
        client = logged_in(user)
        assert act(owed, "unfreeze") not in client.get(page(owed)).content.decode()

        shown = client.get(page(pay(owed))).content.decode()
        assert act(owed, "unfreeze") in shown
        assert act(owed, "end-cooling") in shown
        asked = client.get(act(owed, "unfreeze")).content.decode()
        assert str(the_card()) in asked
        assert the_card().cardholder.name in asked
        assert "cools down until" in client.get(act(owed, "end-cooling")).content.decode()

        assert "can be chosen again" in sentences(press(owed, "end-cooling", user))
        assert "freeze for this case is ended" in sentences(press(owed, "unfreeze", user))
        assert the_card().status == "active"
        again = press(owed, "unfreeze", user)
        assert "nothing to unfreeze" in sentences(again)
        assert act(owed, "unfreeze") not in again.content.decode()

    def test_without_the_permission_nobody_unfreezes(self, owed: Case) -> None:
        from tests.wallet.admin.case_pages import staff as reader

        pay(owed)
        assert press(owed, "unfreeze", reader()).status_code == 403
        assert the_card().status == "frozen"


@pytest.mark.django_db(transaction=True)
def test_eight_presses_at_once_are_one_request(owed: Case) -> None:
    pay(owed)

    def press_it() -> str:
        return tried(lambda: unfreeze(owed))()

    results = at_once([press_it] * 8)

    assert "done" in results
    assert changes() == ["freeze", "unfreeze"]
    assert CaseNote.objects.filter(case=owed).count() == 1
    assert the_card().status == "active"


@pytest.mark.django_db(transaction=True)
def test_a_freeze_at_the_same_moment_is_never_undone(owed: Case) -> None:
    pay(owed)

    def press_it() -> str:
        try:
            return unfreeze(owed)
        except (CaseRefusedError, CardRefusedError) as error:
            return error.message

    def freeze_it() -> str:
        try:
            freeze("user:999999")
        except CardRefusedError:
            return "frozen already"
        return "frozen anew"

    _, froze = at_once([press_it, freeze_it])

    # A card that was frozen already needs no second freeze: then only the unfreezing came after it.
    expected = "frozen" if froze == "frozen anew" else "active"
    assert the_card().status == expected
