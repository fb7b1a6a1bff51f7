"""Our webhook, gateway source and card product at Marqeta: what they must be, and what differs; pure.

Passwords and secrets are masked there, so whether they are ours shows only when Marqeta calls us
(docs/issuers/marqeta.md, Webhook, gateway source and card product).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from issuing.issuers.registration import Doors, Finding, Registration, Repair
from onecard.kit.text import clean_text

Json = Mapping[str, Any]

WEBHOOK, GATEWAY, PRODUCT = "webhook", "gateway", "product"
# What we make has these tokens, so that making it twice makes it once (docs/issuers/marqeta.md, Core API).
WEBHOOK_TOKEN, SOURCE_TOKEN = "one-card-events", "one-card-gateway"
EVENTS: Final = ("cardtransition.*", "chargebacktransition.*", "transaction.*", "usertransition.*")
ALGORITHM, REFUNDS = "HMAC_SHA_256", "GATEWAY"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What Marqeta shall bring to our two doors; `secret` is "" where notifications are not signed."""

    gateway_username: str
    gateway_password: str = field(repr=False)
    webhook_username: str
    webhook_password: str = field(repr=False)
    secret: str = field(default="", repr=False)


def source_token_of(product: Json | None) -> str:
    """Returns the gateway source that the product names, or the one that we would make for it."""
    return clean_text(_binding(product).get("funding_source_token"), limit=36) or SOURCE_TOKEN


def compare(
    webhooks: Sequence[Json],
    source: Json | None,
    product: Json | None,
    doors: Doors,
    ours: Credentials,
    *,
    product_token: str,
    renew: bool = False,
) -> Registration:
    """Compares what the program has with what we need; `renew` sets user names, passwords and secret again anyway.

    `source` is the gateway source of `source_token_of`, None where there is none, as for the product.
    """
    parts = (
        _webhook(webhooks, doors, ours, renew=renew),
        # Without the product nobody knows which source it should name.
        _source(source, doors, ours, renew=renew) if product is not None else Registration(()),
        _product(product, source, product_token),
    )
    findings = tuple(found for part in parts for found in part.findings)
    return Registration(findings, tuple(deed for part in parts for deed in part.repairs))


def _webhook(webhooks: Sequence[Json], doors: Doors, ours: Credentials, *, renew: bool) -> Registration:
    known = [each for each in webhooks if _leads_to(each, doors) or each.get("token") == WEBHOOK_TOKEN]
    if not known:
        body = {"token": WEBHOOK_TOKEN, "name": "One Card", **_webhook_body(doors.events, ours)}
        made = Repair("webhook_created", "", {"url": doors.events}, body)
        return Registration((Finding(WEBHOOK, "webhook_missing", {"url": doors.events}),), (made,))
    best = min(known, key=lambda each: (not _leads_to(each, doors), not _is_active(each), str(each.get("token"))))
    findings = tuple(_wrong_webhook(best, doors, ours))
    if not findings and not renew:
        return Registration((_about(WEBHOOK, "webhook_right", best, url=doors.events),))
    body = {"name": clean_text(best.get("name"), limit=64) or "One Card", **_webhook_body(doors.events, ours)}
    name = clean_text(best.get("token"), limit=36)
    code = "webhook_updated" if findings else "webhook_renewed"
    found = findings or (_about(WEBHOOK, "webhook_right", best, url=doors.events),)
    return Registration(found, (Repair(code, name, {"id": name}, body),))


def _wrong_webhook(webhook: Json, doors: Doors, ours: Credentials) -> Iterable[Finding]:
    if not _is_active(webhook):
        yield _about(WEBHOOK, "webhook_inactive", webhook)
    if not _leads_to(webhook, doors):
        yield _about(WEBHOOK, "webhook_elsewhere", webhook, found=clean_text(_config(webhook).get("url"), limit=200))
    given = {clean_text(each, limit=80) for each in webhook.get("events") or ()}
    if missing := set() if "*" in given else set(EVENTS) - given:
        yield _about(WEBHOOK, "events_missing", webhook, events=", ".join(sorted(missing)))
    if extra := given - set(EVENTS):
        yield _about(WEBHOOK, "events_extra", webhook, events=", ".join(sorted(extra)))
    if ours.secret and not _config(webhook).get("secret"):
        yield _about(WEBHOOK, "webhook_unsigned", webhook)


