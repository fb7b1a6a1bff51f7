"""The outbox: messages that wait, and messages that were published."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.separators import localised
from onecard.outbox.models import Message


class WaitingFilter(admin.SimpleListFilter):
    """Filters messages that wait or were published."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("waiting", _("Waiting")), ("published", _("Published"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        if self.value() is None:
            return queryset
        return queryset.filter(published_at__isnull=self.value() == "waiting")


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Messages to the workers. The relay publishes them; nobody edits them."""

    ordering = ("-id",)
    list_display = ("written", "topic", "state", "payload", "waited", "attempts")
    list_filter = (WaitingFilter, "topic", "created_at")
    search_fields = ("topic",)
    fields = ("topic", "state", "payload", "written", "published", "claimed", "attempts")

    @admin.display(description=gettext_lazy("Written"), ordering="id")
    def written(self, message: Message) -> str:
        return display.moment(message.created_at)

    @admin.display(description=gettext_lazy("Published"))
    def published(self, message: Message) -> str:
        return display.moment(message.published_at)

    @admin.display(description=gettext_lazy("A relay holds it until"))
    def claimed(self, message: Message) -> str:
        return display.moment(message.claimed_until)

    @admin.display(description=gettext_lazy("State"))
    def state(self, message: Message) -> SafeString:
        published = message.published_at is not None
        return display.label(_("Published") if published else _("Waiting"), "good" if published else "warn")

    @admin.display(description=gettext_lazy("Waited"))
    def waited(self, message: Message) -> str:
        if message.published_at is None:
            return _("%(created_at)s so far") % {"created_at": display.age(message.created_at)}
        waited = (message.published_at - message.created_at).total_seconds()
        return f"{localised(f'{waited:.1f}')} s"
