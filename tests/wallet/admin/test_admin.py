"""The wallet's rooms: the backup card, stale pages, what the trail says, and money in words."""

import datetime as dt

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from onecard.kit import clock
from onecard.kit.money import Money
from tests.support.back_office import logged_in, opened, send, sentences, superuser, text_of
from tests.support.factories import CardholderFactory, CardProductFactory, FundingMethodFactory
from tests.support.sandboxes import intended_charge
from wallet import cases
from wallet.charges import declines, outcomes
from wallet.models import Cardholder, Case, FundingCharge, FundingMethod
from wallet.processors.base import Outcome

pytestmark = pytest.mark.django_db


def wallet_page(holder: Cardholder) -> str:
    return reverse("admin:wallet_cardholder_change", args=[holder.pk])


def two_cards() -> tuple[FundingMethod, FundingMethod]:
    holder = CardholderFactory()
    return FundingMethodFactory(cardholder=holder, is_backup=True), FundingMethodFactory(cardholder=holder)


def backups(holder: Cardholder) -> list[int]:
    return list(FundingMethod.objects.filter(cardholder=holder, is_backup=True).values_list("pk", flat=True))


@pytest.mark.parametrize("backup_is_first", [True, False])
def test_the_backup_moves_from_one_card_to_the_other_in_one_save(backup_is_first: bool) -> None:
    old, new = two_cards()
    if not backup_is_first:
        FundingMethod.objects.filter(pk=old.pk).update(position=9)
    rank = {method.pk: place for place, method in enumerate(FundingMethod.objects.order_by("position"))}
    boss = superuser()

    answer = send(
        logged_in(boss),
        wallet_page(old.cardholder),
        **{f"funding_methods-{rank[old.pk]}-is_backup": None, f"funding_methods-{rank[new.pk]}-is_backup": "on"},
    )

    assert answer.status_code == 302
    assert backups(old.cardholder) == [new.pk]
    changes = {(entry.subject_id, entry.actor): entry.details["changes"] for entry in Entry.objects.all()}
    assert changes == {
        (str(old.pk), f"user:{boss.pk}"): {"is_backup": [True, False]},
        (str(new.pk), f"user:{boss.pk}"): {"is_backup": [False, True]},
    }


def test_two_backups_are_refused_with_a_sentence_that_names_them() -> None:
    old, new = two_cards()

    answer = send(logged_in(), wallet_page(old.cardholder), **{"funding_methods-1-is_backup": "on"})

    assert answer.status_code == 200
    assert "A wallet has one backup card. Choose one of:" in sentences(answer)
    assert str(new) in sentences(answer)
    assert backups(old.cardholder) == [old.pk]
    assert not Entry.objects.exists()


def test_staff_type_no_card_in() -> None:
    old, _ = two_cards()
    new = {
        "funding_methods-TOTAL_FORMS": "3",
        "funding_methods-0-network": "amex",
        "funding_methods-0-last_four": "1234",
        "funding_methods-0-expiry_year": "2040",
        "funding_methods-0-currencies": "usd, eur",
        "funding_methods-2-name": "New card",
        "funding_methods-2-network": "amex",
        "funding_methods-2-last_four": "1234",
        "funding_methods-2-expiry_month": "1",
        "funding_methods-2-expiry_year": "2040",
        "funding_methods-2-status": "active",
        "funding_methods-2-position": "3",
        "funding_methods-2-processor_method_id": "pm_new",
        "funding_methods-2-currencies": "usd, eur",
    }

    assert send(logged_in(), wallet_page(old.cardholder), **new).status_code == 302

    known = FundingMethod.objects.get(pk=old.pk)
    assert FundingMethod.objects.count() == 2
    same = (known.network, known.last_four, known.expiry_year)
    assert same == (old.network, old.last_four, old.expiry_year)
    assert known.currencies == ["USD", "EUR"]


def test_what_the_database_refuses_comes_back_as_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = two_cards()
    values = opened(client := logged_in(), wallet_page(old.cardholder)) | {"name": "Renamed"}

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise IntegrityError("one_backup_per_wallet")

    monkeypatch.setattr(FundingMethod, "save_base", refuse)
    monkeypatch.setattr(Cardholder, "save_base", refuse)
    answer = client.post(wallet_page(old.cardholder), values, follow=True)

    assert answer.status_code == 200
    assert "Nothing was saved: someone else saved something that this cannot stand beside." in text_of(answer)
    assert Cardholder.objects.get(pk=old.cardholder_id).name == old.cardholder.name


def test_a_stale_page_does_not_enable_a_card_that_a_charge_disabled() -> None:
    method, _ = two_cards()
    client = logged_in()
    values = opened(client, wallet_page(method.cardholder)) | {"name": "Renamed"}
    declines.cool_down(method, "stolen_card", actor="system:test")

    answer = client.post(wallet_page(method.cardholder), values)

    assert "This changed after you opened the page" in sentences(answer)
    method.refresh_from_db()
    assert (method.status, method.cardholder.name == "Renamed") == ("disabled", False)


def test_an_unchanged_wallet_leaves_no_entry_and_keeps_its_version() -> None:
    method, _ = two_cards()
    version = Cardholder.objects.get(pk=method.cardholder_id).wallet_version

    assert send(logged_in(), wallet_page(method.cardholder)).status_code == 302

    assert not Entry.objects.exists()
    assert Cardholder.objects.get(pk=method.cardholder_id).wallet_version == version


