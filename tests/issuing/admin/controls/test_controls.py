"""Staff write a control without JSON, preview it, take it into shadow; another person publishes it."""

from typing import Any, Final

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.backtest.controls import preview as work
from issuing.controls import life
from issuing.models import Control, ControlPreview, ControlVersion
from onecard.users.models import User
from tests.onecard.admin_pages import page
from tests.support.back_office import logged_in, opened, send, sentences, text_of
from tests.support.factories import UserFactory
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db

RESTAURANTS: Final = {"attribute": "mcc", "operator": "is", "value": "5812"}
TYPED: Final = {
    "name": "Too many restaurants", "applies_to": "programme", "currency": "usd",
    "attribute_0": "mcc", "operator_0": "in", "value_0": "5812, 5814",
    "attribute_1": "amount", "operator_1": "not_between", "value_1": ".. 20.50",
    "attribute_2": "mcc_group", "operator_2": "is_not", "value_2": "Airlines", "unknown_2": "on",
    "measure": "amount", "window": "trailing", "trailing": "2", "unit": "hours", "most": "1,500.00",
    "per": "cardholder",
    "action": "decline", "reason_code": "too_many_restaurants", "sentence": "You have eaten out often: try tomorrow.",
    "allows_pass": "on",
}  # fmt: skip
MEANT: Final = {
    "when": [
        {"attribute": "mcc", "operator": "in", "value": ["5812", "5814"]},
        {"attribute": "amount", "operator": "between", "value": [None, 2_050], "negate": True},
        {"attribute": "mcc_group", "operator": "is", "value": "airlines", "negate": True, "if_unknown": True},
    ],
    "velocity": {
        "measure": "amount", "window": "trailing", "trailing_s": 7_200, "most": 150_000, "currency": "USD",
        "per": "cardholder",
    },
    "action": {"kind": "decline"},
}  # fmt: skip


def member(role: str) -> User:
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def author() -> User:
    return member("risk")


@pytest.fixture
def client(author: User) -> Client:
    return logged_in(author)


def draft(author: User, **more: Any) -> ControlVersion:
    values = {"name": "Tried", "reason_code": "tried_out", "sentence": "No."} | more
    definition = {"when": [RESTAURANTS], "action": {"kind": "decline"}}
    return life.create(**({"definition": definition, "actor": f"user:{author.pk}"} | values))


def button(control: Control, name: str) -> str:
    return f"{page(Control, 'change', control.pk)}{name}"


def address(control: Control, name: str) -> str:
    return reverse(f"admin:issuing_control_{name.replace('-', '_')}", args=[control.pk])


