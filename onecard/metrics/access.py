"""Who may scrape."""

import hmac
import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

from onecard import production

# What Prometheus, curl and a browser send by themselves.
DIRECT_HEADERS = frozenset(
    [
        "accept",
        "authorization",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "dnt",
        "host",
        "if-modified-since",
        "if-none-match",
        "origin",
        "pragma",
        "priority",
        "referer",
        "te",
        "traceparent",
        "upgrade-insecure-requests",
        "user-agent",
    ]
)
DIRECT_PREFIXES = ("accept-", "sec-", "x-prometheus-")


def may_scrape(request: HttpRequest) -> bool:
    """Who has the token, where there is one; else who asks from this machine itself, and not through a proxy on it."""
    token = settings.METRICS_TOKEN.encode()
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), b"Bearer " + token)
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and not _may_be_passed_on(request)


def _may_be_passed_on(request: HttpRequest) -> bool:
    """Proxies name themselves in many headers, of which any list is too short; a direct client sends few others."""
    names = [name.lower() for name in request.headers]
    is_direct = all(name in DIRECT_HEADERS or name.startswith(DIRECT_PREFIXES) for name in names)
    # A bare proxy adds no header, but passes on the public name, or speaks HTTP/1.0 as nginx does by itself.
    host = re.sub(r":[0-9]*$", "", request.META.get("HTTP_HOST", "localhost"))
    is_old = request.META.get("SERVER_PROTOCOL") == "HTTP/1.0"
    return not is_direct or is_old or host.lower() not in production.LOOPBACK_HOSTS


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A server that listens on IPv6 for both writes IPv4's addresses into its own.
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
