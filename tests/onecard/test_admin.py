"""The back office as a whole: the door, the first page, what is read-only, and what a page costs."""

import datetime as dt
import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.staticfiles import finders
from django.db import connection
from django.db.models import F, Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import Entry
from issuing.models import (
    Authorization,
    CardChange,
    CardFunding,
    CardTransaction,
    Dispute,
    Hold,
    IssuerControl,
    IssuerEvent,
    LegacyDocument,
    RewardEntry,
    SpendWindow,
    SyncDifference,
    SyncRun,
)
from issuing.operations import hourly_sums
from onecard.integrations.models import Delivery, Endpoint
from onecard.kit import clock
from onecard.notices.models import Notice
from onecard.outbox.models import Message
from onecard.users.models import User
from routing.models import MerchantCategory, RankingDraft, RankingPreview, RankingRow
from tests.onecard.admin_pages import listed_models, page, purchases
from tests.support import stripe_events
from tests.support.back_office import logged_in, send, sentences, superuser, text_of
from tests.support.factories import CardholderFactory, CardProductFactory, FundingMethodFactory, UserFactory
from tests.support.wallets import walkthrough_card
from wallet.models import (
    Cardholder,
    CardProduct,
    CarriedAmount,
    Case,
    EnteredAmount,
    FundingCharge,
    FundingDispute,
    FundingObligation,
    FundingRefund,
    Posting,
)

pytestmark = pytest.mark.django_db


EVIDENCE = (
    Authorization,
    CardChange,
    CardFunding,
    CardTransaction,
    Case,
    Delivery,
    Dispute,
    Endpoint,
    EnteredAmount,
    Entry,
    CarriedAmount,
    FundingCharge,
    FundingDispute,
    FundingObligation,
    FundingRefund,
    Hold,
    IssuerControl,
    IssuerEvent,
    LegacyDocument,
    Message,
    Notice,
    Posting,
    RankingDraft,
    RankingPreview,
    RankingRow,
    RewardEntry,
    SpendWindow,
    SyncDifference,
    SyncRun,
)


def test_an_empty_overview_says_how_to_get_a_first_purchase() -> None:
    shown = text_of(logged_in().get("/admin/"))

    assert "oc-badge" not in shown
    assert "No purchases yet" in shown
    assert "manage.py purchase" in shown
    assert "Every approval is paid for" in shown


def test_the_overview_counts_today_and_what_waits() -> None:
    card = walkthrough_card()
    purchases(2, card=card)
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=10_000_000))
    FundingCharge.objects.update(status="intended", finished_at=None)
    # What asks a person for money is not counted twice.
    Case.objects.update(kind="by_hand", reference=F("id"))
    # What a disputed movement is of began long before.
    Authorization.objects.filter(decisions=None).update(created_at=clock.now() - dt.timedelta(days=9))
    hourly_sums.refresh()
    with clock.ahead(dt.timedelta(minutes=5)):
        answer, later = logged_in().get("/admin/"), clock.now()

    tiles = {tile.title: tile for tile in answer.context["tiles"]}
    if later.time() > dt.time(0, 6):  # Shortly after midnight the purchases were yesterday's.
        assert (tiles["Approved today"].value, tiles["Declined by us today"].value) == ("2", "1")
    assert (tiles["Open cases"].value, tiles["Open cases"].note) == ("2", "2.00 USD at stake")
    assert (tiles["Oldest uncharged approval"].value, tiles["Oldest uncharged approval"].tone) == ("5 min", "bad")
    # Two charges, a mail and a delivery.
    assert (tiles["Outbox waiting"].value, tiles["Outbox waiting"].tone) == ("4", "bad")
    assert "Starbucks Coffee" in text_of(answer)


def test_who_may_nothing_is_told_so_and_shown_nothing() -> None:
    purchases(1)

    shown = text_of(logged_in(UserFactory(is_staff=True)).get("/admin/"))

    assert "Your login has no permissions" in shown
    assert "Starbucks" not in shown