def test_a_control_is_written_in_plain_words_and_read_back_the_same(client: Client, author: User) -> None:
    assert "A second person must publish it" in text_of(client.get(reverse("admin:issuing_control_new_control")))

    answer = send(client, reverse("admin:issuing_control_new_control"), **TYPED)

    version = ControlVersion.objects.get(reason_code="too_many_restaurants")
    assert answer["Location"] == page(Control, "change", version.control_id)
    assert (version.definition, version.state, version.author) == (MEANT, "draft", f"user:{author.pk}")
    control = version.control
    assert (control.name, control.scope, version.allows_pass) == ("Too many restaurants", "programme", True)
    shown = opened(client, address(version.control, "write"))
    again = {name: value for name, value in TYPED.items() if name not in ("name", "applies_to")}
    assert {name: shown[name] for name in again} == again | {"currency": "USD", "per": "cardholder"}
    text = text_of(client.get(answer["Location"]))
    assert "Merchant category code (MCC) is one of 5812, 5814." in text
    assert "Amount of the purchase is more than 20.50 USD." in text
    assert "Counts the amount of the last 2 hours, for each cardholder, over all of their cards: more than" in text


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"value_0": ""}, "value_0", "Write a value."),
        ({"operator_1": "matches"}, "operator_1", "can be compared so: is, is not, is one of"),
        ({"value_1": "twenty .."}, "value_1", "is not an amount of USD"),
        ({"value_2": "Rockets"}, "value_2", "is none of the values: Agriculture"),
        ({"attribute_2": ""}, "attribute_2", "Choose what is compared with this value."),
        ({"most": "many"}, "most", "is not an amount of USD"),
        ({"trailing": ""}, "trailing", "Write how long before"),
        ({"currency": "ABC"}, "currency", "This is no currency"),
        ({"reason_code": "Too Many"}, "reason_code", "3 to 40 small letters"),
        ({"reason_code": "cash_not_allowed"}, "", "has another meaning already"),
        ({"action": "adjust_hold", "percent": "20"}, "", "without a velocity"),
        ({"applies_to": "card"}, "card", "Choose it"),
        ({"applies_to": "card", "card": "ic_nothing"}, "card", "No card has this id"),
        ({"applies_to": "cardholder", "cardholder": "no@example.com"}, "cardholder", "Nobody has this address"),
        ({"measure": ""} | {f"{part}_{row}": "" for part in ("attribute", "value") for row in range(3)}, "",
         "Give a condition or a velocity"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_the_field(client: Client, typed: dict[str, str], field: str, said: str) -> None:
    answer = send(client, reverse("admin:issuing_control_new_control"), **(TYPED | typed))

    assert answer.status_code == 200
    errors = answer.context["form"].errors
    assert said in " ".join(errors[field or "__all__"]), errors
    assert not Control.objects.filter(name="Too many restaurants").exists()


def test_more_rows_keep_what_was_typed_and_write_nothing(client: Client) -> None:
    url = reverse("admin:issuing_control_new_control")
    answer = client.post(url, opened(client, url) | TYPED | {"more": "1"})

    text = answer.content.decode()
    assert 'name="attribute_5"' in text
    assert 'value="5812, 5814"' in text
    assert 'value="You have eaten' in text or "You have eaten out often" in text
    assert not answer.context["form"].errors
    assert not Control.objects.filter(name="Too many restaurants").exists()


def test_a_second_person_publishes_and_the_author_cannot(client: Client, author: User) -> None:
    control = draft(author).control
    assert send(client, address(control, "to_shadow")).status_code == 302
    version = control.versions.get()
    assert version.state == "shadow"

    own_page = text_of(client.get(page(Control, "change", control.pk)))
    assert address(control, "publish") not in own_page
    refused = send(client, address(control, "publish"))
    assert "a second person has to publish it" in sentences(refused)
    version.refresh_from_db()
    assert version.state == "shadow"

    second = member("administrator")
    published = send(logged_in(second), address(control, "publish"))
    version.refresh_from_db()
    assert (published.status_code, version.state, version.publisher) == (302, "active", f"user:{second.pk}")
    assert Entry.objects.filter(action="control.activated", actor=f"user:{second.pk}").count() == 1


def test_a_new_version_is_a_draft_that_only_its_author_changes(client: Client, author: User) -> None:
    version = draft(author)
    life.to_shadow(version, actor=version.author)
    life.activate(version, actor=f"user:{member('administrator').pk}")
    control = version.control

    send(client, address(control, "write"), value_0="5411")
    assert [(each.number, each.state) for each in control.versions.order_by("number")] == [(1, "active"), (2, "draft")]
    send(client, address(control, "write"), value_0="5422")
    newest = control.versions.get(number=2)
    assert newest.definition["when"][0]["value"] == "5422"
    other = logged_in(member("operations")).get(address(control, "write"), follow=True)
    assert "Only its author changes a draft" in sentences(other)


def test_a_version_is_switched_off_with_a_reason(client: Client, author: User) -> None:
    version = draft(author)
    life.to_shadow(version, actor=version.author)

    assert "field is required" in str(send(client, address(version.control, "switch_off")).context["form"].errors)
    send(client, address(version.control, "switch_off"), version=str(version.pk), reason="It flags too much.")

    version.refresh_from_db()
    assert version.state == "off"
    assert Entry.objects.get(action="control.switched_off").details["reason"] == "It flags too much."


def test_cards_are_left_out_and_taken_in_again(client: Client, author: User) -> None:
    control, card = draft(author).control, walkthrough_card()
    url = address(control, "leave_out")
    assert "changes nothing" in sentences(send(client, url, reason="It is a test card."))

    send(client, url, reason="It is a test card.", add_card=str(card.public_id))
    control.refresh_from_db()
    assert (control.excluded_card_ids, control.excluded_cardholder_ids) == ([card.pk], [])
    assert card.last_four in text_of(client.get(page(Control, "change", control.pk)))

    send(client, url, reason="It is real now.", take_in_cards=str(card.pk))
    control.refresh_from_db()
    assert control.excluded_card_ids == []


def test_a_preview_is_asked_for_and_shown(client: Client, author: User) -> None:
    control = draft(author).control

    answer = send(client, address(control, "preview"), days="7")
    preview = ControlPreview.objects.get()
    assert answer["Location"] == page(ControlPreview, "change", preview.pk)
    running = client.get(answer["Location"])
    assert 'hx-get="' in running.content.decode()
    work.go_on(preview_id=preview.pk)

    done = text_of(client.get(answer["Location"]))
    assert "All of the period was looked at." in done
    assert "0 hits, of the last 7 days" in text_of(client.get(page(Control, "change", control.pk)))


def test_who_may_only_see_finds_no_button(author: User) -> None:
    control = draft(author).control
    auditor = logged_in(member("auditor"))

    text = text_of(auditor.get(page(Control, "change", control.pk)))
    assert "Merchant category code (MCC) is 5812." in text
    for name in ("write", "to_shadow", "switch_off", "leave_out", "preview"):
        assert address(control, name) not in text
        assert auditor.post(address(control, name)).status_code == 403
    assert control.versions.get().state == "draft"
