"""The frontend guide is played with the TypeScript client, over real HTTP, at either issuer.

The client's example does what a frontend does. The test is everybody else: the mailbox, the processor's form, staff and
the shop. Node is needed: without it this fails with a sentence that says so.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.core import mail

from issuing.models import VirtualCard
from onecard.demo.world import seed_demo_world
from tests.issuing.issuers.worlds import marqeta_settings
from tests.journeys.conftest import our_program, running_worker
from tests.journeys.guide import Play, playing
from tests.journeys.two_issuers import AtMarqeta, AtStripe, Side
from tests.onecard.api.auth.people import CODE
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import intents, processor_sandbox
from tests.wallet.methods.saved_cards import fill_in
from wallet.kyc import review
from wallet.models import KycReview

# The first one may have to install the client's packages and compile it.
pytestmark = pytest.mark.timeout(240)
EMAIL: Final = "ada@example.com"
GUIDE: Final = Path(__file__).resolve().parents[2] / "docs" / "frontend-guide.md"


@pytest.fixture(params=["stripe", "marqeta"])
def provider(request: pytest.FixtureRequest, settings: Any) -> str:
    settings.ISSUER_PROVIDER = request.param
    return str(request.param)


@pytest.fixture
def sandbox(our_server: str, provider: str, settings: Any) -> Iterator[RunningSandbox]:
    """Both issuers and the processor, with the doors of each to our server; the products and rankings of the demo."""
    seed_demo_world()
    doors = {
        "webhook_url": f"{our_server}/stripe-webhook",
        "marqeta_gateway_url": f"{our_server}/api/webhooks/marqeta/jit",
        "marqeta_webhook_url": f"{our_server}/api/webhooks/marqeta",
    }
    program = our_program()
    with processor_sandbox(marqeta=program, **doors) as running, running_worker():
        for name, value in marqeta_settings(running, program).items():
            setattr(settings, name, value)
        yield running


@pytest.mark.only_in_proofs
def test_the_guide_leads_to_a_card_a_purchase_and_why(our_server: str, provider: str, sandbox: RunningSandbox) -> None:
    with playing(our_server, EMAIL) as play:
        play.wait_for("Type the code from the mail")
        play.answer(mailed_code())
        play.wait_for("Approve the identity check")
        approve()
        play.answer()
        for card in ("mastercard", "discover"):
            play.wait_for("Confirm seti_")
            fill_in(setup_of(play), card)
            play.answer()
        play.wait_for("Buy something")
        shop = at(provider, sandbox)
        shop.buy(4500)
        play.answer()
        play.wait_for("Try to buy something again")
        shop.buy(1200)
        play.answer()
        play.finish()

    assert_all_of_the_guide_was_asked(play)
    assert [status for _, status in play.requests if status >= 400] == [401]
    assert "  pending: 45.00 USD at Starbucks Coffee" in play.said
    assert "  Citi Double Cash Card •••• 4444 paid 45.00 USD" in play.said
    assert "  Why: No card pays cash here, and no card is significantly better than the backup." in play.text
    assert "  > Citi Double Cash Card •••• 4444: 1.5" in play.said
    assert "    Discover it Cash Back •••• 1117: 0.5" in play.said
    assert "  You froze this card: purchases are declined until you unfreeze it." in play.said
    assert play.said[-2:] == [
        "  declined: 12.00 USD at Starbucks Coffee",
        "  Your card was frozen or not active yet. Unfreeze or activate it, then try again.",
    ]
    assert [(intent["amount"], intent["status"]) for intent in intents(sandbox)] == [(4500, "succeeded")]


def assert_all_of_the_guide_was_asked(play: Play) -> None:
    """Every request of the guide's way was made, in the guide's order."""
    told = re.findall(r"^\| (\d+) \| `([A-Z]+ \S+)`", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [number for number, _ in told] == [str(number) for number in range(1, 15)]
    made = iter(play.requests)
    for _, request in told:
        wanted = re.escape(request).replace("<id>", "[^/?]+")
        assert any(re.fullmatch(wanted, asked) for asked, _ in made), f"{request} was not asked:\n{play.text}"


def mailed_code() -> str:
    """The code in the mail to the person."""
    letter = wait_for(lambda: next((each for each in mail.outbox if each.to == [EMAIL]), None))
    found = CODE.search(str(letter.body))
    assert found
    return found[0]


def approve() -> None:
    """Staff have seen the passport."""
    waiting = KycReview.objects.select_related("cardholder").get(cardholder__user__email=EMAIL)
    shown = review.digest(waiting.cardholder)
    review.approve(review_id=waiting.pk, actor="user:1", reason="Passport seen.", shown=shown)


def setup_of(play: Play) -> str:
    (found,) = re.findall(r"seti_\w+", play.said[-1])
    return str(found)


def at(provider: str, sandbox: RunningSandbox) -> Side:
    card = VirtualCard.objects.get(cardholder__user__email=EMAIL)
    assert card.issuer_provider == provider
    return AtStripe(card) if provider == "stripe" else AtMarqeta(card, sandbox)


def wait_for(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + 15
    while not (seen := look()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return seen
