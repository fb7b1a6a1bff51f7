"""What becomes of every documented type of message: no amount is acknowledged and forgotten."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stripe.params import _webhook_endpoint_create_params as documented

from issuing.handlers import dispatch, stripe_charges, stripe_event_types
from issuing.issuers.marqeta.jit_methods import APPROVABLE, INFORMATIVE
from issuing.issuers.marqeta.message_types import MESSAGES, Meaning, meaning_of
from issuing.models import Authorization, CardTransaction, Dispute, Hold, IssuerEvent, SpendWindow, VirtualCard
from tests.issuing.clearing.postings import report
from tests.support import stripe_events
from tests.support.marqeta_events import ask, gateway_request, later, read, standin, token
from tests.support.wallets import marqeta_card
from wallet.models import Case, FundingObligation

pytestmark = pytest.mark.django_db
HERE = Path(__file__).parent
# As Marqeta's Core API 3.0.40 lists them, with what its older guides name beside it.
MARQETA = [line.split() for line in (HERE / "marqeta_message_types.txt").read_text().splitlines()]
STRIPE = (HERE / "stripe_event_types.txt").read_text().split()
# The methods of `jit_funding` in the same document.
METHODS = (HERE / "marqeta_methods.txt").read_text().split()
# Of these an amount says nothing new: their own objects are looked up, or another event tells the same.
LOOKED_UP = (
    "issuing_card.",
    "issuing_cardholder.",
    "payment_intent.",
    "refund.",
    "charge.refund.updated",
    "payment_method.",
    "setup_intent.",
    *stripe_charges.OTHER_EVENTS,
)


@pytest.fixture
def card() -> VirtualCard:
    return marqeta_card()


def deliver_row(kind: str, card: VirtualCard, **changes: Any) -> IssuerEvent:
    """Has a row of this type delivered and handled."""
    row = {
        "token": token(),
        "type": kind,
        "state": "COMPLETION",
        "card_token": card.issuer_card_id,
        "user_token": token(),
        "amount": Decimal("45.00"),
        "currency_code": "USD",
    }
    report(row | changes)
    return IssuerEvent.objects.latest("pk")


def test_every_documented_type_of_marqeta_has_its_meaning() -> None:
    told = {kind: meaning_of(kind, carries_amount=True).name.lower() for kind, _ in MARQETA}

    assert told == dict(MARQETA)
    assert len(MARQETA) > 142
    assert {kind for kind in MESSAGES if MESSAGES[kind] is not Meaning.TWIN} <= set(told), "the list names all of ours"


def test_every_type_that_nothing_books_opens_a_case_with_its_amount(card: VirtualCard) -> None:
    kinds = [kind for kind, meaning in MARQETA if meaning == "unhandled"]

    for kind in [*kinds, "brand.new.type"]:
        event = deliver_row(kind, card)
        case = Case.objects.get(reference=f"issuerevent:{event.pk}")
        assert (event.status, case.kind, str(case.money)) == ("kept", "unhandled_money", "45.00 USD"), kind
    assert not CardTransaction.objects.exists()
    assert not FundingObligation.objects.exists()


def test_a_type_without_money_and_a_twin_open_no_case(card: VirtualCard) -> None:
    kinds = [kind for kind, meaning in MARQETA if meaning in ("no_money", "twin")]

    statuses = {kind: deliver_row(kind, card, preceding_related_transaction_token=token()).status for kind in kinds}

    assert set(statuses.values()) == {"kept"}, statuses
    assert not Case.objects.exists()


@pytest.mark.parametrize("kind", ["gpa.credit", "gpa.debit", "gpa.credit.reversal", "msa.credit"])
def test_a_load_that_follows_no_message_opens_a_case(card: VirtualCard, kind: str) -> None:
    funded = {"gpa_order": {"amount": 45, "jit_funding": {"token": token(), "method": "pgfs.authorization"}}}
    assert deliver_row(kind, card, **funded).status == "kept"
    assert not Case.objects.exists(), "the twin of a message that asked us"

    assert deliver_row(kind, card).status == "kept"
    assert (Case.objects.get().kind, str(Case.objects.get().money)) == ("unhandled_money", "45.00 USD")


@pytest.mark.parametrize("changes", [{"state": "DECLINED"}, {"amount": 0}])
def test_money_that_did_not_move_opens_no_case(card: VirtualCard, changes: dict[str, Any]) -> None:
    assert deliver_row("original.credit.authorization.clearing", card, **changes).status == "kept"

    assert not Case.objects.exists()


@pytest.mark.parametrize("key", ["directdeposittransitions", "banktransfers", "somethingnew"])
def test_money_under_another_root_key_opens_a_case(key: str) -> None:
    row = {"token": token(), "state": "SUBMITTED", "amount": "12.50", "currency_code": "USD"}

    report(row, key=key)

    assert (Case.objects.get().kind, str(Case.objects.get().money)) == ("unhandled_money", "12.50 USD")


@pytest.mark.parametrize("key", ["threedstransitions", "digitalwallettokentransitions", "cardactions"])
def test_what_only_names_an_amount_opens_no_case(key: str) -> None:
    report({"token": token(), "state": "SUCCESS", "amount": 12.5, "currency_code": "USD"}, key=key)

    assert IssuerEvent.objects.get().status == "kept"
    assert not Case.objects.exists()


def test_a_new_state_of_a_chargeback_with_an_amount_opens_a_case() -> None:
    row = {"token": token(), "chargeback_token": "cb_1", "state": "CASE_SPLIT", "amount": 45, "currency_code": "USD"}

    report(row, key="chargebacktransitions")

    assert (Case.objects.get().kind, str(Case.objects.get().money)) == ("unhandled_money", "45.00 USD")


@pytest.mark.parametrize(
    ("changes", "money"),
    [
        ({"amount": None, "gpa_order": {"amount": Decimal("45.00")}}, "45.00 USD"),
        ({"amount": Decimal("0.00"), "gpa_order_unload": {"amount": Decimal("4.5E+1")}}, "45.00 USD"),
        ({"amount": "forty-five"}, "0.00 USD"),
        ({"amount": "0.00"}, None),
        ({"amount": Decimal("0E+2"), "gpa_order": {"amount": 0}}, None),
    ],
)
def test_an_unknown_type_is_money_wherever_its_amount_is(
    card: VirtualCard, changes: dict[str, Any], money: str | None
) -> None:
    assert deliver_row("brand.new.type", card, **changes).status == "kept"

    assert [str(case.money) for case in Case.objects.all()] == ([money] if money else [])


def test_messages_about_one_object_share_one_case(card: VirtualCard) -> None:
    first = deliver_row("original.credit.authorization", card, state="PENDING")

    deliver_row("original.credit.authorization.clearing", card, preceding_related_transaction_token=first.object_id)

    assert Case.objects.get().reference == f"issuerevent:{first.pk}"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "account.funding.authorization"},
        {"type": "account.funding.auth_plus_capture"},
        {"account_funding": {"transaction_type": "ACCOUNT_TO_ACCOUNT"}},
        {"transaction_metadata": {"payment_channel": "ECOMMERCE", "transaction_category": "ACCOUNT_FUNDING"}},
        {"transaction_metadata": {"payment_channel": "account funding"}},
        {"pos": {"special_condition_indicator": "QUASI_CASH"}},
        {"pos": {"special_condition_indicator": "STABLECOIN_PURCHASE"}},
        {"type": "authorization.quasi.cash"},
        {"type": "authorization.atm.withdrawal"},
        {"card_acceptor": {"mid": "1", "mcc": "6538", "name": "Wallet Top-Up"}},
    ],
)
def test_paying_into_an_account_is_declined_as_cash_is(card: VirtualCard, changes: dict[str, Any]) -> None:
    answer = ask(gateway_request(card=card.issuer_card_id) | changes)

    assert (answer.status_code, read(answer)["decline_reason"]) == (402, "TRANSACTION_NOT_PERMITTED")
    assert not FundingObligation.objects.exists()


def test_a_fuel_terminal_is_no_account_funding(card: VirtualCard) -> None:
    changes = {"pos": {"terminal_id": "AFT"}, "transaction_metadata": {"transaction_category": "RETAIL_SALE"}}

    assert ask(gateway_request(card=card.issuer_card_id) | changes).status_code == 200


@pytest.mark.parametrize("method", METHODS)
def test_every_documented_method_of_the_gateway_is_judged(card: VirtualCard, method: str) -> None:
    answer = ask(gateway_request(card=card.issuer_card_id, method=method))

    held = Hold.objects.filter(status="placed").count()
    is_asked, is_told = method in APPROVABLE - {"pgfs.authorization.incremental"}, method in INFORMATIVE
    assert (answer.status_code, held) == (200 if is_asked or is_told else 402, 1 if is_asked else 0), method


def funded_without_us(card: VirtualCard) -> dict[str, Any]:
    """An account funding that the network approved by itself."""
    row = standin(card=card.issuer_card_id, type="account.funding.authorization")
    report(row)
    assert Case.objects.get().kind == "approved_without_us"
    return row


def test_an_account_funding_that_was_voided_leaves_nothing_owed(card: VirtualCard) -> None:
    row = funded_without_us(card)

    report(later(row, "account.funding.authorization.reversal", state="CLEARED"))

    assert Authorization.objects.get().status == "reversed"
    assert Case.objects.get().status == "resolved"
    assert not Hold.objects.filter(status="placed").exists()


def test_an_account_funding_that_was_cleared_is_recorded(card: VirtualCard) -> None:
    row = funded_without_us(card)

    report(later(row, "account.funding.authorization.clearing", is_final_clearing=True))

    assert CardTransaction.objects.get().transaction_type == "settlement"
    assert Authorization.objects.get().status == "settled"


@pytest.mark.parametrize(
    ("took", "gave_back"),
    [
        ("pindebit", "pindebit.reversal"),
        ("account.funding.auth_plus_capture", "account.funding.auth_plus_capture.reversal"),
    ],
)
def test_the_reversal_of_what_took_at_once_gives_it_back(card: VirtualCard, took: str, gave_back: str) -> None:
    row = standin(card=card.issuer_card_id, type=took, state="COMPLETION")
    report(row)

    report(later(row, gave_back))

    moved = CardTransaction.objects.order_by("pk").values_list("transaction_type", "amount_minor")
    assert list(moved) == [("settlement", 4500), ("refund", 4500)]
    assert CardTransaction.objects.filter(authorization=Authorization.objects.get()).count() == 2


def test_an_expired_pin_debit_releases_its_hold(card: VirtualCard) -> None:
    asked = gateway_request(card=card.issuer_card_id, type="pindebit.authorization")
    assert ask(asked).status_code == 200

    report(later(asked, "pindebit.authorization.reversal.issuerexpiration", state="CLEARED"))

    assert Authorization.objects.get().status == "expired"
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}


def test_a_dispute_that_is_won_stays_open_until_its_money_comes(card: VirtualCard) -> None:
    asked = gateway_request(card=card.issuer_card_id)
    assert ask(asked).status_code == 200
    capture = later(asked, "authorization.clearing", is_final_clearing=True)
    report(capture)
    about = {"chargeback": {"token": "cb_1", "transaction_token": asked["token"]}}
    won = {"token": token(), "chargeback_token": "cb_1", "transaction_token": asked["token"], "state": "CASE_WON"}
    report(won | {"created_time": "2026-05-04T12:00:00Z"}, key="chargebacktransitions")
    dispute_case = Case.objects.get(kind="dispute")

    report(later(asked, "authorization.clearing.chargeback.completed", state="DECLINED", **about))

    assert (Dispute.objects.get().status, dispute_case.status) == ("won", "open")
    refused = Case.objects.get(kind="unhandled_money")
    assert "did not arrive" in refused.summary
    assert str(refused.money) == "45.00 USD"
    report(later(asked, "authorization.clearing.chargeback.completed", state="COMPLETION", **about))
    dispute_case.refresh_from_db()
    assert dispute_case.status == "resolved"
    assert CardTransaction.objects.filter(transaction_type="chargeback").count() == 1


def test_the_list_of_stripe_types_is_that_of_the_package() -> None:
    source = Path(str(documented.__file__)).read_text()

    assert [kind for kind in STRIPE if f'"{kind}"' not in source] == []
    assert len(STRIPE) >= 275


@pytest.mark.only_in_proofs
def test_no_event_of_stripe_with_an_amount_is_kept_in_silence() -> None:
    content = {"id": "obj_1", "amount": 4500, "currency": "usd"}
    silent = []
    for kind in STRIPE:
        if kind == "issuing_authorization.request":
            continue
        told = stripe_events.event(kind, content | {"id": stripe_events.unique("obj")})
        stripe_events.post(told)
        event = IssuerEvent.objects.get(event_id=told["id"])
        dispatch.handle(event_pk=event.pk)
        event.refresh_from_db()
        is_known = Case.objects.filter(reference=f"issuerevent:{event.pk}").exists() or event.status == "handled"
        silent += [] if is_known else [kind]

    explained = (
        *LOOKED_UP,
        *stripe_event_types.COMPANIONS,
        *stripe_event_types.OWN_ACCOUNTS,
        *stripe_event_types.CATALOGUE,
    )
    assert [kind for kind in silent if not kind.startswith(explained)] == []
    assert not set(stripe_event_types.GONE_WRONG) & set(silent)
