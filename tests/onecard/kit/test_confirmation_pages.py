"""The page of every admin button: it asks, makes one domain call, and leads back with the result."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import reverse

from onecard.kit.confirmation_pages import Confirmation, ReasonForm, actor_of, ask_or_do, change_page, posted, turn_away
from onecard.kit.errors import OneCardError
from onecard.users.models import User
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db

REASON = "They rang and asked for it."


class ClosedError(OneCardError):
    """The door of these tests is closed."""


class Door:
    """A domain whose one call works once."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def open(self, *, reason: str) -> str:
        if self.reasons:
            raise ClosedError("Somebody has opened it already: look again.")
        self.reasons.append(reason)
        return f"opened: {reason}"


def request_of(method: str, **data: str) -> HttpRequest:
    request: HttpRequest = getattr(RequestFactory(), method)("/admin/door/", data)
    request.user = superuser()
    request.session = {}  # type: ignore[assignment]
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
    return request


def press(request: HttpRequest, call: Any, **options: Any) -> HttpResponse:
    confirmation = Confirmation(
        title="Open the door", words="It opens.", button="Open", back="/admin/", facts=[("Colour", "Green")]
    )
    answer = ask_or_do(request, confirmation, ReasonForm(posted(request)), call, **{"done": "It is open.", **options})
    return answer.render() if hasattr(answer, "render") else answer


def told(request: HttpRequest) -> list[str]:
    return [str(each) for each in get_messages(request)]


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_only_a_post_changes_anything(method: str) -> None:
    door = Door()
    answer = press(request_of(method, reason=REASON), door.open)
    assert (answer.status_code, answer["Cache-Control"], door.reasons) == (200, "no-store", [])


def test_the_page_shows_the_words_the_facts_and_the_form() -> None:
    page = text_of(press(request_of("get"), Door().open))
    for each in ("Open the door", "It opens.", "<dt>Colour</dt><dd>Green</dd>", 'name="reason"', "csrfmiddlewaretoken"):
        assert each in page


def test_a_post_makes_the_call_and_leads_back_with_the_sentence() -> None:
    door, request = Door(), request_of("post", reason=REASON)
    answer = press(request, door.open)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert (door.reasons, told(request)) == ([REASON], ["It is open."])


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_an_incomplete_form_makes_no_call(reason: str) -> None:
    door = Door()
    answer = press(request_of("post", reason=reason), door.open)
    assert (answer.status_code, door.reasons) == (200, [])


def test_a_second_post_is_a_sentence_and_the_form_keeps_what_was_typed() -> None:
    door = Door()
    press(request_of("post", reason="First"), door.open)
    request = request_of("post", reason=REASON)
    answer = press(request, door.open)

    assert answer.status_code == 200
    assert "Somebody has opened it already: look again." in text_of(answer)
    assert REASON in text_of(answer)
    assert (door.reasons, told(request)) == (["First"], [])


def test_an_error_that_is_no_refusal_is_not_hidden() -> None:
    class OtherError(OneCardError):
        """Not one that this button expects."""

    door = Door()
    door.open(reason="First")
    with pytest.raises(ClosedError):
        press(request_of("post", reason=REASON), door.open, refusals=(OtherError,))


def test_a_row_that_was_deleted_meanwhile_is_a_message_on_its_list() -> None:
    person, request = UserFactory(), request_of("post", reason=REASON)
    kept = User.objects.get(pk=person.pk)
    person.delete()
    answer = press(request, lambda reason: User.objects.get(pk=kept.pk, email=reason), row=kept)
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:users_user_changelist"))
    assert told(request) == ["This login was deleted meanwhile."]


def test_another_row_that_is_missing_stays_an_error() -> None:
    person, request = UserFactory(), request_of("post", reason=REASON)
    with pytest.raises(User.DoesNotExist):
        press(request, lambda reason: User.objects.get(email=reason), row=person)


def test_the_result_is_shown_by_a_function_that_may_lead_elsewhere() -> None:
    shown: list[str] = []
    back = press(request_of("post", reason=REASON), Door().open, done=shown.append)
    assert (shown, back["Location"]) == ([f"opened: {REASON}"], "/admin/")

    page = press(request_of("post", reason=REASON), Door().open, done=HttpResponse)
    assert (page.status_code, page.content.decode()) == (200, f"opened: {REASON}")


def test_a_button_that_cannot_be_used_leads_away_with_the_reason() -> None:
    request = request_of("get")
    answer = turn_away(request, "It is open.", change_page(request.user))  # type: ignore[arg-type]
    assert answer["Location"] == reverse("admin:users_user_change", args=[request.user.pk])
    assert (told(request), actor_of(request)) == (["It is open."], f"user:{request.user.pk}")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_person_without_permission_is_told_so_in_words(method: str) -> None:
    clerk, other = UserFactory(is_staff=True), UserFactory(is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename="view_user"))
    answer = getattr(logged_in(clerk), method)(reverse("second-factor-remove", args=[other.pk]), {"reason": REASON})
    assert answer.status_code == 403
    assert "Your login lacks this right:" in text_of(answer)
    assert "users.assign_roles" in text_of(answer)
    assert "oc-sign-in" in text_of(answer)
