"""A person's sessions: where they are logged in, and a mail when they log in from somewhere new."""

import datetime as dt
from typing import Final

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import F
from django.http import HttpRequest

from audit import trail
from audit.models import Entry
from onecard.kit import clock
from onecard.kit.text import clean_text
from onecard.kit.transactions import transaction
from onecard.second_factor import trail_of_logins, trust
from onecard.users.models import User

BATCH: Final = 1000
LASTS: Final = dt.timedelta(days=30)
LOGGED_IN: Final = "person.logged_in"


def begin(request: HttpRequest, user: User, *, address: str) -> None:
    """Lists the session that has just begun, records the login, and mails the person if the device is new."""
    browser = clean_text(request.headers.get("User-Agent", ""), limit=200)
    device = trail_of_logins.short_hash(f"{browser} {address}")
    request.session.set_expiry(int(LASTS.total_seconds()))
    with transaction():
        UserSession.objects.purge_and_list(user)
        UserSession.objects.create_from_request(request)
        if _is_new(user, device):
            trust.note(User.objects.get(pk=user.pk), "person.new_device", address=address, browser=browser)
        trail_of_logins.logged_in(user, address=address, device=device)


def unlist(request: HttpRequest) -> None:
    """Takes the session that ends now from the list."""
    UserSession.objects.filter(session_key=request.session.session_key).delete()


def end_all(user: User) -> None:
    """Ends every session of a person everywhere, also those that are on no list."""
    with transaction():
        UserSession.objects.filter(user_id=user.pk).delete()
        User.objects.filter(pk=user.pk).update(session_version=F("session_version") + 1)
        record_end(user, which="all")


def forget_expired() -> int:
    """Deletes sessions that have expired, of people and of staff, with their places on the list; returns how many."""
    expired = Session.objects.filter(expire_date__lt=clock.now())
    total = 0
    while keys := list(expired.values_list("session_key", flat=True)[:BATCH]):
        with transaction():
            UserSession.objects.filter(session_key__in=keys).delete()
            total += Session.objects.filter(session_key__in=keys).delete()[0]
    return total


def record_end(user: User, *, which: str) -> None:
    """Records that a person ended sessions: `all`, or how many."""
    subject = User.objects.get(pk=user.pk)
    trail.record(actor=f"user:{user.pk}", action="person.sessions_ended", subject=subject, which=which)


def _is_new(user: User, device: str) -> bool:
    """Returns whether the person logged in before, and never with this device from this address."""
    logins = Entry.objects.filter(subject_type="user", subject_id=str(user.pk), action=LOGGED_IN)
    return logins.exists() and not logins.filter(details__device=device).exists()
