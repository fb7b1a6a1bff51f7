"""Old documents come in whole, once, and under any spelling; what is wrong is named; no card data comes along."""

import datetime as dt
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from audit.models import Entry
from issuing.card_data.vault import reveal_stored
from issuing.legacy.deduplication import sort_drafts
from issuing.models import CardTransaction, LegacyDocument, VirtualCard
from onecard.users.models import User
from tests.issuing.legacy.documents import (
    BAD,
    SPELLINGS,
    card,
    oid,
    snake,
    transaction,
    without,
)
from tests.issuing.legacy.running import all_rows, run_lines
from tests.support.factories import CardholderFactory, UserFactory, VirtualCardFactory
from wallet.models import Cardholder

NUMBER, CVV = "4242424242424242", "7391"
real_commits = pytest.mark.django_db(transaction=True)


# What comes in --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("spelled", SPELLINGS)
def test_every_field_of_a_card_is_carried_over(tmp_path: Path, spelled: Any) -> None:
    ended = run_lines(tmp_path, spelled(card(42)))

    assert (ended.status, ended.err, ended.count("Virtual cards imported")) == (0, "", 1)
    made = VirtualCard.objects.get()
    assert (made.card_type, made.issuer_provider, made.status) == ("visa", "stripe", "active")
    assert (made.issuer_card_id, made.issuer_card_token, made.last_four) == ("ic_old_42", "tok_old_42", "0042")
    assert (made.expiry_month, made.expiry_year, made.currency) == (7, 2031, "USD")
    limits = (made.per_transaction_limit_minor, made.daily_limit_minor, made.monthly_limit_minor)
    assert limits == (50_000, 100_000, 500_000)
    assert (made.balance_minor, made.compliance_flags) == (1_250, ["manual_review"])
    assert made.created_at == dt.datetime(2024, 1, 2, 3, 4, 5, 678_000, tzinfo=dt.UTC)
    assert made.updated_at == dt.datetime(2024, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    assert made.last_synced_at == dt.datetime(2024, 3, 1, 10, tzinfo=dt.UTC)
    assert (made.encrypted_card_number, made.encrypted_cvv) == ("", "")
    holder = made.cardholder
    assert (holder.name, holder.kyc_status) == (f"Legacy cardholder {oid(0x930002, 42)}", "verified")
    assert holder.user.username == f"legacy-{oid(0x930002, 42)}"
    assert not holder.user.has_usable_password()
    assert Entry.objects.get(action="card.imported").subject_id == str(made.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("spelled", SPELLINGS)
def test_every_field_of_a_transaction_is_imported_before_its_cards_line(tmp_path: Path, spelled: Any) -> None:
    ended = run_lines(tmp_path, spelled(transaction(5, amount="45.10")), spelled(card()))

    assert (ended.status, ended.err, ended.count("Transactions imported")) == (0, "", 1)
    made = CardTransaction.objects.get()
    assert made.card == VirtualCard.objects.get()
    assert (made.provider, made.issuer_transaction_id, made.source) == ("stripe", "ipi_old_5", "legacy")
    assert (made.issuer_event_type, made.authorization_code) == ("issuing_transaction.created", "A1B2C3")
    assert (made.transaction_type, made.processing_status) == ("settlement", "settled")
    assert (made.merchant_name, made.merchant_category) == ("Starbucks Coffee", "restaurants")
    assert (made.merchant_location, made.mcc) == ("New York, US", "5812")
    assert (made.amount_minor, made.currency) == (4_510, "USD")
    assert made.occurred_at == dt.datetime(2024, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    assert LegacyDocument.objects.get(kind="transaction").card_transaction == made
    assert Entry.objects.get(action="card_transactions.imported").details["count"] == 1


@pytest.mark.django_db
def test_what_is_missing_takes_the_old_schemas_defaults(tmp_path: Path) -> None:
    bare = without(
        card(), "spendingLimits", "status", "balance", "complianceFlags", "lastSyncedAt", "createdAt", "updatedAt",
        "lastFour", "encryptedCvv", "encryptedCardNumber",
    )  # fmt: skip
    assert run_lines(tmp_path, bare).status == 0
    made = VirtualCard.objects.get()
    limits = (made.per_transaction_limit_minor, made.daily_limit_minor, made.monthly_limit_minor)
    assert limits == (50_000, 100_000, 500_000)
    assert (made.status, made.balance_minor, made.compliance_flags) == ("pending", 0, [])
    assert made.last_synced_at is None
    # An ObjectId holds the moment at which it was made.
    assert made.created_at == made.updated_at == dt.datetime.fromtimestamp(0x65930001, tz=dt.UTC)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        ({"spendingLimits": {"daily": 300}}, (30_000, 30_000, 500_000)),
        ({"spendingLimits": {"daily": 9000}}, (50_000, 900_000, 900_000)),
        ({"spendingLimits": {"monthly": 700}}, (50_000, 70_000, 70_000)),
        ({"spendingLimits": {"perTransaction": 2000}}, (200_000, 200_000, 500_000)),
        ({"spendingLimits": {"daily": "1000.50", "dailyMinor": 100_050}}, (50_000, 100_050, 500_000)),
        ({"spendingLimits": None, "daily_limit_minor": 60_000}, (50_000, 60_000, 500_000)),
        ({"currency": "jpy"}, (500, 1000, 5000)),
        ({"currency": "KWD"}, (500_000, 1_000_000, 5_000_000)),
    ],
)
def test_limits_are_whole_units_unless_named_minor_and_override_defaults(
    tmp_path: Path, changes: dict[str, Any], limits: tuple[int, ...]
) -> None:
    ended = run_lines(
        tmp_path, card(balance=0, **changes) if "spendingLimits" in changes else card(**changes, balance=0)
    )
    assert ended.err == ""
    made = VirtualCard.objects.get()
    assert (made.per_transaction_limit_minor, made.daily_limit_minor, made.monthly_limit_minor) == limits


@pytest.mark.django_db
def test_wrapped_marked_and_flat_documents_are_understood(tmp_path: Path) -> None:
    flat = without(snake(transaction(3)), "merchant_info") | {"merchant_name": "Shop", "mcc": 5411}
    ended = run_lines(
        tmp_path,
        "\ufeff" + json.dumps({"VirtualCard": card(1)}) + "\r",
        "",
        {"model": "issuing.virtualcard", **card(2)},
        {"_type": "Transaction", **transaction(1)},
        {"collection": "transactions", **transaction(2, user={"_id": oid(0x930002, 1)}) | {"note": {"kept": [1.50]}}},
        flat,
    )
    assert (ended.status, ended.err, ended.count("Documents read")) == (0, "", 5)
    assert list(CardTransaction.objects.order_by("pk").values_list("mcc", flat=True)) == ["5812", "5812", "5411"]
    kept = LegacyDocument.objects.get(legacy_id=oid(0x940001, 2)).document
    assert kept["note"] == {"kept": ["1.5"]}


@pytest.mark.django_db
def test_a_document_without_an_id_is_known_by_its_issuers(tmp_path: Path) -> None:
    lines = [without(card(), "_id"), without(transaction(cardId="ic_old_1"), "_id")]
    assert run_lines(tmp_path, *lines).status == 0
    assert set(LegacyDocument.objects.values_list("legacy_id", flat=True)) == {"stripe:ic_old_1", "stripe:ipi_old_1"}
    assert run_lines(tmp_path, *lines).count("Unchanged") == 2


@pytest.mark.django_db
def test_what_a_transaction_does_not_say_is_counted(tmp_path: Path) -> None:
    vague = without(transaction(_id="t-1", userId="another"), "amount", "createdAt")
    ended = run_lines(tmp_path, card(), vague)
    assert ended.status == 0
    assert CardTransaction.objects.get().amount_minor == 0
    for label in ("Transactions without an amount", "Transactions without a time", "Transactions that name another"):
        assert ended.count(label) == 1


# What is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("reason", "make"), BAD)
def test_each_bad_line_is_named_and_nothing_of_it_comes_in(tmp_path: Path, reason: str, make: Any) -> None:
    ended = run_lines(tmp_path, card(1), make(2), card(3))
    assert ended.status == 1
    assert "1 line is bad" in ended.said
    assert list(ended.bad) == [2]
    assert reason in ended.bad[2]
    assert ended.err.startswith(f"{tmp_path / 'old.jsonl'}:2: ")
    assert set(VirtualCard.objects.values_list("issuer_card_id", flat=True)) == {"ic_old_1", "ic_old_3"}
    assert not CardTransaction.objects.exists()
    assert LegacyDocument.objects.count() == 2


@pytest.mark.django_db
def test_all_faults_of_a_line_are_in_one_reason(tmp_path: Path) -> None:
    ended = run_lines(
        tmp_path,
        card(expiryMonth=13, status="lost", userId=None),
        transaction(cardId="nobody", transactionType="x", amount=-1),
    )
    assert [ended.bad[1].count(name) for name in ("expiryMonth: ", "status: ", "userId: ")] == [1, 1, 1]
    assert [ended.bad[2].count(name) for name in ("cardId: ", "transactionType: ", "amount: ")] == [1, 1, 1]
    assert not LegacyDocument.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("batch", [1, 2, 500])
def test_of_two_lines_with_one_id_the_second_is_bad_and_names_the_first(tmp_path: Path, batch: int) -> None:
    lines = [
        card(1),
        card(1),
        card(1, status="closed"),
        card(2, issuerCardId="ic_old_1"),
        card(3, issuerCardId="ic_old_1", issuerProvider="marqeta"),
        transaction(1),
        transaction(2, issuerTransactionId="ipi_old_1"),
        transaction(1, amount=46),
    ]
    for _turn in range(2):
        ended = run_lines(tmp_path, *lines, batch=batch)
        assert sorted(ended.bad) == [3, 4, 7, 8]
        assert f"{tmp_path / 'old.jsonl'}:1, with other content" in ended.bad[3]
        assert "'ic_old_1' of stripe is also on" in ended.bad[4]
        assert "old.jsonl:6" in ended.bad[7]
        assert "old.jsonl:6" in ended.bad[8]
        assert (VirtualCard.objects.count(), CardTransaction.objects.count()) == (2, 1)


@pytest.mark.django_db
def test_what_belongs_to_another_row_here_is_refused(tmp_path: Path) -> None:
    ours = VirtualCardFactory(issuer_card_id="ic_old_1")
    ended = run_lines(tmp_path, card(1), card(2), transaction(1, 2))
    assert list(ended.bad) == [1]
    assert f"belongs to card {ours.pk} here" in ended.bad[1]
    CardTransaction.objects.update(issuer_transaction_id="ipi_old_9")
    again = run_lines(tmp_path, transaction(9, 2))
    assert "'ipi_old_9' of stripe belongs to transaction" in again.bad[1]


@pytest.mark.django_db
def test_other_content_under_a_known_id_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    run_lines(tmp_path, card(1), transaction(1))
    before = all_rows()
    ended = run_lines(
        tmp_path,
        card(1, status="closed", spendingLimits={"daily": 1000, "monthly": 5000, "perTransaction": 400}),
        transaction(1, amount=46),
    )
    assert "imported before with other content (differs in: spendingLimits.perTransaction, status)" in ended.bad[1]
    assert "(differs in: amount); nothing changed" in ended.bad[2]
    assert all_rows() == before


@pytest.mark.django_db
def test_the_same_document_in_another_spelling_of_values_is_unchanged(tmp_path: Path) -> None:
    run_lines(tmp_path, card(1))
    before = all_rows()
    respelled = SPELLINGS[2](card(1, createdAt="2024-01-02T03:04:05.678Z")) | {"encryptedCvv": "other ciphertext"}
    ended = run_lines(tmp_path, dict(reversed(card(1, balance=12.50).items())), {"VirtualCard": respelled})
    assert ended.count("Unchanged") >= 1
    assert all_rows() == before


@pytest.mark.django_db
def test_only_the_line_that_the_database_refuses_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes the same issuer id between our look and our insert."""
    monkeypatch.setattr(
        "issuing.legacy.cards.sort_drafts", lambda drafts, **named: sort_drafts(drafts, **named | {"taken": {}})
    )
    VirtualCardFactory(issuer_card_id="ic_old_2")
    ended = run_lines(tmp_path, card(1), card(2), card(3))
    assert list(ended.bad) == [2]
    assert "one_card_per_issuer_id" in ended.bad[2]
    assert "ic_old_2" not in ended.bad[2]
    assert (LegacyDocument.objects.count(), ended.count("Virtual cards imported")) == (2, 2)


# People ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("batch", [1, 500])
def test_one_no_to_verification_beats_every_yes(tmp_path: Path, batch: int) -> None:
    lines = [card(1, userId="u"), card(2, userId="u", kycVerified=False), card(3, userId="u"), card(4, userId="v")]
    ended = run_lines(tmp_path, *lines, batch=batch)
    assert ended.count("Cardholders made") == 2
    assert dict(Cardholder.objects.values_list("user__username", "kyc_status")) == {
        "legacy-u": "pending",
        "legacy-v": "verified",
    }


@pytest.mark.django_db
def test_a_login_with_the_same_address_is_reused_and_left_unchanged(tmp_path: Path) -> None:
    holder = CardholderFactory(user__email="Ann@Example.com", name="Ann")
    before = Cardholder.objects.values().get()
    lines = [
        card(1, userId="u", userEmail="ann@example.com", kycVerified=False),
        card(2, userId="u"),
        card(3, userId="w", email="bob@example.com"),
        card(4, user={"_id": "x", "email": "cat@example.com"}) | {"userId": None},
    ]
    UserFactory(username="bob@example.com", email="")
    assert run_lines(tmp_path, *lines).status == 0
    assert set(holder.virtual_cards.values_list("issuer_card_id", flat=True)) == {"ic_old_1", "ic_old_2"}
    assert Cardholder.objects.values().get(pk=holder.pk) == before
    assert Cardholder.objects.get(user__username="bob@example.com").name == "Legacy cardholder w"
    assert User.objects.get(username="legacy-x").email == "cat@example.com"

    assert run_lines(tmp_path, *lines[:1], card(5, userId="u"), batch=1).status == 0
    assert holder.virtual_cards.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("batch", [1, 500])
@pytest.mark.parametrize("order", [1, -1])
def test_two_old_users_with_one_login_are_one_cardholder(tmp_path: Path, batch: int, order: int) -> None:
    UserFactory(email="same@example.com")
    lines = [
        card(1, userId="u", userEmail="same@example.com"),
        card(2, userId="v", userEmail="same@example.com", kycVerified=False),
    ]
    assert run_lines(tmp_path, *lines[::order], batch=batch).status == 0
    holder = Cardholder.objects.get()
    assert (holder.kyc_status, holder.virtual_cards.count()) == ("pending", 2)


@pytest.mark.django_db
@pytest.mark.parametrize("batch", [1, 500])
def test_two_new_people_with_one_address_get_it_once(tmp_path: Path, batch: int) -> None:
    lines = [card(1, userId="u", userEmail="Same@example.com"), card(2, userId="v", userEmail="same@Example.com")]

    assert run_lines(tmp_path, *lines, batch=batch).status == 0

    assert sorted(User.objects.values_list("username", "email")) == [("legacy-u", "same@example.com"), ("legacy-v", "")]
    assert Cardholder.objects.count() == 2


@pytest.mark.django_db
def test_importing_again_keeps_a_cardholder_that_staff_verified(tmp_path: Path) -> None:
    line = card(1, kycVerified=False)
    run_lines(tmp_path, line)
    Cardholder.objects.update(kyc_status="verified")
    before = all_rows()
    assert run_lines(tmp_path, line).count("Unchanged") == 1
    assert all_rows() == before


@pytest.mark.django_db
def test_an_address_of_two_logins_is_nobodys(tmp_path: Path) -> None:
    UserFactory(username="a", email="same@example.com")
    UserFactory(username="Same@example.com", email="")
    ended = run_lines(tmp_path, card(1, userEmail="same@example.com"))
    assert "userEmail: belongs to 2 logins here" in ended.bad[1]
    assert not Cardholder.objects.exists()


# Card data ------------------------------------------------------------------------------------------------------


def planted(**changes: Any) -> dict[str, Any]:
    return card(
        1,
        lastFour="4242",
        encryptedCardNumber=NUMBER,
        encryptedCvv=CVV,
        raw={"cardNumber": NUMBER, "cvv2": CVV, "note": f"pan 4242 4242-4242 4242, cvv: {CVV}", "n": int(NUMBER)},
        memo=f"was {NUMBER}",
        **changes,
    )


@real_commits
@pytest.mark.parametrize("storing", [True, False])
def test_no_number_and_no_code_is_kept_or_said(
    tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture, storing: bool
) -> None:
    settings.STORE_CARD_DATA, settings.CARD_DATA_KEYS = storing, (os.urandom(32),)
    caplog.set_level(logging.DEBUG)
    lines = [
        planted(),
        card(2, issuerCardId=NUMBER, status=NUMBER, lastFour=NUMBER, encryptedCardNumber=NUMBER),
        json.dumps(card(3))[:-1] + f', "{NUMBER}": 1, "{NUMBER}": 2}}',
        transaction(1, merchantInfo={"name": f"Shop {NUMBER}"}, cardId=NUMBER),
        transaction(2, merchantInfo={"name": f"Shop {NUMBER}"}),
        card(4, lastFour="1111", encryptedCardNumber=NUMBER),
        {"model": NUMBER, **card(5)},
    ]
    report = tmp_path / "bad.csv"
    ended = run_lines(tmp_path, *lines, report=report)
    assert sorted(ended.bad) == [2, 3, 4, 6, 7]
    assert "looks like a card's number" in ended.bad[2]
    assert "lastFour: is not how the card's number ends" in ended.bad[6]
    # The sealed value is base64 and cannot hold it by chance.
    said = "".join([str(all_rows()), ended.out, ended.err, ended.said, report.read_text(), caplog.text])
    assert NUMBER not in said
    assert "4242 4242" not in said
    assert f"'{CVV}'" not in said
    assert f": {CVV}" not in said
    made = VirtualCard.objects.get()
    assert made.last_four == "4242"
    if storing:
        shown = reveal_stored(made, actor="user:1", reason="The cardholder asked on the phone")
        assert (shown.number, shown.cvv) == (NUMBER, CVV)
        assert ended.count("Cards whose number was sealed") == 1
    else:
        assert (made.encrypted_card_number, made.encrypted_cvv) == ("", "")
        assert ended.count("Cards whose number or code was dropped") == 1
