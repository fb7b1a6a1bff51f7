"""The back office as a browser uses it: log in, read a page's form as it is sent, change it, send it back."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

from onecard.users.models import User
from tests.support.factories import UserFactory
from tests.support.second_step import with_second_factor


def superuser() -> User:
    return UserFactory(is_staff=True, is_superuser=True)


def logged_in(user: User | None = None) -> Client:
    """A browser in which the person has logged in, with a second factor as far as staff need one."""
    user = user or superuser()
    client = Client()
    client.force_login(user)
    with_second_factor(client, user)
    return client


def text_of(response: Any) -> str:
    """The page's words, tags and all, with its white space made single."""
    return " ".join(response.content.decode().split())


def send(client: Client, url: str, **changes: Any) -> Any:
    """Opens a page and sends its form with changes; a change to None unticks a box."""
    values = opened(client, url) | changes
    return client.post(url, {name: value for name, value in values.items() if value is not None})


def opened(client: Client, url: str) -> dict[str, str]:
    """What the page's form would send untouched."""
    return form_of(client.get(url))


def form_of(answer: Any) -> dict[str, str]:
    """What the form of a page that was opened already would send untouched."""
    reader = _FormReader()
    reader.feed(answer.content.decode())
    return reader.values


def sentences(response: Any) -> str:
    """All that the page says of errors, in its form, its cards and its messages."""
    context = response.context
    errors = [str(error) for error in context["errors"]] if "errors" in context else []
    return " ".join([*errors, *(str(message) for message in context.get("messages", []))])


class _FormReader(HTMLParser):
    """Collects the fields of the change form: the one whose id ends in _form."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._inside = False
        self._select: str | None = None
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self._inside = (found.get("id") or "").endswith("_form")
        elif self._inside and "disabled" not in found and hasattr(self, f"_read_{tag}"):
            getattr(self, f"_read_{tag}")(found, found.get("name") or "")

    def _read_input(self, found: dict[str, str | None], name: str) -> None:
        is_box = found.get("type") == "checkbox"
        if name and found.get("type") != "submit" and (not is_box or "checked" in found):
            self.values[name] = found.get("value") or ("on" if is_box else "")

    def _read_select(self, found: dict[str, str | None], name: str) -> None:
        self._select = name
        if "multiple" not in found:
            self.values.setdefault(name, "")

    def _read_option(self, found: dict[str, str | None], _name: str) -> None:
        if self._select and "selected" in found:
            self.values[self._select] = found.get("value") or ""

    def _read_textarea(self, _found: dict[str, str | None], name: str) -> None:
        self._area = name
        self.values[name] = ""

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.values[self._area] += data.lstrip("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None