def test_a_wallet_without_a_usable_backup_is_warned_about() -> None:
    method, _ = two_cards()
    client = logged_in()

    disabled = send(client, wallet_page(method.cardholder), **{"funding_methods-0-status": "disabled"})
    told = text_of(client.get(disabled.url))
    none = send(client, wallet_page(method.cardholder), **{"funding_methods-0-is_backup": None})

    assert "The backup card is not active" in told
    assert "This wallet has no backup card" in text_of(client.get(none.url))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("funding_methods-0-currencies", "zzz", "is not an ISO 4217 currency code"),
        ("funding_methods-0-position", "-1", "greater than or equal to 0"),
        ("funding_methods-0-name", "", "This field is required."),
        ("time_zone", "Mars/Olympus", "is not a time zone"),
    ],
)
def test_bad_input_gets_a_sentence_and_changes_nothing(field: str, value: str, sentence: str) -> None:
    method, _ = two_cards()

    answer = send(logged_in(), wallet_page(method.cardholder), **{field: value})

    assert sentence in sentences(answer)
    assert not Entry.objects.exists()


def test_the_id_that_charges_were_made_under_stays() -> None:
    method, _ = two_cards()

    send(logged_in(), wallet_page(method.cardholder), **{"funding_methods-0-processor_method_id": "pm_other"})

    assert FundingMethod.objects.get(pk=method.pk).processor_method_id == method.processor_method_id


def test_wallets_products_and_cards_are_not_deleted() -> None:
    method, product = FundingMethodFactory(), CardProductFactory()
    client = logged_in()

    pages = (("cardholder", method.cardholder_id), ("cardproduct", product.pk))
    for name, pk in pages:
        assert client.post(reverse(f"admin:wallet_{name}_delete", args=[pk]), {"post": "yes"}).status_code == 403
    send(client, wallet_page(method.cardholder), **{"funding_methods-0-DELETE": "on"})

    assert FundingMethod.objects.filter(pk=method.pk).exists()


def test_a_card_product_keeps_its_key() -> None:
    product = CardProductFactory(key="old-key")

    send(logged_in(), reverse("admin:wallet_cardproduct_change", args=[product.pk]), key="new-key", name="New name")

    product.refresh_from_db()
    assert (product.key, product.name) == ("old-key", "New name")


def declined_charge() -> FundingCharge:
    charge = intended_charge()
    FundingCharge.objects.filter(pk=charge.pk).update(status="sending", attempts=1, first_sent_at=clock.now())
    bad_news = Outcome(
        "declined",
        processor_charge_id="pi_declined",
        failure_code="insufficient_funds",
        failure_message="Your card has insufficient funds.",
    )
    outcomes.record(charge_id=charge.pk, outcome=bad_news, actor="system:test")
    return charge


def shown(client: Client, name: str, *args: object) -> str:
    return text_of(client.get(reverse(f"admin:wallet_{name}", args=args)))


def test_a_failed_charge_shows_a_sentence_and_its_code() -> None:
    charge = declined_charge()
    client = logged_in()

    for page in (shown(client, "fundingcharge_changelist"), shown(client, "fundingcharge_change", charge.pk)):
        assert "Declined" in page
        assert "Your card has insufficient funds. (insufficient_funds)" in page
        assert "None: nothing is left to try" in page
    obligation = shown(client, "fundingobligation_change", charge.obligation_id)
    assert "No charge succeeded and none is under way: another card follows, or a case says what to do." in obligation


def test_open_cases_come_first_with_the_money_the_age_and_the_next_step() -> None:
    charge = declined_charge()
    with transaction.atomic():
        cases.open_obligation_case(kind="funding_declined", obligation=charge.obligation, summary="No.")
    Case.objects.update(status="resolved", resolved_at=clock.now())
    client = logged_in()

    # The age is in whole seconds, and a busy machine takes some to show the page.
    with time_machine.travel(clock.now(), tick=False):
        cases.open_case(kind="two_charges", reference="obligation:0", money=Money(1234, "USD"), summary="Twice.")
        page = shown(client, "case_changelist")

    assert page.index("Processor reports a second successful charge") < page.index("Funding card declined after")
    for words in ("12.34 USD", "0 s", "refund or cancel the one that we do not list", "Nothing: it is resolved."):
        assert words in page
    assert charge.obligation.cardholder.name in page
    assert '<span class="oc-label oc-bad oc-badge">1</span>' in page


def test_every_state_and_kind_has_its_words() -> None:
    from wallet import states
    from wallet.admin import labels

    assert set(labels.CHARGE_MEANING) == set(states.Charge)
    assert set(labels.OBLIGATION_MEANING) == set(labels.OBLIGATION_TONE) == set(states.Obligation)
    assert set(labels.NEXT_STEP) == set(Case.Kind)


def test_what_was_captured_of_a_hold_is_what_the_pages_say_was_taken() -> None:
    charge = intended_charge(policy="hold_then_capture", released_minor=500)
    FundingCharge.objects.update(status="held", next_attempt_at=clock.now() + dt.timedelta(days=3, hours=5, minutes=1))

    held = shown(logged_in(), "fundingcharge_change", charge.pk)
    assert "45.00 USD" in held
    assert "In 3 d 5 h, or once the purchase is settled" in held

    FundingCharge.objects.update(status="succeeded", finished_at=clock.now())
    assert "40.00 USD" in shown(logged_in(), "fundingcharge_change", charge.pk)
    owed = shown(logged_in(), "fundingobligation_change", charge.obligation_id)
    assert "5.00 USD" in owed
    assert "Hold at approval, capture at settlement" in owed


def test_cards_of_a_wallet_sent_back_unreadable_are_sentences() -> None:
    """The form then shows a card that it does not know, which has no expiry."""
    holder = FundingMethodFactory().cardholder
    client = logged_in()
    url = wallet_page(holder)

    answer = client.post(url, dict.fromkeys(opened(client, url), "\u202e"))

    assert answer.status_code == 200
    assert sentences(answer)
