"""What admin pages print: times, ages, amounts, coloured labels and foreign bytes, the same on every page."""

import datetime as dt
import json
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.utils import formats, timezone, translation
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from onecard.kit import clock
from onecard.kit.money import Money, MoneyError, currency_exponent
from onecard.kit.separators import localised
from onecard.kit.words import Words

NOTHING = "-"
# A page shows this much of a body; the row has all of it.
LONGEST_BODY = 60_000


def money(amount_minor: int | None, currency: str) -> str:
    """Returns an amount with its currency; a currency that cannot be money is shown as it was received."""
    if amount_minor is None:
        return NOTHING
    try:
        return str(Money(amount_minor, currency))
    except Exception:  # noqa: BLE001  (a page about odd data must not fail on it)
        return _("%(amount)s minor units of %(currency)s") % {
            "amount": amount_minor,
            "currency": currency or _("no currency"),
        }


def in_english(words: Words) -> str:
    """Returns a text in the language of what is stored and sent, whoever's page it is written from."""
    with translation.override(settings.LANGUAGE_CODE):
        return str(words)


def estimate(amount: Decimal, currency: str) -> str:
    """Returns an estimate of one purchase, rounded to a tenth of the minor unit: 1.35 USD, 0.675 USD."""
    shown = rounded(amount, currency, finer_by=1)
    places = max(_exponent(currency), -int(shown.normalize().as_tuple().exponent))
    return f"{localised(f'{shown:,.{places}f}')} {currency}"


def total(amount: Decimal, currency: str) -> str:
    """Returns a sum of estimates, rounded to the minor unit: 135.68 USD."""
    return f"{localised(f'{rounded(amount, currency):,f}')} {currency}"


def rounded(amount: Decimal, currency: str, *, finer_by: int = 0) -> Decimal:
    """Returns what is shown of an estimate: rounded half up to the currency's minor unit, or `finer_by` digits finer.

    For pages and answers only: the books keep millionths, and sums are made of those.
    """
    places = _exponent(currency) + finer_by
    # Plus nothing, so that a tiny loss is not shown as -0.00.
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP) + Decimal(0)


def _exponent(currency: str) -> int:
    try:
        return currency_exponent(currency)
    except MoneyError:
        return 2


def moment(when: dt.datetime | None) -> str:
    """Returns a time to the second in the viewer's time zone, with the zone's name, as their language writes it."""
    return formats.date_format(timezone.localtime(when), "DATETIME_FORMAT") if when else NOTHING


def typed_moment(when: dt.datetime) -> str:
    """Returns a time to the minute as the viewer's forms read it: in their time zone and in their language's order."""
    pattern = next(each for each in formats.get_format("DATETIME_INPUT_FORMATS") if "%S" not in each)
    return timezone.localtime(when).strftime(pattern)


def age(since: dt.datetime | None) -> str:
    """Returns how long ago it was, in the format of `span`."""
    return NOTHING if since is None else span((clock.now() - since).total_seconds())


def span(length_s: float) -> str:
    """Returns a length of time in its two largest units: 40 s, 3 min, 2 h 5 min, 4 d 1 h, 1 d; never negative."""
    seconds = max(0, int(length_s))
    if seconds < 60:
        return _("%(seconds)s s") % {"seconds": seconds}
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours < 1:
        return _("%(minutes)s min") % {"minutes": minutes}
    if days < 1:
        words = _("%(hours)s h %(minutes)s min") if minutes % 60 else _("%(hours)s h")
        return words % {"hours": hours, "minutes": minutes % 60}
    words = _("%(days)s d %(hours)s h") if hours % 24 else _("%(days)s d")
    return words % {"days": days, "hours": hours % 24}


def label(text: object, tone: str = "neutral") -> SafeString:
    """Returns a coloured word; the tone is good, bad, warn, info or neutral, and the word also says it."""
    return format_html('<span class="oc-label oc-{}">{}</span>', tone, text)


def link(url: str, text: object) -> SafeString:
    return format_html('<a class="oc-link" href="{}">{}</a>', url, text)


def copyable(text: object) -> SafeString:
    """Returns an id with a button that copies it (onecard/static/onecard/copy.js); no button for nothing."""
    if not text:
        return SafeString(NOTHING)
    return format_html(
        '<span class="oc-copyable"><code>{id}</code> <button type="button" class="oc-copy" data-copy="{id}" '
        'data-copied="{copied}" aria-label="{label}" hidden>{copy}</button></span>',
        id=text,
        copied=_("Copied"),
        copy=_("Copy"),
        label=_("Copy %(text)s") % {"text": text},
    )


def preformatted(text: str) -> SafeString:
    """Returns a scrollable block that the keyboard can reach."""
    return format_html('<pre class="oc-pre" tabindex="0">{}</pre>', text)


def pretty_body(body: bytes | memoryview) -> str:
    """Makes foreign bytes readable: indented when they are JSON, else as text with odd bytes as \\x escapes."""
    raw = bytes(body)
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw.decode("utf-8", "backslashreplace")
    # Lone surrogates and control characters would break the page's encoding or hide the text after them.
    shown = "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text[:LONGEST_BODY])
    note = _("… %(count)s bytes in all; only the beginning is shown.") % {"count": localised(f"{len(raw):,}")}
    return (shown or _("(empty)")) + (f"\n{note}" if len(text) > LONGEST_BODY else "")


def joined(words: Sequence[Any]) -> str:
    return ", ".join(str(word) for word in words) or NOTHING
