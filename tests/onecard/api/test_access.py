"""Nobody reaches another person's things: every route and method of the document, and every place of an id in it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from onecard.users.models import User
from tests.onecard.api.asking import Place, address, ask, content, is_problem, places, undone, unknown_id
from tests.onecard.api.auth.people import App
from tests.onecard.api.document import METHODS, Operation, operations
from tests.onecard.api.world import QUILL, Marks, Somebody, newcomer
from tests.support.back_office import superuser, with_second_factor

pytestmark = pytest.mark.django_db
NEWMAN = Marks("Newman", "1111", "2222", 33_333)


def test_every_route_of_the_api_is_in_the_document() -> None:
    documented = {(each.method, each.path) for each in operations()}
    routed = {(method, path) for path, view in _routes(get_resolver().url_patterns) for method in _methods(view)}

    assert routed == documented


@pytest.mark.only_in_proofs
@pytest.mark.usefixtures("served")
def test_another_persons_id_is_answered_as_one_of_nothing(owner: Somebody, stranger: Somebody) -> None:
    before, wrong = rows_of(owner.user), []

    for operation in operations():
        with undone():
            wrong += told(owner, ask(stranger, operation, stranger.ids), f"{operation}")
        for place in places(operation):
            what, theirs, unknown = f"{operation} {place}", owner.ids[place.kind], unknown_id(place.kind)
            foreign = asked(stranger, operation, place, theirs)
            wrong += told(owner, foreign, what)
            if content(foreign, theirs) != content(asked(stranger, operation, place, unknown), unknown):
                wrong.append(f"{what} tells a foreign id from an unknown one: {content(foreign)}")
            if place.where == "path" and not is_problem(foreign, 404):
                wrong.append(f"{what} finds a foreign id: {content(foreign)}")
            if asked(stranger, operation, place, stranger.ids[place.kind]).status_code == 404:
                wrong.append(f"{what} does not find one's own")

    assert not wrong, "\n".join(wrong)
    assert rows_of(owner.user) == before


@pytest.mark.only_in_proofs
@pytest.mark.usefixtures("served")
def test_without_a_session_nothing_is_answered(owner: Somebody) -> None:
    """Of nobody, of a person who has logged out, who is disabled, and whose address is not proved yet."""
    callers = [App(), _logged_out(), _disabled(), _not_proved()]
    before, wrong = rows_of(owner.user), []

    for app in callers:
        nobody = Somebody(app, owner.holder, owner.marks)
        for operation in operations():
            with undone():
                answer = ask(nobody, operation, owner.ids)
            wrong += told(owner, answer, str(operation))
            if not (operation.is_joining or is_problem(answer, 401)):
                wrong.append(f"{operation}: {content(answer)}")
    wrong += [each for each in at_other_methods(nobody, owner.ids) if not each.endswith(("401", "405"))]

    assert not wrong, "\n".join(wrong)
    assert rows_of(owner.user) == before


@pytest.mark.only_in_proofs
@pytest.mark.usefixtures("served")
def test_staff_are_sent_to_the_back_office(owner: Somebody) -> None:
    before, wrong, staff = rows_of(owner.user), [], as_staff(owner)

    for operation in operations():
        with undone():
            answer = ask(staff, operation, owner.ids)
        wrong += told(owner, answer, str(operation))
        if not is_problem(answer, 403):
            wrong.append(f"{operation}: {content(answer)}")
    wrong += [each for each in at_other_methods(staff, owner.ids) if not each.endswith(("403", "405"))]

    assert not wrong, "\n".join(wrong)
    assert rows_of(owner.user) == before


def asked(person: Somebody, operation: Operation, place: Place, id_there: str) -> Any:
    """The answer to a person who puts this id into one place, and ids of their own into all others."""
    with undone():
        return ask(person, operation, person.ids | {place.kind: id_there}, place=place)


def told(owner: Somebody, answer: Any, what: str) -> list[str]:
    """What an answer says of its owner's things."""
    said = (content(answer) + str(answer.headers)).lower()
    ids = [each.lower() for each in owner.ids.values() if len(each) > 6]
    # Digits count only where they are no part of a longer number or id.
    return [
        f"{what} tells {mark}: {said[:600]}"
        for mark in (*owner.marks.texts, *ids)
        if re.search(rf"(?<![0-9a-f]){re.escape(mark)}(?![0-9a-f])", said)
    ]


def rows_of(user: User) -> dict[str, str]:
    """Every row that belongs to a login, directly or over others, as text."""
    found: dict[str, str] = {}
    waiting: dict[type[Model], list[Model]] = {User: [User.objects.get(pk=user.pk)]}
    while waiting:
        model, rows = waiting.popitem()
        new = [row for row in rows if f"{model._meta.label}:{row.pk}" not in found]
        found |= {f"{model._meta.label}:{row.pk}": _text(row) for row in new}
        for other, field in POINTING.get(model, ()) if new else ():
            pointing = other._default_manager.filter(**{f"{field}__in": [row.pk for row in new]})
            waiting[other] = [*waiting.get(other, ()), *pointing]
    return found


def _text(row: Model) -> str:
    return str({field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})


def _pointing() -> dict[Any, list[tuple[type[Model], str]]]:
    """The foreign keys that point at each model."""
    found: dict[Any, list[tuple[type[Model], str]]] = {}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.related_model and not model._meta.proxy:
                found.setdefault(field.related_model, []).append((model, field.name))
    return found


POINTING = _pointing()


def as_staff(owner: Somebody) -> Somebody:
    """A member of staff in their browser, whose pages send the CSRF token."""
    boss = superuser()
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss)
    with_second_factor(client, boss)
    client.get("/admin/")
    app = App()
    app.client, app.client_name = client, "browser"
    client.defaults["HTTP_X_CSRFTOKEN"] = client.cookies["csrftoken"].value
    return Somebody(app, owner.holder, owner.marks)


def at_other_methods(person: Somebody, ids: dict[str, str]) -> Iterator[str]:
    """What each route answers to methods that the document does not give it."""
    for path in {each.path for each in operations() if not each.is_joining}:
        known = [each for each in operations() if each.path == path]
        for method in {*METHODS, "options", "head", "trace"} - {each.method for each in known}:
            answer = person.send(method.upper(), address(known[0], ids))
            yield f"{method} {path}: {answer.status_code}"


def _logged_out() -> App:
    app = newcomer(QUILL).app
    token = app.token
    app.delete("auth/session")
    app.token = token
    return app


def _disabled() -> App:
    person = newcomer(NEWMAN)
    User.objects.filter(pk=person.user.pk).update(is_active=False)
    return person.app


def _not_proved() -> App:
    app = App()
    app.sign_up("nobody@example.com")
    assert app.token
    return app


def _routes(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[tuple[str, Any]]:
    for each in patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _routes(each.url_patterns, route)
        elif route.startswith("/api/v1/") and not route.endswith("^v1/"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
            yield re.sub(r"^/api/v1/auth/(app|browser)/", "/api/v1/auth/{client}/", path), each.callback


def _methods(callback: Any) -> list[str]:
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    assert view is not None, callback
    named = getattr(view, "methods", METHODS)
    return [method for method in METHODS if hasattr(view, method) and method in [each.lower() for each in named]]
