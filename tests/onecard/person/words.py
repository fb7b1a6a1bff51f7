"""What a page says, and what its form sends once more."""

import re
from typing import Any

from django.test import Client


def words_of(answer: Any) -> str:
    """The page's words without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def hidden_of(client: Client, page: str) -> dict[str, str]:
    """The hidden fields of the page's forms, such as the key that makes two clicks one."""
    found = client.get(page).content.decode()
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found))


def fields_of(client: Client, page: str) -> list[str]:
    """The names of all fields of the page's forms."""
    found = client.get(page).content.decode()
    return re.findall(r'<(?:input|select|textarea)[^>]* name="(\w+)"', found)


def send(client: Client, page: str, **typed: Any) -> Any:
    """Opens a page and sends its form."""
    return client.post(page, {**hidden_of(client, page), **typed})
