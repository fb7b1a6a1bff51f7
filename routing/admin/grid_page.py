"""The page with the grid of rankings: MCCs against cards, filtered by group and card, as published or with a draft."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from onecard.kit import clock
from onecard.kit.text import clean_text
from routing.admin.draft_forms import open_drafts
from routing.merchant_groups import GROUPS
from routing.models import RankingDraft, RankingRow, RewardType
from routing.rankings import words
from routing.rankings.grid import Asked, Cell, Column, Grid, build

SHORT = {RewardType.CASH: "%", RewardType.POINTS: "pt", RewardType.MILES: "mi", RewardType.DEFAULT: "x"}


class AskedForm(forms.Form):
    """The parameters that the page's address may have."""

    group = forms.ChoiceField(choices=[("", ""), *((key, key) for key in GROUPS)], required=False)
    mcc = forms.CharField(required=False, max_length=80)
    card = forms.CharField(required=False, max_length=80)
    day = forms.DateField(required=False)
    all = forms.BooleanField(required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=10_000)
    cards = forms.IntegerField(required=False, min_value=1, max_value=10_000)
    draft = forms.ModelChoiceField(RankingDraft.objects.all(), required=False)


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell as the page prints it."""

    text: str
    where: str
    notes: str
    # All of it, for the pointer.
    words: str
    link: str
    marks: str
    tone: str


def show(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Shows a page of the grid; a parameter that means nothing is named, and left out."""
    if request.method != "GET" or not model_admin.has_view_permission(request):
        raise PermissionDenied
    form = AskedForm(request.GET)
    form.is_valid()
    values = form.cleaned_data
    asked = Asked(
        day=values.get("day") or clock.now().date(),
        group=values.get("group") or "",
        mcc=clean_text(values.get("mcc"), limit=80),
        card=clean_text(values.get("card"), limit=80),
        all_mccs=bool(values.get("all")),
        page=values.get("page") or 1,
        cards_page=values.get("cards") or 1,
        draft=values.get("draft"),
    )
    grid = build(asked)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Grid of rankings"),
        "asked": asked,
        "grid": grid,
        "lines": [(line.category, [_shown(cell, asked) for cell in line.cells]) for line in grid.lines],
        "groups": [(key, group.name) for key, group in GROUPS.items()],
        "drafts": _drafts(asked),
        "problems": [error for errors in form.errors.values() for error in errors],
        "rows_nav": _paging(asked, grid, "page"),
        "cards_nav": _paging(asked, grid, "cards"),
        "may_write": request.user.has_perm("routing.add_rankingdraft"),
    }
    return TemplateResponse(request, "admin/routing/rankingrow/grid.html", context)


def _shown(cell: Cell, asked: Asked) -> ShownCell:
    ranked = cell.applies
    text, said = "·", _("not ranked on this day")
    if ranked is not None and ranked.reward_rate is not None:
        text = f"{ranked.reward_rate.normalize():f} {SHORT[RewardType(ranked.reward_type)]}"
        said = words.earns(ranked.reward_rate, ranked.reward_type)
    notes = [
        *([_("changed by the draft")] if cell.is_drafted else []),
        *([_("%(count)s more, of other days or cards") % {"count": cell.others}] if cell.others else []),
        *([_("overlaps: two hold on the same days")] if cell.overlaps else []),
    ]
    marks = (
        ("*" if cell.is_drafted else "") + (f"+{cell.others}" if cell.others else "") + ("!" if cell.overlaps else "")
    )
    where = f"{cell.mcc}, {cell.column.name}"
    return ShownCell(
        text=text,
        where=where,
        notes=", ".join(notes),
        words=": ".join([where, ", ".join([said, *notes])]),
        link=_link(cell, asked),
        marks=marks,
        tone="warn" if cell.overlaps else "info" if cell.is_drafted else "",
    )


def _link(cell: Cell, asked: Asked) -> str:
    """Leads to the ranking that applies; else to the list of them; an empty cell to the form of a new one."""
    if asked.draft is not None:
        return f"{reverse('admin:routing_rankingdraft_add_ranking', args=[asked.draft.pk])}?{_card_query(cell)}"
    if isinstance(cell.applies, RankingRow) and not cell.others:
        return reverse("admin:routing_rankingrow_change", args=[cell.applies.pk])
    if cell.applies is not None or cell.others:
        narrow = {"q": cell.column.name} if cell.column.product_id else {"network__exact": cell.column.network}
        return f"{reverse('admin:routing_rankingrow_changelist')}?{urlencode({'mcc': cell.mcc, **narrow})}"
    return f"{reverse('admin:routing_rankingrow_new_ranking')}?{_card_query(cell)}"


def _card_query(cell: Cell) -> str:
    column: Column = cell.column
    card = f"p:{column.product_id}" if column.product_id is not None else f"n:{column.network}"
    return urlencode({"mcc": cell.mcc, "card": card})


def _drafts(asked: Asked) -> list[RankingDraft]:
    found = open_drafts()
    return found if asked.draft is None or asked.draft in found else [asked.draft, *found]


def _paging(asked: Asked, grid: Grid, name: str) -> dict[str, Any]:
    """Returns the links to the pages before and after, with all else that was asked for."""
    page, pages = (grid.page, grid.pages) if name == "page" else (grid.cards_page, grid.cards_pages)
    kept = {
        "group": asked.group,
        "mcc": asked.mcc,
        "card": asked.card,
        "all": "on" if asked.all_mccs else "",
        "day": asked.day.isoformat() if asked.day != _today() else "",
        "draft": str(asked.draft.pk) if asked.draft else "",
        "page": str(grid.page),
        "cards": str(grid.cards_page),
    }

    def to(number: int) -> str:
        return f"?{urlencode({key: value for key, value in (kept | {name: str(number)}).items() if value})}"

    return {
        "page": page,
        "pages": pages,
        "before": to(page - 1) if page > 1 else "",
        "after": to(page + 1) if page < pages else "",
    }


def _today() -> dt.date:
    return clock.now().date()
