"""No form of a person's pages makes a server error, whatever stands in one of its fields."""

import os
import random
from typing import Any

import pytest
from django.test import Client

from issuing.issuers import registry
from issuing.issuers.mock import MockIssuer
from onecard.api import throttles
from tests.issuing.disputes.captured import captured_purchase
from tests.onecard.person.words import fields_of, hidden_of
from tests.onecard.test_no_server_errors import HUGE, LONG, SEED, TYPED
from tests.support.back_office import logged_in
from tests.support.factories import FundingMethodFactory

# Some hundred requests; a busy machine needs its time.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]
IS_WHOLE = os.environ.get("CRAWL_EVERY") == "1"
EACH = len(TYPED) if IS_WHOLE else 1


@pytest.mark.only_in_proofs
def test_hostile_values_in_each_field_are_answered(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "LIMITS", dict.fromkeys(throttles.LIMITS, (10_000, 60)))
    settings.ISSUER_PROVIDER = "mock"
    registry.install(MockIssuer())
    capture = captured_purchase(provider="mock")
    assert capture.card is not None
    assert capture.authorization is not None
    holder = capture.card.cardholder
    method = FundingMethodFactory(cardholder=holder, product=None)
    client, nobody, drawn = logged_in(holder.user), Client(), random.Random(SEED)
    card, purchase = f"/card/{capture.card.public_id}", f"/purchases/{capture.authorization.issuer_authorization_id}"
    own = (
        *("/profile", "/terms", "/wallet", f"/wallet/{method.public_id}", "/notices/settings", "/security/password"),
        *(f"{card}/rules/single-use", f"{card}/rules/one-merchant"),
        *(f"/wallet/{method.public_id}/rewards", "/wallet/rules/add"),
        *(f"{card}/limits", f"{card}/balance", f"{card}/top-up", f"{purchase}/dispute", "/card/ask", "/login/again"),
    )
    open_to_all = (
        "/login",
        "/login/code",
        "/login/email",
        "/login/passkey",
        "/sign-up",
        "/password/forgotten",
        "/password/new",
    )

    statuses = set()
    for who, pages in ((client, own), (nobody, open_to_all)):
        for page in pages if IS_WHOLE else drawn.sample(pages, 4):
            hidden, names = hidden_of(who, page), fields_of(who, page)
            assert names, page
            values = dict.fromkeys(names, "1") | hidden
            for name in names:
                for value in drawn.sample(TYPED, EACH):
                    statuses.add(who.post(page, values | {name: value}).status_code)
    for page in ("/notices?before=", "/purchases?before=", "/login?next=", "/login/again?next="):
        statuses |= {client.get(page + value).status_code for value in ("x", HUGE, LONG, "%0a", "\u202e")}

    assert statuses
    assert max(statuses) < 500, f"CRAWL_SEED={SEED}"
