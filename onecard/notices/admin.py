"""What people heard of, and how each was mailed. Only to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.notices.kinds import MAILED_ELSEWHERE
from onecard.notices.models import Notice, NoticeMail

TONE: dict[str, str] = {
    NoticeMail.Status.INTENDED: "warn",
    NoticeMail.Status.SENDING: "info",
    NoticeMail.Status.SENT: "good",
    NoticeMail.Status.GIVEN_UP: "bad",
}


class MailFilter(admin.SimpleListFilter):
    """Filters notices by what became of their mail."""

    title = gettext_lazy("mail")
    parameter_name = "mail"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(str(value), str(words)) for value, words in NoticeMail.Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:
        return queryset.filter(mail__status=self.value()) if self.value() else queryset


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """Notices of people, newest first."""

    list_display = ("written", "person", "heading", "said", "mailed", "read")
    list_display_links = ("written", "heading")
    list_filter = ("kind", MailFilter, "created_at")
    list_select_related = ("user", "mail")
    search_ids = (("public_id",), ("cause",))
    search_fields = ("user__email", "user__username", "public_id", "cause")
    search_help_text = gettext_lazy(
        "The notice's id, its cause such as decision:<uuid>, or the person's e-mail address"
    )
    nothing_yet = gettext_lazy("They come with purchases, cards, disputes, identity checks and logins of people.")
    fields = (
        ("heading", "written"),
        ("person", "public_id"),
        "text",
        ("cause", "reference"),
        ("mailed", "attempts"),
        "mail_failure",
        ("in_feed", "read"),
    )

    @admin.display(description=gettext_lazy("Written"), ordering="id")
    def written(self, row: Notice) -> str:
        return display.moment(row.created_at)

    @admin.display(description=gettext_lazy("Title"), ordering="kind")
    def heading(self, row: Notice) -> str:
        """The title, which is stored as the person reads it, in the viewer's language."""
        return str(row.get_kind_display())

    @admin.display(description=gettext_lazy("Person"))
    def person(self, row: Notice) -> SafeString:
        return display.link(references.page_of(f"user:{row.user_id}"), row.user)

    @admin.display(description=gettext_lazy("It says"))
    def said(self, row: Notice) -> str:
        return row.text if len(row.text) <= 80 else f"{row.text[:79]}…"

    @admin.display(description=gettext_lazy("Mail"))
    def mailed(self, row: Notice) -> SafeString | str:
        mail = _mail_of(row)
        if mail is not None:
            return display.label(mail.get_status_display(), TONE.get(mail.status, "neutral"))
        return _("Mailed at once") if row.kind in MAILED_ELSEWHERE else _("None")

    @admin.display(description=gettext_lazy("Attempts"))
    def attempts(self, row: Notice) -> str:
        mail = _mail_of(row)
        return str(mail.attempts) if mail else display.NOTHING

    @admin.display(description=gettext_lazy("Why the mail waits"))
    def mail_failure(self, row: Notice) -> str:
        mail = _mail_of(row)
        return mail.failure_message if mail and mail.failure_message else display.NOTHING

    @admin.display(description=gettext_lazy("In the feed"), boolean=True)
    def in_feed(self, row: Notice) -> bool:
        return row.is_shown

    @admin.display(description=gettext_lazy("Read"))
    def read(self, row: Notice) -> str:
        return display.moment(row.read_at)


def _mail_of(row: Notice) -> NoticeMail | None:
    return getattr(row, "mail", None)


references.register("notice", lambda key: reverse("admin:notices_notice_change", args=[key]))
