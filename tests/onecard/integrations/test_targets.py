"""Which addresses people may enter."""

from typing import Any

import pytest

from onecard.integrations import targets
from onecard.integrations.errors import TargetRefusedError
from onecard.integrations.targets import Target

REFUSED = {
    "http://example.com/hooks": "https",
    "ftp://example.com/": "https",
    "https://example.com:22/": "port",
    "https://example.com:99999/": "no address",
    "https://user:word@example.com/": "user name",
    "https://user@example.com/": "user name",
    "https://@example.com/": "user name",
    "https://example.com/#part": "#",
    "https://example.com/#": "#",
    "https://example.com/a b": "blanks",
    "https://example.com\\@inside.example.com/": "blanks",
    "https://bücher.example.com/": "xn--",
    "https://localhost/": "public name",
    "https://hooks/": "public name",
    "https://printer.local/": "no public address",
    "https://db.internal/": "no public address",
    "https://a.localhost/": "no public address",
    "https://127.0.0.1/": "not as a number",
    "https://8.8.8.8/": "not as a number",
    "https://2130706433/": "not as a number",
    "https://0x7f.1/": "not as a number",
    "https://example.0x7f/": "not as a number",
    "https://[::1]/": "not as a number",
    "https://example.com./": "not as a number",
    "https://-a.example.com/": "not as a number",
    "https:///hooks": "not as a number",
    "https://example.com/4242424242424242": "card's number",
    "https://[::1/": "no address",
    "nonsense": "https",
    "": "https",
    "https://example.com/" + "a" * 500: "500",
}


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_cannot_be_sent_to_is_refused_with_a_sentence(url: str, settings: Any) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = False
    with pytest.raises(TargetRefusedError, match=REFUSED[url]) as refused:
        targets.read(url)
    assert list(refused.value.errors) == ["url"]


def test_the_parts_of_an_address_are_read() -> None:
    assert targets.read("https://Hooks.Example.com") == Target("hooks.example.com", 443, "/", is_tls=True)
    assert targets.read("https://a.example.com:8443/b?c=d") == Target("a.example.com", 8443, "/b?c=d", is_tls=True)


def test_this_machine_is_for_development_only(settings: Any) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    for url in ("http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::1]:9000/"):
        assert set(targets.resolve(targets.read(url))) <= {"127.0.0.1", "::1"}
    with pytest.raises(TargetRefusedError):
        targets.read("http://192.168.0.1:9000/")
    settings.WEBHOOKS_TO_LOOPBACK = False
    with pytest.raises(TargetRefusedError):
        targets.resolve(Target("127.0.0.1", 9000, "/", is_tls=False))


def test_a_public_name_is_never_asked_over_plain_http(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", ("8.8.8.8", 80))])
    with pytest.raises(TargetRefusedError):
        targets.resolve(Target("localhost", 80, "/", is_tls=False))
