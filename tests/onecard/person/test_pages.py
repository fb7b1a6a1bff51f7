"""What a cardholder sees on their pages, who may see them, and under which content policy."""

import datetime as dt
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from issuing.models import Authorization, Decision, VirtualCard
from issuing.rewards import sweep
from onecard.api import throttles
from onecard.kit import clock
from tests.onecard.api.activity.test_purchases import buy
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import CardholderFactory, UserFactory, VirtualCardFactory
from tests.support.wallets import walkthrough_card
from wallet.models import FundingMethod

pytestmark = pytest.mark.django_db
PAGES = (
    *("/", "/purchases", "/which-card", "/which-card?what=5812&amount=45", "/rewards", "/rewards?by=card"),
    *("/rewards/month", "/rewards/month/2026-10"),
    *("/start", "/profile", "/terms", "/identity", "/card/ask", "/wallet", "/wallet/add", "/disputes", "/notices"),
    *("/notices/settings", "/account", "/security", "/security/password", "/login/again"),
)


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1", daily_limit_minor=10_000, last_four="0005")


@pytest.fixture
def client(card: VirtualCard) -> Client:
    return logged_in(card.cardholder.user)


def words(client: Client, page: str) -> str:
    """The page's words without tags."""
    answer = client.get(page)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_first_page_shows_the_card_its_limits_and_the_wallet(card: VirtualCard, client: Client) -> None:
    buy(card)

    shown = words(client, "/")

    assert "•••• 0005" in shown
    assert "Active" in shown
    assert "One purchase 55.00 USD left of 100.00 USD" in shown
    assert "Today 55.00 USD left of 100.00 USD" in shown
    assert re.search(r"Renews \d+ \w+, 00:00", shown)
    wallet = shown[shown.index("Your wallet") :]
    names = [each.name for each in card.cardholder.funding_methods.order_by("position")]
    assert [wallet.index(name) for name in names] == sorted(wallet.index(name) for name in names)
    assert wallet.count("Ready") == 4
    assert "Backup" in wallet


def test_a_purchase_says_which_card_pays_and_why(card: VirtualCard, client: Client) -> None:
    name = buy(card, captured=True)

    for page in ("/", "/purchases", f"/purchases/{name}"):
        shown = words(client, page)
        assert "Starbucks Coffee" in shown
        assert "45.00 USD" in shown
        assert "No card pays cash here, and no card is significantly better than the backup." in shown
    assert "Approved 45.00 USD" in shown
    assert "The merchant took 45.00 USD" in shown
    assert "3 x 0.5 = 1.5 135 points 1.35 USD" in shown
    assert "Routing gained 0.90 USD" in shown


def test_the_benefit_of_this_month_is_summed_up(card: VirtualCard, client: Client) -> None:
    buy(card)
    sweep.sweep()

    assert "Benefit this month 0.90 USD" in words(client, "/")
    for by in ("month", "card", "category"):
        shown = words(client, f"/rewards?by={by}")
        assert "135 points" in shown
        assert "Benefit 0.90 USD" in shown
    assert words(client, "/rewards?by=nothing") == words(client, "/rewards?by=month")


def test_a_decline_is_explained_in_a_sentence(card: VirtualCard, client: Client) -> None:
    buy(card)
    name = buy(card, amount=5_501)

    for page in ("/", "/purchases", f"/purchases/{name}"):
        assert "55.01 USD is more than what is left of your daily limit of 100.00 USD" in words(client, page)


def test_filters_and_pages_show_each_purchase_once(
    card: VirtualCard, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onecard.person.purchases.PAGE", 2)
    names = [buy(card, amount=100 + place) for place in range(5)]
    seen, page = [], "/purchases?merchant=starb"
    while page:
        html = client.get(page).content.decode()
        seen += re.findall(r'href="/purchases/([^"?]+)"', html)
        older = re.search(r'href="\?([^"]+)">Older', html)
        page = f"/purchases?{older[1].replace('&amp;', '&')}" if older else ""
        assert not older or "merchant=starb" in older[1]
    assert seen == names[::-1]

    today = clock.now().astimezone(dt.UTC).date()
    for query, count in (
        ("merchant=tea", 0), ("merchant=5812", 2), ("status=open", 2), ("status=declined", 0),
        (f"since={today - dt.timedelta(days=1)}", 2), (f"until={today - dt.timedelta(days=2)}", 0),
    ):  # fmt: skip
        html = client.get(f"/purchases?{query}").content.decode()
        assert html.count('class="line"') == count, query


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=yesterday", "Enter a valid date."),
        ("status=lost", "Select a valid choice."),
        ("since=2026-02-02&until=2026-02-01", "This day is before the first one."),
    ],
)
def test_a_wrong_filter_is_said_beside_it(client: Client, query: str, sentence: str) -> None:
    assert sentence in words(client, f"/purchases?{query}")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("what=58&amount=45", "An MCC has four digits"),
        ("what=sdkfjh&amount=45", "No kind of shop has this in its name."),
        ("what=5812&amount=0", "It must be more than zero."),
        ("what=5812&amount=4.5.1", "is not an amount of USD"),
        ("what=&amount=45", "This field is required."),
        ("what=5812", "This field is required."),
    ],
)
def test_a_wrong_question_is_said_beside_it(client: Client, query: str, sentence: str) -> None:
    assert sentence in words(client, f"/which-card?{query}")


