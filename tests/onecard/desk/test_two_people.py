"""Two-person rules on the pages: said before one starts, and held against one person with two tabs.

One rule after the other: what a person asks for in a tab they cannot agree to in another, nor in another login with the
same mailbox; and of two second persons who agree at the same moment one does it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from issuing.controls import life
from issuing.models import Authorization, CardFunding, CardTransaction, ControlVersion, VirtualCard
from onecard.kit import clock
from routing.models import RankingDraft, RankingRow
from tests.issuing.clearing.test_currency_conversion import unknown
from tests.issuing.clearing.test_match_correction import of
from tests.issuing.clearing.test_match_proposals import Crossed
from tests.routing.rankings.drafting import previewed
from tests.support.back_office import logged_in, opened, send, superuser, text_of
from tests.support.factories import CardholderFactory, FundingMethodFactory, UserFactory, VirtualCardFactory
from tests.support.purchases import approve_purchase, deliver_events, run_workers, transaction_event, update_event
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from tests.wallet.admin.case_pages import act
from tests.wallet.charges.unpaid import receivable
from wallet.models import Case, EnteredAmount, FundingRefund, Posting

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "They rang and asked for it."
MUST = "and you cannot be that person"


@dataclass(frozen=True)
class Start:
    """A page on which something begins that takes two people, and what is typed there."""

    page: str
    typed: dict[str, str]
    # How often it was done.
    done: Callable[[], int]
    # The page on which the second person agrees, once it was asked for.
    agrees: Callable[[], str]


def entered_page() -> str:
    return reverse("admin:wallet_enteredamount_agree", args=[EnteredAmount.objects.get().pk])


def limits() -> Start:
    card = VirtualCardFactory()
    return Start(
        reverse("admin:issuing_virtualcard_change_limits", args=[card.pk]),
        {"daily_limit": "10,000.01", "monthly_limit": "20,000", "reason": WHY},
        VirtualCard.objects.filter(monthly_limit_minor=2_000_000).count,
        entered_page,
    )


def refund() -> Start:
    asked = approve_purchase(walkthrough_card())
    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"))
    run_workers()
    page = reverse("admin:issuing_authorization_refund", args=[Authorization.objects.get().pk])
    return Start(page, {"amount": "15.00", "reason": WHY}, FundingRefund.objects.count, entered_page)


def top_up() -> Start:
    source = FundingMethodFactory(cardholder=CardholderFactory())
    card = VirtualCardFactory(cardholder=source.cardholder)
    page = reverse("admin:issuing_virtualcard_put_money", args=[card.pk])
    return Start(page, {"amount": "15.00", "source": str(source.pk)}, CardFunding.objects.count, entered_page)


def conversion() -> Start:
    unknown(walkthrough_card())
    page = reverse("admin:issuing_cardtransaction_enter_worth", args=[CardTransaction.objects.get().pk])
    done = CardTransaction.objects.filter(purchase_minor=4320).count
    return Start(page, {"amount": "43.20", "reason": WHY}, done, entered_page)


def link() -> Start:
    crossed = Crossed("refund", 3000)
    page = reverse("admin:issuing_cardtransaction_correct_link", args=[crossed.pk])
    his = of(crossed.his).pk
    done = CardTransaction.objects.filter(pk=crossed.pk, authorization=his).count
    return Start(page, {"purchase": str(his), "reason": WHY}, done, entered_page)


def own_money() -> Start:
    typed = {"place": "issuer:marqeta", "way": "sent", "currency": "USD", "amount": "15.00", "reason": WHY}
    day = clock.now().date().isoformat()
    page = reverse("admin:wallet_owntransfer_enter_own_money")
    return Start(page, {**typed, "moved_on": day}, Posting.objects.count, entered_page)


def given_up(name: str, kind: str) -> Start:
    case = receivable()
    return Start(act(case, name), {"reason": WHY}, Posting.objects.filter(kind=kind).count, lambda: act(case, "agree"))


def rankings() -> Start:
    return Start(
        reverse("admin:routing_rankingrow_new_ranking"),
        {"draft": "new", "mcc": "5812", "card": "n:visa", "reward_rate": "3", "reward_type": "cash"},
        RankingRow.objects.count,
        lambda: reverse("admin:routing_rankingdraft_publish", args=[previewed(RankingDraft.objects.get()).pk]),
    )


def control() -> Start:
    typed = {
        "name": "No bets", "applies_to": "programme", "currency": "usd", "attribute_0": "mcc", "operator_0": "is",
        "value_0": "7995", "action": "decline", "reason_code": "no_bets", "sentence": "This card pays for no bets.",
    }  # fmt: skip
    done = ControlVersion.objects.filter(reason_code="no_bets", state="active").count
    return Start(reverse("admin:issuing_control_new_control"), typed, done, publish_page)


def publish_page() -> str:
    """The page of the second person, once the author took the draft into shadow."""
    version = ControlVersion.objects.get(reason_code="no_bets")
    life.to_shadow(version, actor=version.author)
    return reverse("admin:issuing_control_publish", args=[version.control_id])


# By the kind of amount or proposal.
STARTS = {
    "limits": limits,
    "top_up": top_up,
    "refund": refund,
    "worth": conversion,
    "link": link,
    "own_money": own_money,
    "write_off": partial(given_up, "ask-write-off", "write_off"),
    "outside": partial(given_up, "ask-outside", "outside"),
    "rankings": rankings,
    "controls": control,
}


@pytest.fixture(autouse=True)
def _threshold(settings: Any) -> None:
    settings.TWO_PERSON_ABOVE = 1_000


def test_every_kind_that_takes_two_people_is_tried_here() -> None:
    assert set(STARTS) == {*EnteredAmount.Kind.values, *Case.Proposal.values, "rankings", "controls"}


@pytest.mark.some_in_suite(3)
@pytest.mark.parametrize("rule", STARTS)
def test_one_person_with_two_tabs_is_one_person_and_two_agree_once(rule: str) -> None:
    start, ada = STARTS[rule](), superuser()
    others = [UserFactory(is_staff=True, is_superuser=True, first_name=name) for name in ("Bo", "Cleo")]
    twin = UserFactory(is_staff=True, is_superuser=True, email=ada.email.upper(), first_name="Ada's other login")
    tab, other_tab = logged_in(ada), logged_in(ada)

    asked = text_of(tab.get(start.page))
    assert MUST in asked
    assert "May approve now: Bo, Cleo." in asked
    assert send(tab, start.page, **start.typed).status_code == 302
    assert start.done() == 0

    page = start.agrees()
    seen = opened(logged_in(others[0]), page) | {"reason": "Seen on the receipt"}
    own = [tab, other_tab, logged_in(twin)]
    at_once([partial(press, each, page, seen) for each in own])
    assert start.done() == 0

    at_once([partial(press, logged_in(each), page, seen) for each in others])
    run_workers()
    assert start.done() == 1
    assert agreed_by() in {each.pk for each in others}


def press(client: Client, page: str, values: dict[str, str]) -> None:
    assert client.post(page, values).status_code in (200, 302)


def agreed_by() -> int | None:
    """The one who agreed, wherever it was written down."""
    published = ControlVersion.objects.filter(reason_code="no_bets", state="active")
    found = [
        *EnteredAmount.objects.exclude(agreed_by=None).values_list("agreed_by", flat=True),
        *Case.objects.exclude(agreed_by=None).values_list("agreed_by", flat=True),
        *RankingDraft.objects.exclude(published_by=None).values_list("published_by", flat=True),
        *(int(each.removeprefix("user:")) for each in published.values_list("publisher", flat=True)),
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "page",
    ["rankingdraft_new_draft", "rankingrow_import_file", "rankingrow_new_ranking"],
)
def test_each_way_to_a_draft_says_who_publishes_it(page: str) -> None:
    UserFactory(is_staff=True, is_superuser=True, first_name="Bo")
    shown = text_of(logged_in().get(reverse(f"admin:routing_{page}")))
    assert "A second person must publish it, and you cannot be that person." in shown
    assert "May approve now: Bo." in shown


def test_a_proposal_that_waits_names_who_may_agree() -> None:
    UserFactory(is_staff=True, is_superuser=True, first_name="Bo")
    start, ada = limits(), superuser()
    answer = logged_in(ada).post(start.page, opened(logged_in(ada), start.page) | start.typed, follow=True)

    assert "May approve now: Bo." in text_of(answer)
    row = reverse("admin:wallet_enteredamount_change", args=[EnteredAmount.objects.get().pk])
    assert "May approve now: Bo." in text_of(logged_in(ada).get(row))
    EnteredAmount.objects.update(status="withdrawn")
    assert "May approve now" not in text_of(logged_in(ada).get(row))
