"""What a text finds: a thing by its id, cards by their last four digits, people, merchants, and pages by their name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from issuing.models import Authorization, VirtualCard
from onecard.desk.people_search import find_people
from onecard.kit import display, references
from onecard.kit.list_search import SHORTEST_WORD, matching, with_whole_id
from onecard.kit.masking import masked
from onecard.kit.text import clean_text
from wallet.models import Cardholder, FundingMethod

LONGEST: Final = 200
MOST_OF_A_KIND: Final = 8
LAST_FOUR: Final = re.compile(r"[0-9]{4}")
# "case:17" is how the trail, the ledger and the cases name a thing.
REFERENCE: Final = re.compile(r"([a-z_]+):([\w-]+)")
NUMBER: Final = re.compile(r"#?([0-9]{1,12})")
TIMES: Final = ("created_at", "occurred_at", "opened_at", "received_at")
# What a person most likely wants of several things with one id comes first.
FIRST: Final = ("issuing.Authorization", "wallet.Cardholder", "wallet.Case", "wallet.FundingCharge")
ID: Final = re.compile(r"[\w.:-]{6,120}")


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of the result: what it is, in words, and its page."""

    title: str
    description: str
    link: str
    icon: str


def find(request: HttpRequest, typed: str) -> list[Hit]:
    """Returns what a text finds among all that the person may see, the surest first, each page once.

    The first 200 characters count. Of a whole card number only the last four digits are looked for.
    """
    text = clean_text(typed, limit=LONGEST)
    if masked(text) != text:
        text = "".join(filter(str.isdigit, text))[-4:]
    if not text:
        return []
    by_id = list(_by_id(request, text))
    # An id names one thing. Everything else may mean several.
    hits = by_id or [*_by_last_four(request, text), *_people(request, text), *_merchants(request, text)]
    return list({hit.link: hit for hit in [*_pages(request, text), *hits]}.values())


def _by_id(request: HttpRequest, text: str) -> Iterator[Hit]:
    """Finds an id, ours, the issuer's or the processor's, through the unique index of every list that has one."""
    reference = REFERENCE.fullmatch(text)
    if reference:
        yield from _referenced(request, *reference.groups())
    number = NUMBER.fullmatch(text)
    if number and not LAST_FOUR.fullmatch(text):
        yield from _numbered(request, int(number[1]))
    if not ID.fullmatch(text) or text.isdigit():
        return
    for model, room in _rooms(request):
        columns = dict.fromkeys([*room.search_ids, *((name,) for name in _public_ids(model))])
        found = with_whole_id(_rows(model), list(columns), text)
        for row in found[:MOST_OF_A_KIND] if found is not None else ():
            yield _hit(row)


def _referenced(request: HttpRequest, kind: str, key: str) -> Iterator[Hit]:
    page = references.page_of(f"{kind}:{key}")
    for model, _room in _rooms(request):
        if page and page.startswith(_page(model, "changelist")):
            yield Hit(f"{kind}:{key}", str(capfirst(model._meta.verbose_name)), page, "tag")


def _numbered(request: HttpRequest, number: int) -> Iterator[Hit]:
    """Finds what the lists call by its number: a purchase, a case, a charge."""
    for model, _room in _rooms(request):
        if model._meta.label in ("issuing.Authorization", "wallet.Case", "wallet.FundingCharge"):
            row = _rows(model).filter(pk=number).first()
            if row is not None:
                yield _hit(row)


def _by_last_four(request: HttpRequest, text: str) -> Iterator[Hit]:
    """Finds cards, and the purchases of both kinds of card, as lists."""
    if not LAST_FOUR.fullmatch(text):
        return
    if _may_view(request, VirtualCard):
        cards = VirtualCard.objects.filter(last_four=text).select_related("cardholder").order_by("-pk")
        for card in cards[:MOST_OF_A_KIND]:
            yield _hit(card, f"{card.cardholder.name} •••• {card.last_four}")
    if _may_view(request, Authorization):
        title = _("Purchases with a card that ends in %(digits)s") % {"digits": text}
        yield _list(Authorization, title, text)
    if _may_view(request, Cardholder):
        methods = FundingMethod.objects.filter(last_four=text).select_related("cardholder").order_by("-pk")
        for method in methods[:MOST_OF_A_KIND]:
            page = references.page_of(f"cardholder:{method.cardholder_id}")
            name = f"{method.cardholder.name}, {method.name} •••• {method.last_four}"
            yield Hit(name, _("Funding card"), page, "wallet")


