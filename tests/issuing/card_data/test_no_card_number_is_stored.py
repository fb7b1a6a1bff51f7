"""A card's number or code that somebody writes into any text stands in no column of the database, in whatever form."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from audit import trail
from issuing.body_compression import restored
from issuing.handlers import dispatch
from issuing.inbox.bodies import body_of
from issuing.models import Authorization, CardTransaction, Decision, Dispute, IssuerEvent, LegacyDocument
from onecard.kit.luhn import passes_luhn
from onecard.kit.masked_body import mac_of
from onecard.kit.transactions import transaction
from routing.models import RankingRow
from tests.issuing.legacy import documents
from tests.issuing.legacy.running import run_lines
from tests.onecard.admin_pages import page
from tests.routing.rankings.ranking_files import card as ranking
from tests.routing.rankings.ranking_files import csv_of, json_of, take
from tests.support import marqeta_events, stripe_events
from tests.support.back_office import logged_in, send, sentences
from tests.support.factories import CardholderFactory, CardProductFactory, FundingMethodFactory, UserFactory
from tests.support.wallets import walkthrough_card
from tests.wallet.casework import desks
from wallet.casework import actions as case_actions
from wallet.models import Cardholder, CardProduct, CaseNote

pytestmark = pytest.mark.django_db

FORMS = ("{0}{1}{2}{3}", "{0} {1} {2} {3}", "{0}-{1}-{2}-{3}", "{0}\u00a0{1}\u2011{2}.{3}", "x{0}{1}{2}{3}y")


def numbers() -> Iterator[str]:
    """A new number for each door, so that a finding names it."""
    for n in range(1000):
        body = f"40000{n:03d}7654321"
        yield next(body + check for check in "0123456789" if passes_luhn(body + check))


NUMBERS = numbers()
# Expiry, service code and what an issuer adds, as they stand beside the number: longer than an id has it by chance.
BESIDE_NUMBER = "29121011234567890123"


def planted(form: str, text: str = "Shop {} Ltd") -> tuple[str, str]:
    number = next(NUMBERS)
    return number, text.format(form.format(*(number[at : at + 4] for at in range(0, 16, 4))))


def everything_stored() -> Iterator[tuple[str, str]]:
    """Each value of each column that can hold text, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
            " AND data_type IN ('text', 'character varying', 'character', 'jsonb', 'json', 'bytea', 'ARRAY')"
        )
        for table, column, kind in cursor.fetchall():
            cursor.execute(f'SELECT "{column}"{"" if kind == "bytea" else "::text"} FROM "{table}"')
            for (value,) in cursor.fetchall():
                yield f"{table}.{column}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        raw = restored(bytes(value))
        try:
            value = json.dumps(json.loads(raw), ensure_ascii=False)
        except ValueError:
            value = raw.decode("utf-8", "replace")
    return unicodedata.normalize("NFKC", value or "")


def assert_stored_nowhere(*numbers: str) -> None:
    stored = list(everything_stored())
    assert len(stored) > 100
    for number in numbers:
        found = [place for place, text in stored if number in re.sub(r"[^0-9]", "", text)]
        assert found == [], f"{number} stands in {found}"


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_a_stripe_request_is_masked_and_the_request_decided(form: str) -> None:
    number, name = planted(form)
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    asked["data"]["object"]["merchant_data"] |= {"name": name, "city": planted_into(number, form)}
    asked["data"]["object"]["metadata"] = {"note": planted_into(number, form), "cvc": "738", number: "x"}
    body = json.dumps(asked)

    assert stripe_events.post(body).json()["approved"] is True
    assert stripe_events.post(body).json()["approved"] is True

    event = IssuerEvent.objects.get(decisions__isnull=False)
    assert Decision.objects.get().approved is True
    assert event.original_mac == mac_of(body.encode())
    kept = json.loads(body_of(event))
    assert kept["data"]["object"]["merchant_data"]["name"].endswith(f"{number[-4:]}{'y' if form[0] == 'x' else ''} Ltd")
    assert kept["data"]["object"]["metadata"]["cvc"] == "removed"
    assert kept["data"]["object"]["id"] == asked["data"]["object"]["id"]
    assert_stored_nowhere(number)


