"""A person who has one of everything: made once for a test, through the same calls that people use."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator as SecondFactor
from allauth.usersessions.models import UserSession
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from issuing.activity import decision_notices
from issuing.controls import life
from issuing.handlers import dispatch
from issuing.issuers import registry
from issuing.issuers.guard.breaker import close_breaker
from issuing.models import CardTransaction, Control, Decision, VirtualCard
from issuing.rewards import sweep as rewards
from onecard.api.funding.products import SAPPHIRE
from onecard.kit import clock
from onecard.notices.models import Notice
from onecard.users.models import User
from tests.onecard.api.auth.people import PASSWORD, App, joined
from tests.onecard.api.document import operations
from tests.sandbox.running import RunningSandbox
from tests.support import stripe_events
from tests.support.factories import CardholderFactory, CardProductFactory, RankingRowFactory
from tests.support.passkeys import Passkey
from tests.support.processors import Obliging
from tests.support.sandboxes import processor_sandbox
from tests.wallet.methods.saved_cards import fill_in
from wallet.charges import charge as charges
from wallet.models import Cardholder, CardProduct, FundingMethod

API = "/api/v1"
PDF = b"%PDF-1.7\nA letter to the shop"
# When what a worker would do at once is due for a sweep as well.
SOON = dt.timedelta(minutes=1)
# A purchase of this amount is declined by a control of `stopped`.
LARGE = 44_444
PASSKEYS = "account/authenticators/webauthn"


@dataclass(frozen=True)
class Marks:
    """What nobody but its owner may ever read: texts and amounts that are found nowhere else."""

    name: str
    last_four: str
    card_last_four: str
    amount_minor: int

    @property
    def texts(self) -> list[str]:
        whole, rest = divmod(self.amount_minor, 100)
        return [self.name.lower(), self.last_four, self.card_last_four, str(self.amount_minor), f"{whole}.{rest:02d}"]


ZORBA = Marks("Zorbax", "7391", "8264", 31_679)
QUILL = Marks("Quillon", "6153", "9427", 28_413)


@dataclass
class Somebody:
    """A person with their app, and the ids of what is theirs, by the address under which the API shows it."""

    app: App
    holder: Cardholder
    marks: Marks
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def user(self) -> User:
        found: User = self.holder.user
        return found

    def send(self, method: str, path: str, body: Any = None, *, keyed: bool = True, **headers: str) -> Any:
        """Asks the API as this person; a POST is under a new key unless one is given, or `keyed` is false."""
        if method.upper() == "POST" and keyed:
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        if self.app.token:
            headers["X-Session-Token"] = self.app.token
        if isinstance(body, dict) and any(isinstance(value, SimpleUploadedFile) for value in body.values()):
            return self.app.client.post(path, body, headers=headers)
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.app.client.generic(method, path, content, content_type="application/json", headers=headers)

    def made(self, path: str, body: Any = None) -> Any:
        """Makes something of theirs; fails when that is refused."""
        answer = self.send("POST", f"{API}/{path}", body)
        assert answer.status_code in (200, 201), (path, answer.content)
        return answer.json()


@contextmanager
def everything_served(**more: Any) -> Iterator[RunningSandbox]:
    """The issuer and the processor in one sandbox, and a product that has all that it needs."""
    there = {
        "ISSUER_PROVIDER": "stripe",
        "DECISION_DEADLINE_MS": 30_000,
        "CARD_DATA_KEYS": [b"everything" * 3 + b"!!"],
        "STRIPE_PUBLISHABLE_KEY": "pk_test_1",
    }
    with processor_sandbox(**more) as sandbox, override_settings(**there):
        registry.clear()
        close_breaker("stripe")
        yield sandbox
        registry.clear()


def somebody(marks: Marks) -> Somebody:
    """A person with a wallet, cards, purchases of all kinds, a dispute with evidence, notices and second factors."""
    person = newcomer(marks)
    _wallet(person)
    _cards(person)
    _purchases(person)
    _dispute(person)
    _control(person)
    _login(person)
    person.ids["notifications"] = str(Notice.objects.filter(user=person.user).latest("pk").public_id)
    _webhooks(person)
    _all_else(person)
    return person


def newcomer(marks: Marks) -> Somebody:
    """A person who has joined, with a verified profile and an empty wallet."""
    email = f"{marks.name.lower()}@example.com"
    app = joined(email)
    # A fault is an answer too: the tests name each.
    app.client.raise_request_exception = False
    assert app.post("auth/reauthenticate", password=PASSWORD).status_code == 200
    text = f"{marks.name} Street"
    holder = CardholderFactory(
        user=User.objects.get(email=email), name=marks.name, legal_first_name=marks.name, legal_last_name=marks.name,
        address_line1=text, issuer_cardholder_id="", processor_customer_id="",
    )  # fmt: skip
    return Somebody(app, holder, marks)


def _wallet(person: Somebody) -> None:
    if not CardProduct.objects.filter(key=SAPPHIRE["key"]).exists():
        # The document's example, of the network of the card that is not added yet.
        CardProductFactory(key=SAPPHIRE["key"], network="amex")
        RankingRowFactory(mcc="5812", network="visa")
    for card in ("visa", "mastercard"):
        setup = person.made("funding-cards/setups")["setup"]
        fill_in(setup, card)
        person.made("funding-cards", {"setup": setup, "nickname": f"{person.marks.name} {card}"})
    # The sandbox's test cards all end alike.
    FundingMethod.objects.filter(cardholder=person.holder).update(last_four=person.marks.last_four)
    person.ids["setups"] = person.made("funding-cards/setups")["setup"]
    fill_in(person.ids["setups"], "amex")
    first = FundingMethod.objects.filter(cardholder=person.holder).earliest("pk")
    person.ids["funding-cards"] = str(first.public_id)
    rule = {"action": "use_this_card", "funding_card": str(first.public_id), "merchants": [person.marks.name]}
    person.ids["rules"] = person.made("wallet/rules", rule)["id"]


def _cards(person: Somebody) -> None:
    old = person.made("cards", {})["id"]
    person.made(f"cards/{old}/activate", {})
    card = person.made(f"cards/{old}/replace", {"reason": "lost"})["id"]
    person.made(f"cards/{card}/activate", {})
    VirtualCard.objects.filter(cardholder=person.holder).update(last_four=person.marks.card_last_four)
    person.ids["cards"] = card
    source = person.ids["funding-cards"]
    amount = {"amount_minor": person.marks.amount_minor, "currency": "USD"}
    person.ids["top-ups"] = person.made(f"cards/{card}/top-ups", {"amount": amount, "funding_card": source})["id"]


def _purchases(person: Somebody) -> None:
    """One that is approved, one captured, one declined."""
    card = VirtualCard.objects.get(public_id=person.ids["cards"])
    _asked(card, person.marks, person.marks.amount_minor)
    _asked(card, person.marks, 99_999)
    person.ids["purchases"] = bought(person)
    captures = CardTransaction.objects.filter(card=card, transaction_type="settlement")
    person.ids["transactions"] = captures.latest("pk").issuer_transaction_id
    rewards.sweep()
    decision_notices.sweep()


def bought(person: Somebody) -> str:
    """A purchase that is approved, paid and captured."""
    asked = _asked(VirtualCard.objects.get(public_id=person.ids["cards"]), person.marks, person.marks.amount_minor)
    charges.sweep(now=clock.now() + SOON, processor=Obliging())
    stripe_events.post(_capture(asked))
    dispatch.sweep(now=clock.now() + SOON)
    return str(asked["data"]["object"]["id"])


def _asked(card: VirtualCard, marks: Marks, minor: int) -> dict[str, Any]:
    merchant = {
        "category": "eating_places_restaurants", "category_code": "5812", "name": f"{marks.name} Cafe",
        "network_id": "1234567890", "city": marks.name, "country": "US", "state": "WA", "postal_code": None,
    }  # fmt: skip
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=minor, merchant_data=merchant)
    assert stripe_events.post(asked).status_code == 200
    return asked


def _capture(asked: dict[str, Any]) -> dict[str, Any]:
    of = asked["data"]["object"]
    content = {
        "id": stripe_events.unique("ipi"), "object": "issuing.transaction", "type": "capture",
        "amount": -of["pending_request"]["amount"], "currency": "usd", "authorization": of["id"],
        "card": of["card"]["id"], "created": int(clock.now().timestamp()), "merchant_data": of["merchant_data"],
    }  # fmt: skip
    return stripe_events.event("issuing_transaction.created", content)


def _dispute(person: Somebody) -> None:
    text = f"{person.marks.name} never arrived, and the shop does not answer."
    page = f"purchases/{person.ids['purchases']}/disputes"
    asked = {"reason": "not_received", "text": text, "amount": {"amount_minor": 1_000, "currency": "USD"}}
    person.ids["disputes"] = person.made(page, asked)["id"]
    letter = SimpleUploadedFile(f"{person.marks.name}.pdf", PDF, content_type="application/pdf")
    person.ids["evidence"] = person.made(f"disputes/{person.ids['disputes']}/evidence", {"file": letter})["id"]


def _control(person: Somebody) -> None:
    """The card pays at the person's cafe only, where all of their purchases are."""
    asked = {"kind": "merchant_lock", "purchase": person.ids["purchases"]}
    person.ids["controls"] = person.made(f"cards/{person.ids['cards']}/controls", asked)["id"]


