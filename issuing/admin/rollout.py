"""Feature flags: each is on for a share of all people, and for people named one by one."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from audit.edits import AuditedAdmin
from issuing.models import Rollout
from onecard.kit import display


@admin.register(Rollout)
class RolloutAdmin(AuditedAdmin):
    """Feature flags. None is deleted: a feature without a row is on for everybody, so raise its share instead."""

    list_display = ("feature", "share", "changed")
    fields = ("feature", "share_percent", "always_on_for", "always_off_for")
    autocomplete_fields = ("always_on_for", "always_off_for")
    nothing_yet = gettext_lazy("Without a row, a feature is on for everybody.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("feature",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("Share"), ordering="share_percent")
    def share(self, row: Rollout) -> str:
        return f"{row.share_percent} %"

    @admin.display(description=gettext_lazy("Changed"), ordering="updated_at")
    def changed(self, row: Rollout) -> str:
        return display.moment(row.updated_at)
