"""A corrected profile reaches every issuer that knows the person, over real HTTP, whoever corrected it."""

import datetime as dt
from typing import Any

import pytest

from audit.models import Entry
from issuing.cards import changes, profile_updates
from issuing.cards import service as cards
from issuing.issuers import errors, registry
from issuing.issuers.base import Person
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import IssuerAccount, ProfileUpdate
from onecard.kit import clock
from onecard.kit.attempts import ATTEMPTS_BEFORE_CASE
from onecard.users.models import User
from tests.issuing.cards.remote_issuers import ONE_ISSUER, new_card
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardholderFactory
from tests.support.threads import at_once
from wallet.kyc import profile
from wallet.models import Cardholder, Case

pytestmark = pytest.mark.django_db(transaction=True)
UPDATING = {
    "stripe": {"path": "/v1/issuing/cardholders/*", "method": "POST"},
    "marqeta": {"path": "/v3/users/*", "method": "PUT"},
}


def known_person(provider: str) -> Cardholder:
    """A person whom the issuer knows since their first card."""
    card = new_card(provider)
    assert not ProfileUpdate.objects.exists()
    return Cardholder.objects.select_related("user").get(pk=card.cardholder_id)


def there(served: RunningSandbox, provider: str) -> dict[str, Any]:
    """The person as the issuer keeps them."""
    account = IssuerAccount.objects.latest("pk")
    if provider == "stripe":
        kept: dict[str, Any] = served.state.objects["issuing.cardholder"][account.issuer_cardholder_id]
        return kept
    assert served.marqeta is not None
    user: dict[str, Any] = served.marqeta.state.things["user"][account.issuer_cardholder_id]
    return user


def attempts(count: int, provider: str) -> None:
    for _ in range(count):
        close_breaker(provider)
        past = clock.now() - dt.timedelta(hours=2)
        ProfileUpdate.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)
        profile_updates.sweep()


def test_what_the_person_corrects_reaches_the_issuer(provider: str, served: RunningSandbox) -> None:
    holder = known_person(provider)
    given = {"phone": "+14155550199", "address.line1": "1 Market Street", "address.line2": ""}

    actor = f"user:{holder.user_id}"
    profile.save(user=holder.user, given=given, shown_version=holder.wallet_version, actor=actor)
    User.objects.filter(pk=holder.user_id).update(email="countess@example.com")
    assert profile_updates.sweep() == 1

    kept = there(served, provider)
    address = kept["billing"]["address"]["line1"] if provider == "stripe" else kept["address1"]
    phone = kept["phone_number"] if provider == "stripe" else kept["phone"]
    assert (address, phone, kept["email"]) == ("1 Market Street", "+14155550199", "countess@example.com")
    assert ProfileUpdate.objects.get().status == "done"
    assert Entry.objects.get(action="cardholder.profile_taken").actor == f"issuer:{provider}"
    assert profile_updates.sweep() == 0


def test_a_new_name_is_sent_once_it_is_checked(provider: str, served: RunningSandbox) -> None:
    holder = known_person(provider)

    given = {"last_name": "Lovelace"}
    profile.save(user=holder.user, given=given, shown_version=holder.wallet_version, actor="user:1")
    profile_updates.sweep()

    person = there(served, provider)
    assert (person["individual"] if provider == "stripe" else person)["last_name"] != "Lovelace"
    assert profile_updates.sweep() == 0
    Cardholder.objects.update(kyc_status="verified")
    profile_updates.sweep()
    person = there(served, provider)
    assert (person["individual"] if provider == "stripe" else person)["last_name"] == "Lovelace"


def test_an_issuer_that_keeps_failing_is_a_case_until_it_takes_it(provider: str, served: RunningSandbox) -> None:
    known_person(provider)
    served.order(**UPDATING[provider], do="error_500", times=ATTEMPTS_BEFORE_CASE)
    Cardholder.objects.update(phone="+14155550199")

    attempts(ATTEMPTS_BEFORE_CASE - 1, provider)
    assert not Case.objects.exists()
    attempts(1, provider)

    case = Case.objects.get()
    assert (case.kind, case.status, case.amount_minor) == ("profile_not_taken", "open", 0)
    assert f"{ATTEMPTS_BEFORE_CASE} attempts" in case.summary
    attempts(1, provider)
    case.refresh_from_db()
    assert (ProfileUpdate.objects.get().status, case.status) == ("done", "resolved")