def stopped(person: Somebody) -> str:
    """A purchase that a control declined, for which its cardholder may answer."""
    if not Control.objects.filter(name="Large").exists():
        when = [{"attribute": "amount", "operator": "is", "value": LARGE}]
        version = life.create(
            name="Large", definition={"when": when, "action": {"kind": "decline"}}, reason_code="looks_unusual",
            sentence="This looked unusual.", actor="command:test", allows_pass=True,
        )  # fmt: skip
        life.activate(life.to_shadow(version, actor="command:test"), actor="command:other")
    asked = _asked(VirtualCard.objects.get(public_id=person.ids["cards"]), person.marks, LARGE)
    decision = Decision.objects.get(authorization__issuer_authorization_id=asked["data"]["object"]["id"])
    assert decision.decline_reason == "looks_unusual", decision.decline_reason
    return str(asked["data"]["object"]["id"])


def _login(person: Somebody) -> None:
    key = Passkey()
    options = person.app.get(PASSKEYS).json()["data"]["creation_options"]
    added = person.app.post(PASSKEYS, name=person.marks.name, credential=key.register(options))
    assert added.status_code == 200, added.content
    person.ids["authenticators"] = str(SecondFactor.objects.filter(user=person.user).latest("pk").pk)
    person.ids["sessions"] = str(UserSession.objects.filter(user=person.user).latest("pk").pk)


def _webhooks(person: Somebody) -> None:
    made = person.made("webhook-endpoints", {"url": f"https://{person.marks.name.lower()}.example.com/hook"})
    person.ids["webhook-endpoints"] = made["id"]
    person.ids["deliveries"] = person.made(f"webhook-endpoints/{made['id']}/test")["id"]


def _all_else(person: Somebody) -> None:
    """What newer routes have: it is made by the example of the document, at the address before its id."""
    for each in operations():
        kind, _, place = each.path.removeprefix(f"{API}/").partition("/")
        if place.startswith("{") and not each.is_joining and kind not in person.ids:
            maker = next((one for one in operations() if (one.method, one.path) == ("post", f"{API}/{kind}")), None)
            assert maker is not None, f"Give tests/onecard/api/world.py one of /{kind} for {each}."
            person.ids[kind] = str(person.made(kind, maker.example)["id"])
