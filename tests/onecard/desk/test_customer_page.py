"""One page for one customer: what it says, to whom, and how many questions it asks of the database."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import trail
from audit.models import Entry
from issuing.cards import service as cards
from issuing.models import VirtualCard
from onecard.desk.customer import history
from onecard.kit import clock
from onecard.kit.transactions import transaction
from tests.support.back_office import logged_in, send, sentences, superuser, text_of
from tests.support.factories import CardholderFactory, FundingMethodFactory, UserFactory
from tests.support.purchases import approve_purchase, pay_charges
from tests.support.wallets import walkthrough_card
from wallet import cases
from wallet.cases import NO_MONEY
from wallet.charges.declines import cool_down
from wallet.kyc import review
from wallet.methods import changes
from wallet.models import Cardholder, Case, FundingMethod, PersonNote

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.fixture
def holder(card: VirtualCard) -> Cardholder:
    return card.cardholder


@pytest.fixture
def client() -> Client:
    return logged_in()


def page_of(holder: Cardholder, name: str = "person", *more: object) -> str:
    return reverse(f"desk:{name}", args=[holder.public_id, *more])


def staff_with(*permissions: str) -> Client:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return logged_in(user)


def test_shows_who_they_are_their_card_and_what_is_left(client: Client, holder: Cardholder, card: VirtualCard) -> None:
    approve_purchase(card, amount=4500)
    pay_charges()
    page = text_of(client.get(page_of(holder)))
    assert holder.name in page
    assert holder.phone in page
    assert holder.user.email in page
    assert str(card) in page
    assert "955.00 USD" in page, "left of the day"
    assert "Starbucks Coffee" in page
    assert all(str(method) in page for method in holder.funding_methods.all())


def test_each_button_leads_back_to_the_customer(client: Client, holder: Cardholder, card: VirtualCard) -> None:
    page = client.get(page_of(holder))
    (shown,) = page.context["cards"]
    (freeze,) = [each.page for each in shown.buttons if each.title == "Freeze"]
    assert freeze in page.content.decode().replace("&amp;", "&")
    asked = client.get(freeze)
    assert asked.context["confirmation"].back == page_of(holder)


def test_no_address_of_elsewhere_is_a_way_back(client: Client, card: VirtualCard) -> None:
    form = reverse("admin:issuing_virtualcard_freeze", args=[card.pk])
    for wanted in (
        "https://evil.example/admin/",
        "//evil.example/admin/",
        "/api/",
        "javascript:alert(1)",
        "/admin//evil",
    ):
        back = client.get(form, {"back": wanted}).context["confirmation"].back
        assert back.startswith("/admin/"), wanted
        assert "evil.example" not in back


def test_a_cooling_card_says_until_when_and_why(client: Client, holder: Cardholder) -> None:
    method = holder.funding_methods.first()
    assert method is not None
    with transaction():
        cool_down(method, "insufficient_funds", actor="processor:stripe")
    page = text_of(client.get(page_of(holder)))
    assert "because its bank declined a charge: insufficient funds" in page
    assert page_of(holder, "person-end-cooling", method.public_id) in page


def test_the_end_of_a_pause_needs_a_reason_and_happens_once(client: Client, holder: Cardholder) -> None:
    method = FundingMethodFactory(cardholder=holder, cooling_until=clock.now() + dt.timedelta(hours=3))
    address = page_of(holder, "person-end-cooling", method.public_id)
    assert client.post(address, {"reason": "  "}).status_code == 200
    assert FundingMethod.objects.get(pk=method.pk).cooling_until is not None
    assert client.post(address, {"reason": "Their bank says it is fine."}).url == page_of(holder)
    again = client.post(address, {"reason": "Their bank says it is fine."})
    assert "does not cool down any more" in sentences(again)
    assert FundingMethod.objects.get(pk=method.pk).cooling_until is None
    assert (
        Entry.objects.filter(action="method.cooling_ended", details__reason="Their bank says it is fine.").count() == 1
    )


def test_a_card_of_another_wallet_is_not_found(client: Client, holder: Cardholder) -> None:
    foreign = FundingMethodFactory(cooling_until=clock.now() + dt.timedelta(hours=3))
    address = page_of(holder, "person-end-cooling", foreign.public_id)
    assert client.post(address, {"reason": "Mistaken."}).status_code == 404
    assert FundingMethod.objects.get(pk=foreign.pk).cooling_until is not None


def order_of(holder: Cardholder) -> list[uuid.UUID]:
    return [each.public_id for each in changes.cards_of(holder)]


def test_the_wallet_is_ordered_by_buttons_without_script(client: Client, holder: Cardholder) -> None:
    before = order_of(holder)
    answer = client.post(page_of(holder, "person-order"), {"shown": before, "move": f"{before[2]}:up"})
    assert answer.status_code == 302
    assert order_of(holder) == [before[0], before[2], before[1], before[3]]
    client.post(page_of(holder, "person-order"), {"shown": order_of(holder), "move": f"{before[0]}:down"})
    assert order_of(holder) == [before[2], before[0], before[1], before[3]]


def test_the_wallet_is_ordered_by_dragging(client: Client, holder: Cardholder) -> None:
    before = order_of(holder)
    wanted = list(reversed(before))
    client.post(page_of(holder, "person-order"), {"shown": before, "order": ",".join(map(str, wanted))})
    assert order_of(holder) == wanted


@pytest.mark.parametrize("wrong", ["stale", "foreign", "twice", "nonsense", "empty", "no such move"])
def test_a_wrong_order_changes_nothing(client: Client, holder: Cardholder, wrong: str) -> None:
    before = order_of(holder)
    sent: dict[str, Any] = {"shown": before, "order": ",".join(map(str, before))}
    sent |= {
        "stale": {"shown": list(reversed(before))},
        "foreign": {"order": ",".join(map(str, [*before[:-1], uuid.uuid4()]))},
        "twice": {"order": ",".join(map(str, [before[0], *before]))},
        "nonsense": {"order": "a,b"},
        "empty": {"order": ""},
        "no such move": {"move": f"{uuid.uuid4()}:up"},
    }[wrong]
    answer = client.post(page_of(holder, "person-order"), sent, follow=True)
    assert answer.status_code == 200
    assert "its order stayed" in sentences(answer)
    assert order_of(holder) == before


def test_a_note_says_who_and_when_and_is_kept_once(client: Client, holder: Cardholder) -> None:
    address = page_of(holder, "person-note")
    for _press in range(2):
        assert send(client, address, text="Called from the airport.\nWants a call back.").status_code == 302
    note = PersonNote.objects.get()
    page = text_of(client.get(page_of(holder)))
    assert "Called from the airport." in page
    assert note.author.username in page
    assert Entry.objects.filter(action="cardholder.noted", subject_id=str(holder.pk)).count() == 1


@pytest.mark.parametrize("text", ["", "   ", "The card is 4242 4242 4242 4242", "4242424242424242", "x" * 2001])
def test_an_empty_note_or_one_with_a_card_number_is_refused(client: Client, holder: Cardholder, text: str) -> None:
    answer = client.post(page_of(holder, "person-note"), {"text": text})
    assert answer.status_code == 200
    assert not PersonNote.objects.exists()


def test_nobody_changes_or_deletes_a_note(holder: Cardholder) -> None:
    note = PersonNote.objects.create(cardholder=holder, author=superuser(), text="Called.", created_at=clock.now())
    for change in (lambda: PersonNote.objects.filter(pk=note.pk).update(text="Other."), note.delete):
        with pytest.raises(Exception, match="wallet_personnote"), transaction():
            change()


def test_the_identity_check_is_approved_from_the_page(client: Client, holder: Cardholder) -> None:
    Cardholder.objects.filter(pk=holder.pk).update(kyc_status="not_started")
    first = CardholderFactory(kyc_status="not_started")
    for each in (first, holder):
        review.submit(cardholder_id=each.pk, actor="user:1", by_staff=True)
    page = client.get(page_of(holder))
    assert "at place 2 of the queue" in text_of(page)
    (approve,) = [each.page for each in page.context["identity"].buttons if each.title == "Approve"]
    assert send(client, approve, reason="Passport seen.").url == page_of(holder)
    after = text_of(client.get(page_of(holder)))
    assert "Passport seen." in after
    assert Cardholder.objects.get(pk=holder.pk).kyc_status == "verified"


def test_cases_of_every_kind_of_reference_are_the_persons(
    client: Client, holder: Cardholder, card: VirtualCard
) -> None:
    approve_purchase(card)
    purchase = card.authorizations.get()
    obligation = holder.obligations.get()
    kind = Case.Kind.RECONCILIATION
    mine = [purchase.reference, f"card:{card.issuer_card_id}"]
    with transaction():
        for reference in (*mine, "authorization:999999", "card:ic_other"):
            cases.open_case(kind=kind, reference=reference, money=NO_MONEY, summary="Look.")
        cases.open_obligation_case(kind=Case.Kind.RECEIVABLE, obligation=obligation, summary="Owed.")
    shown = client.get(page_of(holder)).context["cases"]
    assert {each.row.reference for each in shown} == {*mine, f"obligation:{obligation.pk}"}


def test_history_says_in_words_who_did_what_and_why(client: Client, holder: Cardholder, card: VirtualCard) -> None:
    staff = UserFactory(username="olga", is_staff=True)
    cards.freeze(card=card, reason="Lost at the beach.", requested_by=f"user:{staff.pk}")
    changes.prefer(holder, "rewards", actor=f"user:{holder.user_id}", check=lambda _: None)
    changes.reorder(holder, list(reversed(order_of(holder))), actor=f"user:{staff.pk}", check=lambda _: None)
    lines = history.history_of(holder, before=None, length=50).rows
    said = [(each.who, each.words, each.reason) for each in lines]
    assert ("olga", "The card was frozen", "Lost at the beach.") in said
    assert (holder.name, "The wallet was changed", "") in said
    assert [each[1] for each in said].count("The order of the wallet was changed") == 1
    assert ["preference: cash → rewards"] in [each.changes for each in lines]
    page = text_of(client.get(page_of(holder, "person-history")))
    assert "Reason: Lost at the beach." in page


def test_an_entry_that_nobody_has_words_for_is_shown_anyway(client: Client, holder: Cardholder) -> None:
    with transaction():
        trail.record(actor="system:newer", action="cardholder.of_a_newer_release", subject=holder, what=[1, {"a": 2}])
        trail.record(actor="user:99999", action="cardholder.flag_set", subject=holder)
    page = text_of(client.get(page_of(holder)))
    assert "Cardholder: of a newer release" in page
    assert "Compliance flag set: -" in page


def test_history_is_paged_without_gap_or_repetition(holder: Cardholder) -> None:
    with transaction():
        for number in range(25):
            trail.record(actor="user:1", action="cardholder.flag_set", subject=holder, flag="x", number=number)
    first = history.history_of(holder, before=None, length=10)
    second = history.history_of(holder, before=first.next_before, length=10)
    third = history.history_of(holder, before=second.next_before, length=10)
    numbers = [each.entry.details["number"] for found in (first, second, third) for each in found.rows]
    assert numbers == list(reversed(range(25)))
    assert third.next_before is None


def test_another_persons_things_are_not_shown(client: Client, holder: Cardholder) -> None:
    other = walkthrough_card(last_four="7777").cardholder
    Cardholder.objects.filter(pk=other.pk).update(name="Somebody Else")
    cards.freeze(card=other.virtual_cards.get(), reason="Stolen in Rome.", requested_by="user:1")
    page = text_of(client.get(page_of(holder)))
    assert "Stolen in Rome." not in page
    assert "7777" not in page


def test_a_page_shows_no_part_that_the_user_may_not_see(holder: Cardholder) -> None:
    page = staff_with("view_cardholder").get(page_of(holder))
    assert page.status_code == 200
    for part in ("cards", "purchases", "cases", "disputes", "rewards", "messages_sent", "history"):
        assert page.context[part] is None, part
    assert "Add a note" not in text_of(page)
    assert "move" not in text_of(page)
    may_see = staff_with("view_cardholder", "view_authorization").get(page_of(holder))
    assert may_see.context["purchases"] is not None


@pytest.mark.parametrize("name", ["person", "person-history", "person-purchases", "person-messages", "person-note"])
def test_nobody_without_permission_opens_a_page(holder: Cardholder, name: str) -> None:
    assert staff_with("view_case").get(page_of(holder, name)).status_code == 403
    assert Client().get(page_of(holder, name)).status_code == 302
    person = logged_in(holder.user)
    assert person.get(page_of(holder, name)).status_code in (302, 403)


def test_nobody_without_permission_writes(holder: Cardholder) -> None:
    method = FundingMethodFactory(cardholder=holder, cooling_until=clock.now() + dt.timedelta(hours=3))
    before, reader = order_of(holder), staff_with("view_cardholder")
    for name, more, sent in (
        ("person-note", (), {"text": "Called."}),
        ("person-order", (), {"shown": before, "order": ",".join(map(str, reversed(before)))}),
        ("person-end-cooling", (method.public_id,), {"reason": "Fine."}),
    ):
        assert reader.post(page_of(holder, name, *more), sent).status_code == 403, name
    assert not PersonNote.objects.exists()
    assert order_of(holder) == before
    assert FundingMethod.objects.get(pk=method.pk).cooling_until is not None


def test_the_search_leads_to_the_only_one_found(client: Client, holder: Cardholder) -> None:
    Cardholder.objects.filter(pk=holder.pk).update(name="Grace Hopper")
    assert client.get(reverse("desk:people"), {"q": "hopper"}).url == page_of(holder)
    nobody = text_of(client.get(reverse("desk:people"), {"q": "nobody <b>"}))
    assert "Nobody is found" in nobody
    assert "nobody <b>" not in nobody
    CardholderFactory(name="Grace Kelly")
    both = text_of(client.get(reverse("desk:people"), {"q": "grace"}))
    assert "Grace Hopper" in both
    assert "Grace Kelly" in both


def test_the_key_of_the_trail_leads_to_the_person(client: Client, holder: Cardholder) -> None:
    assert client.get(reverse("desk:person-of-key", args=[holder.pk])).url == page_of(holder)
    for key in (0, 2**62, 2**80):
        assert client.get(f"/admin/people/key/{key}/").status_code == 404


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "", "\u0661"])
def test_a_page_from_nowhere_begins_at_the_newest(client: Client, holder: Cardholder, before: str) -> None:
    assert client.get(page_of(holder, "person-history"), {"before": before}).status_code == 200


def test_the_number_of_queries_does_not_grow(client: Client, holder: Cardholder, card: VirtualCard) -> None:
    approve_purchase(card, amount=100)
    pay_charges()

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page_of(holder)).status_code == 200
        return len(queries)

    asked()
    before = asked()
    for number in range(12):
        approve_purchase(card, amount=100 + number)
    pay_charges()
    FundingMethodFactory.create_batch(3, cardholder=holder)
    assert asked() <= before + 2
    assert before < 80
