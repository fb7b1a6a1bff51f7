"""What `make bench` measures is the path of an approved decision."""

import pytest
from django.test import Client

from issuing.models import Decision
from tests.proofs import bench
from tests.support.stripe_events import signed

pytestmark = pytest.mark.django_db


def test_each_card_of_the_bench_is_approved_and_charged() -> None:
    cards = bench.make_cards(2)

    for body in bench.requests(cards, 2):
        answer = Client().post(
            bench.WEBHOOK,
            data=body,
            content_type="application/json",
            headers={"Stripe-Signature": signed(body.decode())},
        )
        assert answer.json()["approved"] is True

    assert sorted(Decision.objects.values_list("authorization__card__issuer_card_id", flat=True)) == sorted(cards)
    assert not Decision.objects.filter(obligation=None).exists()