def planted_into(number: str, form: str) -> str:
    return form.format(*(number[at : at + 4] for at in range(0, 16, 4)))


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_a_stripe_event_is_masked_and_the_event_is_handled(form: str) -> None:
    number, name = planted(form)
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    asked["data"]["object"]["merchant_data"]["name"] = name
    stripe_events.post(asked)
    captured = stripe_events.event(
        "issuing_transaction.created",
        {
            "id": stripe_events.unique("ipi"), "type": "capture", "amount": -4500, "currency": "usd",
            "created": 1764320000,
            "card": card.issuer_card_id, "authorization": asked["data"]["object"]["id"],
            "merchant_data": asked["data"]["object"]["merchant_data"],
            "network_data": {"authorization_code": name[:19]},
        },
    )  # fmt: skip
    for news in (stripe_events.authorization_update(asked), captured):
        assert stripe_events.post(news).status_code == 200
        event = IssuerEvent.objects.latest("pk")
        assert dispatch.handle(event_pk=event.pk) == "handled"
        assert event.original_mac != ""

    purchase, moved = Authorization.objects.get(), CardTransaction.objects.get()
    assert moved.authorization == purchase
    assert moved.merchant_name == purchase.merchant_name
    assert "*" in moved.merchant_name
    assert_stored_nowhere(number)


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_messages_of_marqeta_is_covered_and_they_are_applied(form: str) -> None:
    number, name = planted(form)
    card = walkthrough_card(issuer_provider="marqeta")
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    asked["card_acceptor"] |= {"name": name, "city": name, "street": name}
    asked |= {"memo": name, "card_security_code": "738", "track_2_data": f";{number}={BESIDE_NUMBER}"}

    assert marqeta_events.ask(asked).status_code == 200
    row = marqeta_events.outcome(asked)
    clearing = marqeta_events.later(asked, "authorization.clearing")
    for each in (row, clearing):
        assert marqeta_events.report({"transactions": [each]}).status_code == 200
    for event in IssuerEvent.objects.filter(status="received").order_by("pk"):
        assert dispatch.handle(event_pk=event.pk) == "handled"

    assert IssuerEvent.objects.filter(original_mac="").count() == 0
    assert CardTransaction.objects.get().merchant_name == Authorization.objects.get().merchant_name
    assert BESIDE_NUMBER not in "".join(body_of(event).decode() for event in IssuerEvent.objects.all())
    assert_stored_nowhere(number)


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_a_delivery_that_is_refused_or_only_kept_is_covered(form: str) -> None:
    number, name = planted(form)
    bodies = [f'{{"id": "evt_1", "name": "{name}"', json.dumps({"name": name}), f"card={name}&cvv=738"]
    bodies += [json.dumps(stripe_events.event("topup.created", {"id": "tu_1", "description": name}))]
    bodies += [json.dumps(stripe_events.event(name, {"id": "tu_2"}))]
    for body in bodies:
        assert stripe_events.post(body).status_code in (200, 400)
    marqeta = [json.dumps({"transactions": [{"name": name}]}), json.dumps({name: [{}]}), f'{{"x": "{name}"', name]
    for body in marqeta:
        marqeta_events.report(body)
        marqeta_events.ask(body)
    asked = marqeta_events.gateway_request(card="unknown", method=f"pgfs.{name}")
    assert marqeta_events.ask(asked).status_code == 402

    before = IssuerEvent.objects.count()
    assert before >= 8
    stripe_events.post(bodies[0])
    assert IssuerEvent.objects.count() == before
    assert_stored_nowhere(number)


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_a_dispute_or_a_failed_refund_is_covered(form: str) -> None:
    number, name = planted(form)
    walkthrough_card()
    dispute = {"id": "idp_1", "status": "submitted", "amount": 100, "currency": "usd", "transaction": "ipi_1"}
    stripe_events.post(stripe_events.event("issuing_dispute.created", dispute | {"evidence": {"reason": name}}))
    dispatch.handle(event_pk=IssuerEvent.objects.latest("pk").pk)

    assert "*" in Dispute.objects.get().reason
    assert_stored_nowhere(number)


@pytest.mark.parametrize("form", FORMS)
def test_a_number_that_staff_write_is_covered(form: str) -> None:
    number, text = planted(form)
    user = UserFactory(is_staff=True, is_superuser=True)
    case = desks.difference()
    case_actions.add_note(case=case, user=user, text=f"First line.\n{text}")
    case_actions.resolve(case=case, user=user, reason=text)
    with transaction():
        trail.record(actor="user:1", action="test", subject=case, reason=text, deep={"list": [text, {"cvv": "738"}]})
    client = logged_in(user)
    holder, product = CardholderFactory(), CardProductFactory()
    assert send(client, page(Cardholder, "change", holder.pk), name=text).status_code == 302
    assert send(client, page(CardProduct, "change", product.pk), name=text, issuer=text).status_code == 302
    method = FundingMethodFactory(cardholder=holder, name=text)

    assert CaseNote.objects.earliest("pk").text.startswith("First line.\nShop ")
    for name in (case.__class__.objects.get().resolution, Cardholder.objects.get(pk=holder.pk).name, method.name):
        assert re.search(r"Shop x?\*.*[0-9]{4}y? Ltd", name)
    assert_stored_nowhere(number)