def _webhook_body(url: str, ours: Credentials) -> dict[str, Any]:
    signing = {"secret": ours.secret, "signature_algorithm": ALGORITHM} if ours.secret else {}
    login = {"basic_auth_username": ours.webhook_username, "basic_auth_password": ours.webhook_password}
    return {"active": True, "events": list(EVENTS), "config": {"url": url, **login, **signing}}


def _source(source: Json | None, doors: Doors, ours: Credentials, *, renew: bool) -> Registration:
    login = {"basic_auth_username": ours.gateway_username, "basic_auth_password": ours.gateway_password}
    body: dict[str, Any] = {"url": doors.decisions, **login, "active": True}
    if source is None:
        made = {"token": SOURCE_TOKEN, "name": "One Card", **body}
        missing = Finding(GATEWAY, "gateway_missing", {"url": doors.decisions})
        return Registration((missing,), (Repair("gateway_created", "", {"url": doors.decisions}, made),))
    findings = tuple(_wrong_source(source, doors))
    right = _about(GATEWAY, "gateway_right", source, url=doors.decisions)
    if not findings and not renew:
        return Registration((right,))
    name = clean_text(source.get("token"), limit=36)
    code = "gateway_updated" if findings else "gateway_renewed"
    return Registration(findings or (right,), (Repair(code, name, {"id": name}, body),))


def _wrong_source(source: Json, doors: Doors) -> Iterable[Finding]:
    found = clean_text(source.get("url"), limit=200)
    if source.get("active") is False or not found:
        yield _about(GATEWAY, "gateway_inactive", source)
    if found and found != doors.decisions:
        yield _about(GATEWAY, "gateway_elsewhere", source, found=found)


def _product(product: Json | None, source: Json | None, product_token: str) -> Registration:
    if product is None:
        return Registration((Finding(PRODUCT, "product_missing", {"id": product_token}),))
    findings = list(_wrong_product(product, source))
    if not findings:
        return Registration((_about(PRODUCT, "product_right", product),))
    repairs = [] if {each.code for each in findings} == {"product_inactive"} else [_binding_repair(product, source)]
    return Registration(tuple(findings), tuple(repairs))


def _wrong_product(product: Json, source: Json | None) -> Iterable[Finding]:
    binding = _binding(product)
    if product.get("active") is False:
        yield _about(PRODUCT, "product_inactive", product)
    if binding.get("enabled") is not True:
        yield _about(PRODUCT, "product_without_jit", product)
    elif source is None or not binding.get("funding_source_token"):
        yield _about(PRODUCT, "product_without_source", product)
    if binding.get("refunds_destination") != REFUNDS:
        found = clean_text(binding.get("refunds_destination"), limit=50) or "—"
        yield _about(PRODUCT, "refunds_elsewhere", product, found=found)


def _binding_repair(product: Json, source: Json | None) -> Repair:
    """The whole configuration goes back with this one part changed: what an update leaves out may be lost."""
    token = SOURCE_TOKEN if source is None else source_token_of(product)
    wanted = {"enabled": True, "funding_source_token": token, "refunds_destination": REFUNDS}
    config = _mapping(product.get("config"))
    jit = {**_mapping(config.get("jit_funding")), "programgateway_funding_source": {**_binding(product), **wanted}}
    dates = ("name", "start_date", "end_date", "active")
    kept = {name: product[name] for name in dates if product.get(name) is not None}
    name = clean_text(product.get("token"), limit=36)
    return Repair("product_updated", name, {"id": name}, {**kept, "config": {**config, "jit_funding": jit}})


def _binding(product: Json | None) -> Json:
    config = _mapping((product or {}).get("config"))
    return _mapping(_mapping(config.get("jit_funding")).get("programgateway_funding_source"))


def _about(part: str, code: str, thing: Json, **values: str) -> Finding:
    return Finding(part, code, {"id": clean_text(thing.get("token"), limit=36), **values})


def _config(webhook: Json) -> Json:
    return _mapping(webhook.get("config"))


def _leads_to(webhook: Json, doors: Doors) -> bool:
    return doors.takes_events(_config(webhook).get("url"))


def _is_active(webhook: Json) -> bool:
    # The field is left out where nobody gave it, and then the webhook is active.
    return webhook.get("active") is not False


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
