"""The demo shows its purchase decided by value as well, with the money between the two."""

import pytest

from issuing.models import Decision
from onecard.demo import value_beside
from tests.issuing.rewards.purchases import bought
from tests.support.wallets import valued_card
from wallet.models import Cardholder

pytestmark = pytest.mark.django_db


def test_the_walkthroughs_purchase_has_its_money_by_value_beside_it() -> None:
    card = valued_card()
    Cardholder.objects.update(preference="cash")
    bought(card)
    decision = Decision.objects.select_related("authorization__card__cardholder").get()
    assert decision.rule == "backup_without_cash"

    said = "\n".join(value_beside.lines(decision))

    first, second = said.split("By value")[1:]
    assert "•8431" in first
    assert "2.70 USD instead of 1.26 USD" in first
    assert "1.44 USD between the two." in first
    assert "•4444" in second
    assert "nothing between the two" in second
    assert Cardholder.objects.get(pk=card.cardholder_id).preference == "cash"