def _people(request: HttpRequest, text: str) -> Iterator[Hit]:
    if not _may_view(request, Cardholder) or LAST_FOUR.fullmatch(text):
        return
    for person in find_people(text, limit=MOST_OF_A_KIND):
        words = person.user.email or person.user.get_username()
        yield Hit(person.name, _("Person, %(address)s") % {"address": words}, _page_of(person), "person")


def _merchants(request: HttpRequest, text: str) -> Iterator[Hit]:
    """Finds the newest purchases at merchants with these words, and the list of all of them."""
    words = [word for word in text.split() if len(word) >= SHORTEST_WORD][:6]
    if not words or not _may_view(request, Authorization) or NUMBER.fullmatch(text):
        return
    with_words = Q(*(Q(merchant_name__icontains=word) for word in words))
    found = list(matching(Authorization.objects.order_by("-created_at", "-pk"), with_words)[:MOST_OF_A_KIND])
    if found:
        yield _list(Authorization, _("All purchases at “%(words)s”") % {"words": text}, text)
    for purchase in found:
        yield _hit(purchase)


def _pages(request: HttpRequest, text: str) -> Iterator[Hit]:
    """Finds pages of the sidebar by their name."""
    asked = text.casefold()
    site: Any = admin.site
    for group in site.get_sidebar_list(request) if len(asked) > 1 else ():
        for item in group["items"]:
            if item.get("has_permission") and asked in str(item["title"]).casefold():
                link = str(item.get("link_callback") or item["link"])
                yield Hit(str(item["title"]), _("Page"), link, str(item.get("icon") or "tag"))


def _rooms(request: HttpRequest) -> Iterator[tuple[type[Model], Any]]:
    """Yields the models that the person may view, with their admin pages."""
    rooms = admin.site._registry.items()  # noqa: SLF001  (Django has no other list of them)
    for model, room in sorted(rooms, key=lambda each: _place(each[0]._meta.label)):
        if room.has_view_permission(request):
            yield model, room


def _rows(model: type[Model]) -> QuerySet[Any]:
    manager: Any = model._meta.default_manager
    rows: QuerySet[Any] = manager.all()
    return rows


def _place(label: str) -> int:
    return FIRST.index(label) if label in FIRST else len(FIRST)


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    return any(each is model for each, _room in _rooms(request))


def _public_ids(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.fields if field.unique and field.get_internal_type() == "UUIDField"]


def _hit(row: Model, title: str = "") -> Hit:
    kind = str(capfirst(row._meta.verbose_name))
    moment = next(
        (getattr(row, name) for name in ("created_at", "occurred_at", "opened_at") if hasattr(row, name)), None
    )
    state = str(getattr(row, "get_status_display", lambda: "")())
    words = [kind, state, display.moment(moment) if moment else ""]
    return Hit(title or str(row), ", ".join(filter(None, words)), _page_of(row), _icon(row))


def _page_of(row: Model) -> str:
    return references.page_of(f"{row._meta.model_name}:{row.pk}") or _page(type(row), "change", row.pk)


def _page(model: type[Model], view: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def _list(model: type[Model], title: str, words: str) -> Hit:
    return Hit(title, _("List"), f"{_page(model, 'changelist')}?{urlencode({'q': words})}", "list")


def _icon(row: Model) -> str:
    return {"cardholder": "person", "virtualcard": "credit_card", "case": "support"}.get(
        str(row._meta.model_name), "receipt_long"
    )