def test_a_number_in_an_id_that_staff_write_is_refused() -> None:
    number, text = planted("{0}{1}{2}{3}", "{}")
    client, holder, other = logged_in(), CardholderFactory(), UserFactory()

    answers = [
        send(client, page(Cardholder, "change", holder.pk), processor_customer_id=text),
        send(client, page(type(other), "change", other.pk), first_name=text),
        send(client, page(CardProduct, "add"), key=text, name="A"),
    ]

    for answer in answers:
        assert answer.status_code == 200
        assert "card" in sentences(answer)
    assert_stored_nowhere(number)


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_rankings_is_covered(form: str) -> None:
    number, text = planted(form)
    take(json_of(ranking(cardName=text)), "json")
    take(csv_of(f'5812,network,,visa,"{text}, two",4,points,0,,'), "csv")

    assert RankingRow.objects.filter(card_name__contains="*").count() == 2
    assert_stored_nowhere(number)


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_an_old_document_is_covered(form: str, tmp_path: Path) -> None:
    number, text = planted(form)
    card = documents.card(42) | {"notes": text, "complianceFlags": [text], "cvv": "738"}
    bought = documents.transaction(1, 42) | {"merchantInfo": {"name": text, "mcc": "5812"}, "memo": {"x": [text]}}
    ended = run_lines(tmp_path, card, bought)

    assert (ended.status, LegacyDocument.objects.count()) == (0, 2)
    assert_stored_nowhere(number)


def test_every_text_column_says_whether_people_write_it() -> None:
    """A new column of text covers card numbers, or is named here as one of ids and codes of our own."""
    from django.apps import apps
    from django.db import models

    from onecard.kit.fields import FreeJsonField, FreeTextField

    open_columns = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in ("wallet", "routing", "issuing", "audit", "outbox")
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField | models.JSONField) and not field.choices
        and not isinstance(field, FreeTextField | FreeJsonField)
    }  # fmt: skip
    ids = re.compile(
        r"_id$|\.key$|_key$|token|reference$|currency$|\.mcc$|\.code$|digest|sha256$|fingerprint|_mac$|_by$|actor|last_four|zone$"
    )
    known = {
        "audit.Entry.action", "audit.Entry.subject_type", "issuing.Authorization.merchant_country",
        "issuing.Decision.rule",
        "issuing.Decision.decline_reason", "issuing.Decision.timings_ms", "issuing.SyncRun.cursor",
        "outbox.Message.payload",
        "outbox.Message.topic", "wallet.Cardholder.address_country", "wallet.Cardholder.phone",
        "wallet.FundingObligation.purchase", "wallet.CarriedAmount.purchase", "wallet.CardSetup.refusal_code",
        "wallet.FundingMethod.country", "wallet.Cardholder.terms_version", "issuing.IssuerAccount.identity_standing",
        "issuing.VirtualCard.encrypted_card_number",
        "issuing.VirtualCard.encrypted_cvv", "issuing.DecisionHour.buckets", "issuing.NotCompared.comparison",
        "issuing.JournalEntry.event_type", "issuing.JournalEntry.policy", "issuing.JournalEntry.rule",
        "issuing.JournalEntry.decline_reason", "issuing.JournalEntry.timings_ms", "issuing.ReconcileRun.provider",
        "issuing.ReconcileFinding.comparison", "issuing.ReconcileRun.now_comparing", "routing.RankingChange.before",
        "routing.RankingDraft.by_command", "routing.RankingPreview.sums", "wallet.OwnTransfer.provider",
        "issuing.IssuerRegistration.address", "issuing.IssuerRegistration.findings", "issuing.ControlHit.action",
        "issuing.ControlPreview.counters", "issuing.ControlPreview.days_found", "issuing.ControlVersion.author",
        "issuing.ControlVersion.publisher", "issuing.ControlVersion.reason_code", "issuing.FraudVerdict.hook",
        "issuing.HookHour.hook", "routing.CardSpend.name", "routing.CardSpend.tag", "routing.RewardBonus.cap",
        "routing.RewardCategory.tag", "routing.RewardTerms.segment", "routing.SpacePrices.prices",
        "routing.SpendBooking.shares", "wallet.Cardholder.point_cents", "wallet.FundingMethod.activations",
        "wallet.FundingMethod.choices",
    }  # fmt: skip
    new = {name for name in open_columns if not ids.search(name)} - known
    assert new == set(), "make them FreeTextField or FreeJsonField (onecard/kit/fields.py), or name them above"


def test_a_page_shows_that_a_body_was_covered() -> None:
    number, name = planted("{0}{1}{2}{3}")
    stripe_events.post(stripe_events.event("topup.created", {"id": "tu_1", "description": name}))

    shown = logged_in().get(page(IssuerEvent, "change", IssuerEvent.objects.get().pk)).content.decode()

    assert "Card data in it was covered" in shown
    assert number not in shown


def test_the_inbox_never_changes_what_proves_the_original() -> None:
    _number, name = planted("{0}{1}{2}{3}")
    stripe_events.post(stripe_events.event("topup.created", {"id": "tu_1", "description": name}))

    with pytest.raises(Exception, match="evidence"), transaction():
        IssuerEvent.objects.update(original_mac="0" * 64)
    assert Client().get("/health/live").status_code == 200
