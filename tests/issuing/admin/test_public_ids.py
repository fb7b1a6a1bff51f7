"""The ids of a purchase, a card, a charge and a person are on their pages, each with a button that copies it."""

from typing import Any

import pytest

from issuing.models import Authorization, VirtualCard
from onecard.kit.references import page_of
from tests.support.back_office import logged_in, text_of
from tests.support.purchases import approve_purchase
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["authorization", "virtualcard", "fundingcharge", "cardholder"])
def test_the_id_is_shown_and_can_be_copied(kind: str) -> None:
    approve_purchase(walkthrough_card())
    purchase, card, charge = Authorization.objects.get(), VirtualCard.objects.get(), FundingCharge.objects.get()
    ids: dict[str, tuple[int, Any]] = {
        "authorization": (purchase.pk, purchase.issuer_authorization_id),
        "virtualcard": (card.pk, card.public_id),
        "fundingcharge": (charge.pk, charge.public_id),
        "cardholder": (card.cardholder_id, card.cardholder.public_id),
    }
    key, public_id = ids[kind]

    shown = text_of(logged_in().get(page_of(f"{kind}:{key}"), follow=True))

    assert f'data-copy="{public_id}"' in shown
    assert f'aria-label="Copy {public_id}"' in shown
    assert "/static/onecard/copy.js" in shown
