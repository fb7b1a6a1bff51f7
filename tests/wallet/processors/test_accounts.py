"""Our processor accounts: the switch and the fees change with a reason, are written down, and renew the rulebook."""

from decimal import Decimal

import pytest
from django.test import override_settings
from django.urls import reverse

from audit.models import Entry
from routing.models import Rulebook
from tests.support.back_office import logged_in, send, text_of
from wallet.models import ProcessorAccount, ProcessorFee
from wallet.processors import accounts

pytestmark = pytest.mark.django_db
ME = "user:1"


def version() -> int:
    return Rulebook.objects.get().version


def switch(account: ProcessorAccount, *, passes: bool, shown: int | None = None, reason: str = "Their letter.") -> None:
    account.refresh_from_db()
    accounts.switch(
        account=account, passes=passes, shown_version=shown or account.version, reason=reason, actor=ME
    )  # fmt: skip


def test_the_environment_holds_until_staff_say_otherwise() -> None:
    account = accounts.charging()
    assert account is not None
    for setting in (True, False):
        with override_settings(MERCHANT_MCC_PASSED_THROUGH=setting):
            assert accounts.passes_mcc(account) is setting
    before = version()
    switch(account, passes=True)
    account.refresh_from_db()
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=False):
        assert accounts.passes_mcc(accounts.charging())
    entry = Entry.objects.get(action="processor_account.switched")
    assert (entry.actor, entry.details["changes"], entry.details["reason"]) == (
        ME, {"passes_mcc": [None, True]}, "Their letter.",
    )  # fmt: skip
    assert (account.version, version() > before) == (2, True)


def test_a_stale_page_a_missing_reason_and_no_change_are_refused() -> None:
    account = ProcessorAccount.objects.get()
    switch(account, passes=True)
    for refused in ({"shown": 1, "passes": False}, {"passes": False, "reason": " "}, {"passes": True}):
        with pytest.raises(accounts.AccountChangeRefusedError):
            switch(account, **refused)
    account.refresh_from_db()
    assert (account.passes_mcc, account.version) == (True, 2)
    assert Entry.objects.filter(action="processor_account.switched").count() == 1


def test_the_account_of_the_api_key_is_the_one_that_counts() -> None:
    switch(ProcessorAccount.objects.get(), passes=True)
    accounts.add(account_id="acct_1", reason="A second one.", actor=ME)
    with override_settings(STRIPE_ACCOUNT_ID="acct_2"):
        assert accounts.passes_mcc(accounts.charging())
    with override_settings(STRIPE_ACCOUNT_ID="acct_1"):
        assert not accounts.passes_mcc(accounts.charging())
    with pytest.raises(accounts.AccountChangeRefusedError, match="has a row"):
        accounts.add(account_id="acct_1", reason="Once more.", actor=ME)


def test_a_fee_is_set_once_for_each_network_and_noted() -> None:
    account, before = ProcessorAccount.objects.get(), version()
    for percent in ("2.9", "3.1"):
        accounts.set_fee(account=account, network="amex", percent=Decimal(percent), reason="Contract.", actor=ME)
    assert list(ProcessorFee.objects.values_list("network", "fee_bp", "version")) == [("amex", 310, 2)]
    assert version() > before + 1
    notes = Entry.objects.filter(action="processor_account.fee_set").order_by("pk")
    assert [each.details["changes"]["fee_bp"] for each in notes] == [[None, 290], [290, 310]]
    for percent, network in (("3.1", "amex"), ("20.01", "visa"), ("2.905", "visa"), ("-1", "visa"), ("1", "other")):
        with pytest.raises(accounts.AccountChangeRefusedError):
            accounts.set_fee(account=account, network=network, percent=Decimal(percent), reason="No.", actor=ME)
    assert ProcessorFee.objects.count() == 1


def test_staff_switch_it_and_set_fees_on_its_page() -> None:
    client, account = logged_in(), ProcessorAccount.objects.get()
    row = reverse("admin:wallet_processoraccount_change", args=[account.pk])
    before = text_of(client.get(row))
    assert "our merchant category" in before
    assert "MERCHANT_MCC_PASSED_THROUGH" in before
    answer = send(client, reverse("admin:wallet_processoraccount_switch", args=[account.pk]), reason="Their letter.")
    assert answer.status_code == 302
    send(client, reverse("admin:wallet_processoraccount_set_fee", args=[account.pk]), network="amex", percent="3.5",
         reason="Contract.")  # fmt: skip
    shown = text_of(client.get(row))
    assert "American Express" in shown
    assert "3.50" in shown
    account.refresh_from_db()
    assert account.passes_mcc is True
    listed = text_of(client.get(reverse("admin:wallet_processoraccount_changelist")))
    assert "the merchant&#x27;s category" in listed
