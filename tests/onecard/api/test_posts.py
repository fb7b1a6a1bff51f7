"""Each POST of the document has one effect under one key: alone, repeated, with another body, and 20 at once.

Effects are counted in the tables and in what the issuer and the processor were asked for.
"""

import copy
import json
import uuid
from collections import Counter
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile

from issuing.controls import own
from issuing.models import Authorization, VirtualCard
from onecard.api.idempotency import HEADER, REPLAYED
from tests.onecard.api.asking import address, body_for, content, is_problem
from tests.onecard.api.auth.people import App
from tests.onecard.api.document import Operation, operations
from tests.onecard.api.world import PDF, Somebody, bought, stopped
from tests.sandbox.running import RunningSandbox
from tests.support.threads import at_once
from wallet.models import Cardholder

POSTS = [each for each in operations() if each.method == "post" and not each.is_joining]
# A question that changes nothing, and a secret that nothing keeps: a repeat gives another one.
WITHOUT_KEY = {"routing_preview", "personal_rules_try", "cards_reveal_token_create"}
# Their answer holds a secret, so it is not kept: a repeat asks for it again.
SECRET = {"funding_card_setups_create", "webhook_endpoints_create", "webhook_endpoints_rotate_secret"}
AT_ONCE = 20


def test_each_post_takes_a_key_or_says_why_not() -> None:
    assert {each.name for each in POSTS if not each.needs_key} == WITHOUT_KEY


@pytest.mark.only_in_proofs
@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_each_post_has_one_effect_under_one_key(owner: Somebody, stranger: Somebody, served: RunningSandbox) -> None:
    wrong = []
    for operation in POSTS:
        if operation.needs_key:
            alone = Effect(owner, operation, served)
            wrong += alone.once_and_again()
            many = Effect(stranger, operation, served)
            wrong += many.at_once()
            if many.made != alone.made:
                wrong.append(f"{operation}: {AT_ONCE} at once make {many.made}, one makes {alone.made}")

    assert not wrong, "\n".join(wrong)


class Effect:
    """What one operation does for one person, who is ready for it."""

    def __init__(self, person: Somebody, operation: Operation, served: RunningSandbox) -> None:
        self.person, self.operation, self.served = person, operation, served
        PREPARED.get(operation.name, lambda _person: None)(person)
        self.path = address(operation, person.ids)
        self.key = str(uuid.uuid4())
        self.made: Counter[str] = Counter()

    def once_and_again(self) -> list[str]:
        """Sends it without a key, with one, again, and with another body; returns what is wrong."""
        before, wrong = self._count(), []
        if not self._is_refused(self._send(key=None), 400, "idempotency_key_missing") or self._count() != before:
            wrong.append("without a key something happens")
        first = self._send()
        after = self._count()
        self.made = _more(after, before)
        again = self._send()
        other = self._send(body=_other(self.operation))
        if first.status_code not in (200, 201):
            wrong.append(f"give test_posts.py what it needs first: {content(first)}")
        if again.json() != first.json() or again.status_code != first.status_code:
            wrong.append(f"a repeat is answered otherwise: {content(first)} / {content(again)}")
        if (again.headers.get(REPLAYED) == "true") == (self.operation.name in SECRET):
            wrong.append("a repeat does not say that it is one")
        if not self._is_refused(other, 422, "idempotency_key_reused"):
            wrong.append(f"the key with another body: {content(other)}")
        if self._count() != after:
            wrong.append(f"a repeat makes {_more(self._count(), after)}")
        return [f"{self.operation}: {each}" for each in wrong]

    def at_once(self) -> list[str]:
        """Sends it many times at once; returns what is wrong."""
        before = self._count()
        calls = [copy.copy(self) for _ in range(AT_ONCE)]
        answers = at_once([each._send for each in calls])
        self.made = _more(self._count(), before)
        done = {json.dumps(each.json(), sort_keys=True) for each in answers if each.status_code in (200, 201)}
        waiting = [each for each in answers if each.status_code not in (200, 201)]
        odd = [content(each) for each in waiting if not self._is_refused(each, 409, "request_still_running")]
        wrong = [f"{self.operation}: {len(done)} answers to {AT_ONCE} at once"] if len(done) != 1 else []
        return [*wrong, *(f"{self.operation}: at once: {each}" for each in odd)]

    def _send(self, *, key: str | None = "", body: Any = None) -> Any:
        app = App()
        app.token = self.person.app.token
        asking = Somebody(app, self.person.holder, self.person.marks)
        headers = {} if key is None else {HEADER: self.key}
        body = body_for(self.operation, self.person.ids) if body is None else body
        return asking.send("POST", self.path, body, keyed=False, **headers)

    def _is_refused(self, answer: Any, status: int, code: str) -> bool:
        return is_problem(answer, status) and answer.json()["code"] == code

    def _count(self) -> Counter[str]:
        """How many rows each table has, and how often the issuer and the processor carried something out."""
        models = [each for each in apps.get_models() if each is not Session and not each._meta.proxy]
        found = Counter({each._meta.label: each._default_manager.count() for each in models})
        for each in self.served.requests.find():
            if each.method != "GET" and not each.replayed:
                found[f"{each.method} {each.path.rpartition('/')[0]}"] += 1
        return found


