"""What happened to a person's login, in their feed; the mail about it is letters.py's, which cannot be switched off."""

from audit.models import Entry
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from onecard.second_factor import trail_of_logins
from onecard.second_factor.happenings import FOR_PEOPLE, HAPPENED, NOT_YOU
from onecard.users.models import User


def noted(user: User, entry: Entry) -> None:
    """Writes the notice of an entry about a person's login; staff have no feed."""
    words = HAPPENED | FOR_PEOPLE
    if trail_of_logins.realm_of(user) != "person" or entry.action not in words:
        return
    is_device = entry.action == "person.new_device"
    notices.write(
        user_id=user.pk,
        kind=Kind.NEW_DEVICE if is_device else Kind.LOGIN_CHANGED,
        cause=f"entry:{entry.pk}",
        text=f"{words[entry.action]} {NOT_YOU['person']}",
        reference="login:sessions",
    )