def test_the_preview_ranks_and_stores_nothing(client: Client) -> None:
    shown = words(client, "/which-card?what=5812&amount=45")

    assert "135 points" in shown
    assert "Pays" in shown
    assert not Decision.objects.exists()
    assert "Which of these?" in words(client, "/which-card?what=store&amount=45")


def test_empty_pages_say_what_to_do() -> None:
    client = logged_in(CardholderFactory().user)

    assert "You have no card yet" in words(client, "/")
    assert "You have no funding card yet" in words(client, "/")
    assert "No purchase yet" in words(client, "/purchases")
    assert "No purchase fits" in words(client, "/purchases?merchant=x")
    assert "Nothing earned yet" in words(client, "/rewards")
    assert "No card of yours could be charged" in words(client, "/which-card?what=5812&amount=1")
    newcomer = logged_in(UserFactory())
    assert newcomer.get("/")["Location"] == "/start"
    assert "Your profile is not complete" in words(newcomer, "/start")


def test_who_is_not_verified_reads_what_is_missing() -> None:
    holder = CardholderFactory(kyc_status="not_started", birth_date=None)

    shown = words(logged_in(holder.user), "/")

    assert "Complete your profile and submit it" in shown
    assert "Still missing in your profile:" in shown
    assert "the date of birth" in shown


def test_the_state_of_each_funding_card_is_said(card: VirtualCard, client: Client) -> None:
    first, second, third, _ = card.cardholder.funding_methods.order_by("position")
    FundingMethod.objects.filter(pk=first.pk).update(expiry_year=2001)
    FundingMethod.objects.filter(pk=second.pk).update(status="disabled")
    FundingMethod.objects.filter(pk=third.pk).update(cooling_until=clock.now() + dt.timedelta(hours=1))

    shown = words(client, "/")

    for state in ("Expired", "Switched off", "Its bank declined a charge"):
        assert state in shown


def test_nobody_and_staff_are_led_away(card: VirtualCard) -> None:
    name = buy(card)
    for page in (*PAGES, f"/purchases/{name}"):
        nobody, staff = Client().get(page), logged_in(superuser()).get(page)
        assert (nobody.status_code, staff.status_code) == (302, 302)
        assert nobody["Location"].startswith("/admin/" if page == "/" else "/login?next=")
        assert staff["Location"] == "/admin/"


def test_other_peoples_things_are_not_there(card: VirtualCard) -> None:
    name = buy(card)
    stranger = logged_in(VirtualCardFactory().cardholder.user)

    assert "Starbucks" not in words(stranger, "/") + words(stranger, "/purchases")
    for address in (name, "iauth_nothing"):
        assert stranger.get(f"/purchases/{address}").status_code == 404
        assert stranger.get(f"/purchases?before={address}").status_code == 404
    for act in ("freeze", "unfreeze"):
        answer = stranger.post(f"/card/{card.public_id}/{act}")
        assert answer.status_code == 404
        assert "Content-Security-Policy" in answer
    card.refresh_from_db()
    assert card.status == "active"


def test_more_rows_take_no_more_queries(card: VirtualCard, client: Client) -> None:
    name = buy(card, amount=100, captured=True)
    pages = ("/", "/purchases", f"/purchases/{name}", "/rewards")

    def counted() -> list[int]:
        counts = []
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200
            counts.append(len(queries))
        return counts

    counted()
    one = counted()
    for _ in range(4):
        buy(card, amount=100)
    sweep.sweep()

    assert counted() == one
    assert max(one) <= 20
    assert Authorization.objects.count() == 5


class _Foreign(HTMLParser):
    """Collects what the content policy would stop: scripts, styles in the HTML, and addresses elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "iframe", "object", "embed", "base"):
            self.found.append(tag)
        for name, value in attrs:
            is_foreign = name in ("src", "href", "action") and "//" in (value or "")
            if name == "style" or name.startswith("on") or is_foreign or "javascript:" in (value or ""):
                self.found.append(f"{tag} {name}={value}")


def test_every_page_keeps_to_the_content_policy(card: VirtualCard, client: Client) -> None:
    name = buy(card)
    Authorization.objects.update(merchant_name='<script>alert("1")</script>')
    sweep.sweep()
    answers: list[Any] = [client.get(page) for page in (*PAGES, f"/purchases/{name}", "/purchases/none")]
    own = [f"/card/{card.public_id}/{each}" for each in ("activate", "limits", "top-up", "balance", "replace", "close")]
    own += [f"/wallet/{card.cardholder.funding_methods.earliest('pk').public_id}", f"/purchases/{name}/dispute"]
    answers += [client.get(page) for page in own]
    steps = ("/login", "/login/code", "/login/email", "/sign-up", "/password/forgotten", "/password/new")
    answers += [Client().get(page) for page in steps]
    for answer in answers:
        policy, reader = answer["Content-Security-Policy"], _Foreign()
        assert "default-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer["Cache-Control"] == "no-store"
        reader.feed(answer.content.decode())
        assert reader.found == []
    assert "&lt;script&gt;" in text_of(answers[0])


def test_who_asks_too_often_waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(throttles.LIMITS, "read", (2, 60))

    answers = [client.get("/rewards") for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0
