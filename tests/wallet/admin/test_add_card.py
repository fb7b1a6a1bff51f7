"""Staff have a person's card added on the processor's page, which the sandbox has too (wallet/admin/add_card.py)."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from onecard.users.models import User
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in, opened, send, text_of
from tests.support.factories import UserFactory
from tests.support.sandboxes import processor_sandbox
from tests.wallet.methods.saved_cards import newcomer
from wallet import processor_events
from wallet.methods import setups
from wallet.models import Cardholder, CardSetup, FundingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def mailbox() -> list[EmailMessage]:
    """The mails that were sent since the test began."""
    mail.outbox = []
    return mail.outbox


def page_of(holder: Cardholder) -> str:
    return reverse("admin:wallet_cardholder_change", args=[holder.pk])


def button(client: Client, holder: Cardholder) -> str:
    """The address behind the button on a wallet's page, or ""."""
    found = re.search(r'href="([^"]*add-card[^"]*)"', client.get(page_of(holder)).content.decode())
    return found[1] if found else ""


def test_the_person_saves_a_card_on_the_page_that_staff_made(
    sandbox: RunningSandbox, mailbox: list[EmailMessage]
) -> None:
    holder, client = newcomer(), logged_in()
    address = button(client, holder)
    values = opened(client, address)

    made = client.post(address, values)
    again = client.post(address, values)

    assert "no-store" in made["Cache-Control"]
    found = re.search(rf'href="({re.escape(sandbox.url)}/checkout/pay/[^"]+)"', made.content.decode())
    assert found is not None
    assert found[1] in text_of(again)
    (sent,) = mailbox
    assert sent.to == [holder.user.email]
    assert found[1] in sent.body
    assert f"It was mailed to {holder.user.email}." in text_of(made)
    assert found[1] not in str(list(Entry.objects.values_list("details", flat=True))), "the address opens the wallet"
    assert "Save card" in requests.get(found[1], timeout=5).text
    saved = requests.post(found[1], data={"card": "amex"}, timeout=5, allow_redirects=False)
    assert saved.status_code == 303
    assert "In a moment it is in your wallet" in text_of(Client().get(urlsplit(saved.headers["Location"]).path))
    assert requests.get(found[1], timeout=5).status_code == 404
    (intent,) = sandbox.state.objects["setup_intent"].values()
    assert processor_events.setup_succeeded(intent)
    assert setups.complete_reported(setup_id=CardSetup.objects.get().pk) == "completed"
    method = FundingMethod.objects.get()
    assert (method.cardholder, method.network, method.last_four) == (holder, "amex", "0005")
    assert Entry.objects.get(action="method.setup_begun").actor.startswith("user:")
    assert "American Express" in text_of(client.get(page_of(holder)))


def test_a_link_that_cannot_be_mailed_is_shown_to_copy(sandbox: RunningSandbox, settings: Any) -> None:
    holder, client = newcomer(), logged_in()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    address = button(client, holder)

    answer = client.post(address, opened(client, address))

    assert "It could not be mailed." in text_of(answer)
    assert f"{sandbox.url}/checkout/pay/" in text_of(answer)
    assert not Entry.objects.filter(action="method.link_mailed").exists()


def test_a_link_is_mailed_only_where_staff_want_it(sandbox: RunningSandbox, mailbox: list[EmailMessage]) -> None:
    holder, client = newcomer(), logged_in()
    address = button(client, holder)
    values = opened(client, address)
    del values["by_mail"]
    assert "Send this address to the person." in text_of(client.post(address, values))
    User.objects.filter(pk=holder.user_id).update(email="")
    assert "Send this address to the person." in text_of(send(client, address))
    assert mailbox == []


def test_a_silent_processor_is_told_beside_the_button(sandbox: RunningSandbox) -> None:
    holder, client = newcomer(), logged_in()
    sandbox.order(method="POST", path="/v1/checkout/sessions", do="error_500", times=2)
    address = button(client, holder)

    answer = client.post(address, opened(client, address))

    assert "The card processor does not answer." in text_of(answer)


def test_only_who_may_add_cards_has_the_button() -> None:
    holder, clerk = newcomer(), UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_cardholder"))
    client = logged_in(clerk)

    assert not button(client, holder)
    assert client.get(button(logged_in(), holder)).status_code == 403


def test_a_wallets_page_leads_to_a_card_for_its_person() -> None:
    holder, client = newcomer(), logged_in()
    address = reverse("admin:wallet_cardholder_new_card", args=[holder.pk])
    assert address in client.get(page_of(holder)).content.decode()

    form = client.get(address, follow=True)

    assert f'<option value="{holder.pk}" selected>' in form.content.decode()
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename="view_cardholder"))
    assert address not in logged_in(clerk).get(page_of(holder)).content.decode()
    assert logged_in(clerk).get(address).status_code == 403
