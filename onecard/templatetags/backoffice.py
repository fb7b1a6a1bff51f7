"""The back office's own words for templates."""

import datetime as dt

from django import template

from onecard.kit import display
from onecard.kit.money import Money

register = template.Library()


@register.filter
def moment(when: dt.datetime | None) -> str:
    return display.moment(when)


@register.filter
def age(since: dt.datetime | None) -> str:
    return display.age(since)


@register.simple_tag
def money(amount_minor: int | None, currency: str) -> str:
    return display.money(amount_minor, currency)


@register.filter
def amount(of: Money | None) -> str:
    return str(of) if of is not None else display.NOTHING
