"""Everything beside the card itself, on one page of links."""

from django.http import HttpRequest, HttpResponse

from onecard.notices import services as notices
from onecard.person.page import LoggedInPage


class Account(LoggedInPage):
    menu = "account"

    def get(self, request: HttpRequest) -> HttpResponse:
        unread = notices.feed_of(self.person.pk).filter(read_at=None).count()
        return self.render(request, "account", email=self.person.email, unread=unread)
