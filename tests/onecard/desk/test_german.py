"""The back office in German: no page has an English text left, and what is stored stays English."""

import pytest
from django.test import Client
from django.urls import reverse

from onecard.users.models import User
from tests.onecard.admin_pages import listed_models, page, purchases
from tests.onecard.desk.german_pages import english_of, sentences_of
from tests.support.back_office import logged_in, superuser
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


def german() -> Client:
    person = superuser()
    User.objects.filter(pk=person.pk).update(language="de")
    return logged_in(person)


@pytest.mark.only_in_proofs
def test_no_list_or_page_has_english_left() -> None:
    purchases(1, card=walkthrough_card())
    browser = german()
    addresses = ["/admin/", "/admin/my-account/", reverse("desk:people"), reverse("admin:wallet_posting_accounts")]
    addresses += [reverse("admin:issuing_rewardentry_totals"), reverse("admin:issuing_rewardentry_monthly")]
    for model in listed_models():
        addresses.append(page(model, "changelist"))
        row = model._default_manager.first()
        addresses += [page(model, "change", row.pk)] if row is not None else []
    left: dict[str, set[str]] = {}
    for address in addresses:
        answer = browser.get(address, follow=True)
        assert answer.status_code == 200, address
        shown = answer.content.decode()
        left |= {address: words} if (words := english_of(shown) | sentences_of(shown)) else {}

    assert left == {}
