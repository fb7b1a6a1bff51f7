"""The outbox: messages that wait, and messages that were published."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from onecard.kit import display
from onecard.kit.admin import ReadOnlyAdmin
from onecard.outbox.models import Message


class WaitingFilter(admin.SimpleListFilter):
    """Filters messages that wait or were published."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("waiting", "Waiting"), ("published", "Published")]

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

    @admin.display(description="Written", ordering="id")
    def written(self, message: Message) -> str:
        return display.moment(message.created_at)

    @admin.display(description="Published")
    def published(self, message: Message) -> str:
        return display.moment(message.published_at)

    @admin.display(description="A relay holds it until")
    def claimed(self, message: Message) -> str:
        return display.moment(message.claimed_until)

    @admin.display(description="State")
    def state(self, message: Message) -> SafeString:
        published = message.published_at is not None
        return display.label("Published" if published else "Waiting", "good" if published else "warn")

    @admin.display(description="Waited")
    def waited(self, message: Message) -> str:
        if message.published_at is None:
            return f"{display.age(message.created_at)} so far"
        return f"{(message.published_at - message.created_at).total_seconds():.1f} s"