@pytest.mark.some_in_suite(8)
@pytest.mark.parametrize("model", EVIDENCE)
def test_evidence_is_not_added_changed_or_deleted_even_by_a_superuser(model: type[Model]) -> None:
    purchases(1)
    client, row = logged_in(), model._default_manager.latest("pk")
    before = list(model._default_manager.order_by("pk").values())

    answers = [
        client.get(page(model, "add")),
        client.post(page(model, "add"), {}),
        client.post(page(model, "change", row.pk), {"status": "resolved", "amount_minor": "1"}),
        client.get(page(model, "delete", row.pk)),
        client.post(page(model, "delete", row.pk), {"post": "yes"}),
        client.post(
            page(model, "changelist"), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
        ),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert list(model._default_manager.order_by("pk").values()) == before
    assert client.get(page(model, "change", row.pk)).status_code == 200


def test_decisions_have_no_page_of_their_own_to_edit_them_on() -> None:
    assert "issuing_decision" not in {f"{m._meta.app_label}_{m._meta.model_name}" for m in admin.site._registry}


@pytest.mark.only_in_proofs
def test_a_list_costs_the_same_number_of_queries_however_long_it_is() -> None:
    client = logged_in()
    costs = []
    for _ in range(2):
        purchases(3)
        FundingMethodFactory.create_batch(3)
        for holder in CardholderFactory.create_batch(3):
            send(client, page(Cardholder, "change", holder.pk), name=f"{holder.name}, renamed")
        costs.append({model: queries_of(client, page(model, "changelist")) for model in listed_models()})

    assert costs[0] == costs[1]
    assert {model: count for model, count in costs[1].items() if count > 12} == {}


def queries_of(client: Client, url: str) -> int:
    """How many queries a page costs that was opened before; what is remembered for seconds may end in between, once."""
    client.get(url)
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200, url
        costs.append(len(queries))
    return min(costs)


@pytest.mark.some_in_suite(14)
@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_every_page_opens_and_asks_nothing_of_other_hosts(model: type[Model]) -> None:
    purchases(1)
    Group.objects.create(name="Support")
    CardProductFactory()
    client, row = logged_in(), model._default_manager.order_by("pk").last()
    assert row is not None

    pages = ("changelist", ()), ("change", (row.pk,)), ("history", (row.pk,))
    for url in (page(model, view, *args) for view, args in pages):
        answer = client.get(url)
        assert answer.status_code == 200, url
        outside = re.findall(r"""(?:src|href|action)=["'](?:https?:)?//[^"']+""", answer.content.decode())
        assert outside == [], url
        # A link in a link leads to where the inner one does, so nobody could open the row.
        assert not re.search(r"<a [^>]*>\s*<a ", answer.content.decode()), url


def test_the_stylesheet_asks_nothing_of_other_hosts_either() -> None:
    found = finders.find("onecard/backoffice.css")

    assert isinstance(found, str)
    assert not re.search(r"@import|url\(", Path(found).read_text(encoding="utf-8"))
    served = Client().get("/static/onecard/backoffice.css")
    served.close()
    assert served.status_code == 200


@pytest.mark.some_in_suite(10)
@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_who_may_only_look_can_look_and_not_write(model: type[Model]) -> None:
    purchases(1)
    CardProductFactory()
    Group.objects.create(name="Support")
    clerk, row = UserFactory(is_staff=True), model._default_manager.order_by("pk").last()
    assert row is not None
    clerk.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
    client = logged_in(clerk)

    assert client.get(page(model, "changelist")).status_code == 200
    assert client.get(page(model, "change", row.pk)).status_code == 200
    for answer in (client.post(page(model, "change", row.pk), {}), client.post(page(model, "add"), {})):
        assert answer.status_code == 403


@pytest.mark.parametrize("model", [Cardholder, CardProduct, MerchantCategory, User, Group])
def test_the_form_for_a_new_row_opens(model: type[Model]) -> None:
    assert logged_in().get(page(model, "add")).status_code == 200


def test_a_new_wallet_is_in_the_trail() -> None:
    owner = UserFactory()

    answer = send(
        logged_in(), page(Cardholder, "add"), user=str(owner.pk), name="Ada", kyc_status="pending", preference="cash"
    )

    assert answer.status_code == 302
    assert Entry.objects.get(action="cardholder.added").details["changes"]["name"] == [None, "Ada"]


def test_powers_that_are_given_are_in_the_trail() -> None:
    group, other = Group.objects.create(name="Support"), UserFactory()

    send(logged_in(), page(User, "change", other.pk), is_staff="on", groups=str(group.pk))

    details = {key: value for entry in Entry.objects.all() for key, value in entry.details["changes"].items()}
    assert details == {"is_staff": [False, True], "groups": [[], ["Support"]]}


def test_only_superusers_hand_out_powers_or_touch_superusers() -> None:
    clerk, boss = UserFactory(is_staff=True), superuser()
    clerk.user_permissions.add(*Permission.objects.filter(content_type__app_label__in=("users", "auth")))
    client = logged_in(clerk)

    send(client, page(User, "change", clerk.pk), is_superuser="on", first_name="Clara")
    on_boss = client.post(page(User, "change", boss.pk), {"username": "taken"})
    password = client.post(reverse("admin:auth_user_password_change", args=[boss.pk]), {"password1": "x"})
    group = client.post(page(Group, "add"), {"name": "All"})

    clerk.refresh_from_db()
    assert (clerk.first_name, clerk.is_superuser) == ("Clara", False)
    assert [on_boss.status_code, password.status_code, group.status_code] == [403, 403, 403]


def test_nobody_deletes_a_login() -> None:
    other = UserFactory()

    assert logged_in().post(page(User, "delete", other.pk), {"post": "yes"}).status_code == 403


def test_an_edit_and_its_entry_are_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    other = UserFactory(first_name="Before")

    def fail(**_details: object) -> None:
        raise RuntimeError("the trail cannot be written")

    monkeypatch.setattr("audit.trail.record", fail)
    client = logged_in()
    with pytest.raises(RuntimeError):
        send(client, page(User, "change", other.pk), first_name="After")

    other.refresh_from_db()
    assert other.first_name == "Before"


def test_a_duplicate_name_is_a_sentence() -> None:
    UserFactory(username="taken")
    answer = send(logged_in(), page(User, "change", UserFactory().pk), username="taken")

    assert answer.status_code == 200
    assert "Another login has this name" in sentences(answer)


def test_digits_of_another_script_are_no_code() -> None:
    """A category that looks like 5812 and matches no purchase would help nobody."""
    answer = send(logged_in(), page(MerchantCategory, "add"), code="\uff15\uff18\uff11\uff12", description="Food")

    assert "Write the digits as 0 to 9." in sentences(answer)
    assert not MerchantCategory.objects.filter(description="Food").exists()