@ONE_ISSUER
def test_a_refused_profile_is_a_case_and_its_correction_closes_it(provider: str, served: RunningSandbox) -> None:
    known_person(provider)
    Cardholder.objects.update(address_city="")

    attempts(2, provider)

    assert ProfileUpdate.objects.get().status == "refused"
    case = Case.objects.get(kind="profile_not_taken")
    assert Entry.objects.filter(action="cardholder.profile_refused").count() == 1
    Cardholder.objects.update(address_city="Oakland")
    attempts(1, provider)
    case.refresh_from_db()
    assert (case.status, there(served, provider)["billing"]["address"]["city"]) == ("resolved", "Oakland")


@ONE_ISSUER
def test_what_issuers_are_not_told_of_is_not_sent(provider: str) -> None:
    known_person(provider)
    Cardholder.objects.update(preference="points", time_zone="Asia/Tokyo")
    User.objects.update(first_name="Countess")
    CardholderFactory().user.save()

    assert not ProfileUpdate.objects.exists()


class Meddling(MockIssuer):
    """Somebody corrects the profile while the issuer takes an earlier one."""

    def _meddle(self) -> None:
        Cardholder.objects.filter(phone="+14155550199").update(phone="+14155550177")

    def update_cardholder(self, issuer_cardholder_id: str, person: Person, **more: Any) -> None:
        super().update_cardholder(issuer_cardholder_id, person, **more)
        self._meddle()

    def create_cardholder(self, person: Person, **more: Any) -> str:
        made = super().create_cardholder(person, **more)
        self._meddle()
        return made


def test_a_profile_that_changes_during_the_call_is_sent_again() -> None:
    holder = CardholderFactory(phone="+14155550123")
    issuer = Meddling(cardholders={"mock_1": Person("", "", "", None)})  # type: ignore[arg-type]
    IssuerAccount.objects.create(cardholder=holder, provider="mock", issuer_cardholder_id="mock_1")
    Cardholder.objects.update(phone="+14155550199")

    profile_updates.sweep(issuer=issuer)

    assert issuer.cardholders["mock_1"].phone == "+14155550199"
    assert ProfileUpdate.objects.get().status == "intended"
    profile_updates.sweep(issuer=issuer)
    assert (issuer.cardholders["mock_1"].phone, ProfileUpdate.objects.get().status) == ("+14155550177", "done")


def test_a_profile_that_changes_while_the_person_is_made_is_sent() -> None:
    holder, issuer = CardholderFactory(phone="+14155550199"), Meddling()
    registry.clear()
    registry.install(issuer)
    try:
        cards.create_virtual_card(cardholder=holder, card_type="visa", requested_by="user:1", provider="mock")
        changes.sweep()
        profile_updates.sweep()
    finally:
        registry.clear()

    (kept,) = issuer.cardholders.values()
    assert (kept.phone, ProfileUpdate.objects.get().status) == ("+14155550177", "done")


def test_of_many_workers_one_sends_it() -> None:
    holder, issuer = CardholderFactory(), MockIssuer(cardholders={"mock_1": Person("", "", "", None)})  # type: ignore[arg-type]
    IssuerAccount.objects.create(cardholder=holder, provider="mock", issuer_cardholder_id="mock_1")
    Cardholder.objects.update(phone="+14155550199")

    at_once([lambda: profile_updates.sweep(issuer=issuer)] * 6)

    assert issuer.calls == ["update_cardholder"]


@pytest.mark.parametrize("error", [errors.not_let_in, lambda: errors.too_fast("1")])
def test_trouble_that_passes_is_tried_again(error: Any) -> None:
    holder, issuer = CardholderFactory(), MockIssuer(cardholders={"mock_1": Person("", "", "", None)})  # type: ignore[arg-type]
    IssuerAccount.objects.create(cardholder=holder, provider="mock", issuer_cardholder_id="mock_1")
    issuer.fail(Failure("update_cardholder", error))
    Cardholder.objects.update(phone="+14155550199")

    profile_updates.sweep(issuer=issuer)

    assert ProfileUpdate.objects.get().status == "intended"
    ProfileUpdate.objects.update(next_attempt_at=clock.now())
    profile_updates.sweep(issuer=issuer)
    assert ProfileUpdate.objects.get().status == "done"
