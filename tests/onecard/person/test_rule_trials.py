"""A person tries a rule on a page before it counts: in both languages, with the keyboard alone, and without effect."""

from typing import Any

import pytest
from django.test import Client

from issuing.models import Decision, VirtualCard
from routing.models import PersonalRule
from tests.onecard.person.words import send, words_of
from tests.support.back_office import logged_in
from tests.support.controls import ask
from tests.support.factories import CardholderFactory, FundingMethodFactory
from tests.support.wallets import valued_card
from wallet.models import Cardholder, FundingMethod

pytestmark = pytest.mark.django_db
TRY = "/wallet/rules/try"


@pytest.fixture
def bought(settings: Any) -> VirtualCard:
    """A card with two dinners that Gold paid."""
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    made = valued_card()
    assert [ask(made, 4_500), ask(made, 1_000)] == ["", ""]
    return made


@pytest.fixture
def client(bought: VirtualCard) -> Client:
    return logged_in(bought.cardholder.user)


def gold() -> FundingMethod:
    return FundingMethod.objects.get(last_four="8431")


def never_gold(**more: str) -> dict[str, Any]:
    return {"action": "never_this_card", "method": gold().pk, **more}


def test_the_page_says_what_would_have_changed_and_changes_nothing(client: Client) -> None:
    decisions = list(Decision.objects.values())

    answer = send(client, TRY, **never_gold(above="20.00"))

    said = words_of(answer)
    assert answer.status_code == 200
    assert "Another card would have paid 1 of your 2 purchases of these days." in said
    assert "USD less." in said
    assert "Starbucks Coffee" in said
    assert f"{gold().name} •••• 8431" in said
    assert not PersonalRule.objects.exists()
    assert list(Decision.objects.values()) == decisions


def test_a_rule_that_changes_nothing_says_so(client: Client) -> None:
    said = words_of(send(client, TRY, **never_gold(merchants="Costco"), days="7"))

    assert "Another card would have paid 0 of your 2 purchases of these days." in said
    assert "Together they would have earned" not in said


def test_a_given_purchase_is_decided_without_and_with_the_rule(client: Client) -> None:
    said = words_of(send(client, TRY, **never_gold(), what="5812", shop="Bistro", amount="45.00"))

    assert f"This purchase would be paid by another card. Without the rule: {gold().name} •••• 8431." in said
    same = words_of(send(client, TRY, **never_gold(merchants="Costco"), what="5812", amount="45.00"))
    assert f"This purchase would be paid as without the rule: {gold().name} •••• 8431." in same


def test_the_tried_rule_can_be_added_by_the_button_beside_it(client: Client) -> None:
    page = send(client, TRY, **never_gold(above="20.00")).content.decode()
    assert '<button class="button plainer" type="submit" formaction="/wallet/rules/add">Add this rule</button>' in page

    send(client, "/wallet/rules/add", **never_gold(above="20.00"), days="30", what="", amount="")

    assert PersonalRule.objects.get().above_minor == 2_000
    assert 'formaction="/wallet/rules/try"' in client.get("/wallet/rules/add").content.decode()


def test_what_another_page_sends_is_tried_on_the_days_that_are_shown(client: Client) -> None:
    page = client.post(TRY, never_gold(merchants="Costco")).content.decode()

    assert "of your 2 purchases of these days." in page
    assert '<option value="30" selected>' in page


def test_a_change_is_tried_in_place_of_the_rule(client: Client, bought: VirtualCard) -> None:
    rule = PersonalRule.objects.create(
        cardholder=bought.cardholder, position=1, action="never_this_card", method=gold()
    )
    page = f"/wallet/rules/{rule.public_id}/try"
    assert f'value="{gold().pk}" selected' in client.get(page).content.decode()

    said = words_of(send(client, page, **never_gold(merchants="Costco")))

    assert "Another card would have paid 2 of your 2 purchases of these days." in said
    assert "Save the change" in said
    rule.refresh_from_db()
    assert (rule.merchants, rule.version) == ([], 1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"what": "5812"}, "Give both, the kind of shop and the amount, or neither."),
        ({"amount": "5.00"}, "Give both, the kind of shop and the amount, or neither."),
        ({"what": "5812", "amount": "0.00"}, "It must be more than zero."),
        ({"what": "58", "amount": "5.00"}, "An MCC has four digits, such as 5411."),
        ({"what": "store", "amount": "5.00"}, "Write the MCC of one"),
        ({"days": "3650"}, "Select a valid choice."),
        ({"action": "reach_a_spend_target"}, "A target needs an amount, a first day and a last day."),
        ({"action": "", "method": ""}, "This field is required."),
    ],
)
def test_what_was_typed_wrong_is_named_beside_its_field(client: Client, wrong: dict[str, str], why: str) -> None:
    answer = send(client, TRY, **never_gold() | wrong)

    assert answer.status_code in (200, 400, 409)
    assert why in words_of(answer)
    assert "What the rule would do" not in words_of(answer)


def test_another_persons_rule_and_card_cannot_be_tried(client: Client) -> None:
    other = FundingMethodFactory(cardholder=CardholderFactory())
    rule = PersonalRule.objects.create(cardholder=other.cardholder, position=1, action="use_this_card", method=other)

    assert client.get(f"/wallet/rules/{rule.public_id}/try").status_code == 404
    assert "What the rule would do" not in words_of(send(client, TRY, action="use_this_card", method=other.pk))


def test_who_is_not_decided_by_value_reads_that_no_rule_counts(client: Client) -> None:
    Cardholder.objects.update(preference="cash")

    said = words_of(send(client, TRY, **never_gold()))

    assert "no rule counts today" in said
    assert "of your 2 purchases of these days." in said


def test_the_pages_of_rules_are_in_german_and_the_others_in_english(client: Client) -> None:
    german = {"HTTP_ACCEPT_LANGUAGE": "de"}

    tried = client.post(TRY, never_gold(above="20,00", what="5812", amount="1.045,00"), **german)

    page = tried.content.decode()
    assert '<html lang="de">' in page
    assert "Eine andere Karte hätte 1 von Ihren 2 Käufen dieser Tage bezahlt." in words_of(tried)
    assert "Eine andere Karte würde diesen Kauf bezahlen." in words_of(tried)
    assert "Diese Regel hinzufügen" in page
    assert client.post(TRY, never_gold(above="20.00", what="", amount=""), **german).status_code == 200
    client.post("/wallet/rules/add", never_gold(merchants="Costco\nShell"), **german)
    listed = words_of(client.get("/wallet/rules", **german))
    assert f"{gold().name} nie verwenden bei Costco oder Shell." in listed
    english = client.get("/wallet", **german).content.decode()
    assert '<html lang="en">' in english
    assert "Log out" in english