def _more(after: Counter[str], before: Counter[str]) -> Counter[str]:
    return Counter({name: after[name] - before[name] for name in after if after[name] != before[name]})


def _other(operation: Operation) -> Any:
    if operation.media_type == "multipart/form-data":
        return {"file": SimpleUploadedFile("a.pdf", PDF + b"!", "application/pdf")}
    return {"something": "else"}


def _with_card(person: Somebody) -> None:
    """Has an active card, whose purchases are settled."""
    Authorization.objects.filter(card__cardholder=person.holder).update(status="settled")
    cards = VirtualCard.objects.filter(cardholder=person.holder).exclude(status="closed")
    if not cards.exists():
        card = person.made("cards", {})["id"]
        person.made(f"cards/{card}/activate", {})
    cards.update(status="active", frozen_by="")
    person.ids["cards"] = str(cards.get().public_id)


def _with_card_that_is(status: str, frozen_by: str = "") -> Any:
    def prepare(person: Somebody) -> None:
        _with_card(person)
        VirtualCard.objects.filter(public_id=person.ids["cards"]).update(status=status, frozen_by=frozen_by)

    return prepare


def _without_card(person: Somebody) -> None:
    VirtualCard.objects.filter(cardholder=person.holder).update(status="closed", frozen_by="")


def _with_another_purchase(person: Somebody) -> None:
    _with_card(person)
    person.ids["purchases"] = bought(person)


def _without_controls(person: Somebody) -> None:
    _with_card(person)
    for each in own.active_of(VirtualCard.objects.get(public_id=person.ids["cards"])):
        own.remove_own(each, actor="command:test")


def _with_a_stopped_purchase(person: Somebody) -> None:
    _without_controls(person)
    Cardholder.objects.filter(pk=person.holder.pk).update(kyc_status="verified")
    person.ids["purchases"] = stopped(person)


def _unchecked(person: Somebody) -> None:
    Cardholder.objects.filter(pk=person.holder.pk).update(kyc_status="not_started")


# What a person must have before an operation can do anything; a new one may need a line here.
PREPARED = {
    "cards_create": _without_card,
    "cards_activate": _with_card_that_is("pending"),
    "cards_freeze": _with_card,
    "cards_unfreeze": _with_card_that_is("frozen", "holder"),
    "cards_close": _with_card,
    "cards_replace": _with_card,
    "top_ups_create": _with_card,
    "disputes_open": _with_another_purchase,
    "card_controls_create": _without_controls,
    "purchases_it_was_me": _with_a_stopped_purchase,
    "kyc_submit": _unchecked,
}
