"""The button on a wallet's page that leads to the form for the person's virtual card, with the person filled in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.confirmation_pages import page_action, way_back, with_way_back


class NewCardLinkAdmin(BaseAdmin):
    """The form is of the app above (issuing/admin/new_card.py), so this knows its address and permission by name."""

    def has_make_card_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm("issuing.add_virtualcard")

    @page_action(
        description=gettext_lazy("New virtual card"),
        url_path="new-card",
        permissions=["make_card", "view"],
        icon="credit_card",
    )
    def new_card(self, request: HttpRequest, object_id: str) -> HttpResponse:
        holder = row_or_404(self, request, object_id)
        form = f"{reverse('admin:issuing_virtualcard_new_card')}?{urlencode({'cardholder': holder.pk})}"
        return redirect(with_way_back(form, way_back(request, "")) if way_back(request, "") else form)
