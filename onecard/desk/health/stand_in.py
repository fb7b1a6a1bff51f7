"""Stand-in on the web machine that makes the page: its setting, its snapshot of cards, and its answers."""

import datetime as dt
import socket
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from issuing import states
from issuing.stand_in import files, policy, state
from onecard.desk.health.item import Item, State
from onecard.kit import clock, display

# An outage is over when nothing was answered for so long, or when all of it is in the books.
ACTIVE_FOR: Final = dt.timedelta(minutes=2)


def stand_in() -> Iterator[Item]:
    """Whether it is on, whether it could approve now, and whether its answers are in the books."""
    try:
        found = state.read()
    except OSError as error:
        yield _setting("bad", _("STAND_IN_DIR cannot be used: %(error)s.") % {"error": error.strerror})
        return
    if found is None:
        yield _off()
        return
    yield _setting("good", _mode())
    if settings.STAND_IN_POLICY == policy.APPROVE:
        yield _snapshot(found)
    yield _answers(found)


def _off() -> Item:
    if settings.ONECARD_ROLE == "desk":
        words = _("This machine answers no purchases; GET /health/ready of those that do says how theirs is doing.")
        return _setting("good", words)
    return _setting("warn", _("Off: without the database purchases are declined, and nothing of them is recorded."))


def _mode() -> str:
    names = {"machine": socket.gethostname()}
    if settings.STAND_IN_POLICY != policy.APPROVE:
        return _("On at %(machine)s: without the database purchases are declined and recorded.") % names
    amount = display.money(settings.STAND_IN_CARD_AMOUNT, "USD")
    words = _("On at %(machine)s: without the database up to %(amount)s for a card within a day are approved.")
    return words % {**names, "amount": amount}


def _setting(shown: State, measured: str) -> Item:
    to_do = _("Give STAND_IN_DIR a folder on the own disk of each web machine, which its web server alone may read.")
    return _item(_("Stand-in"), shown, measured, to_do)


def _snapshot(found: state.State) -> Item:
    if found.has_bad_snapshot:
        measured = _("It cannot be read or has a wrong signature: nothing would be approved.")
    elif found.snapshot_at is None:
        measured = _("There is none yet: nothing would be approved.")
    elif found.lacks_snapshot:
        measured = _("Taken %(age)s ago, which is too old: nothing would be approved.")
    else:
        measured = _("Ready: taken %(age)s ago, with a right signature.")
    return _item(
        _("Snapshot of cards for stand-in"),
        "bad" if found.lacks_snapshot else "good",
        measured % {"age": display.age(found.snapshot_at)} if found.snapshot_at else measured,
        _("The web server takes it by itself; manage.py stand_in_snapshot takes it now, or says what is in its way."),
    )


def _answers(found: state.State) -> Item:
    place = files.folder()
    lines = state.lines_waiting(place) if place and found.is_waiting else 0
    is_recent = found.last_answer_at is not None and clock.now() - found.last_answer_at < ACTIVE_FOR
    is_active = is_recent and found.is_waiting
    return _item(
        _("Answers of stand-in"),
        "bad" if is_active else "warn" if found.is_waiting or found.in_doubt else "good",
        " ".join(filter(None, (_activity(found, is_active=is_active), _waiting(lines, found), _doubts(found)))),
        _("See why the database did not answer. What waits is folded in by itself; if it stays, the log says why."),
    )


def _activity(found: state.State, *, is_active: bool) -> str:
    if found.last_answer_at is None:
        return _("It has answered nothing.")
    words = _("Active: it answered %(age)s ago.") if is_active else _("It answered %(age)s ago for the last time.")
    return words % {"age": display.age(found.last_answer_at)}


def _waiting(lines: int, found: state.State) -> str:
    if not lines:
        return _("All of its answers are in the books.") if found.last_answer_at and not found.in_doubt else ""
    words = ngettext(
        "%(count)s line of its journal waits to be folded into the books.",
        "%(count)s lines of its journal wait to be folded into the books.",
        lines,
    )
    return words % {"count": lines}


def _doubts(found: state.State) -> str:
    if not found.in_doubt:
        return ""
    words = ngettext(
        "Of %(count)s approval nobody knows whether it was given: it waits until its issuer reports it.",
        "Of %(count)s approvals nobody knows whether they were given: they wait until their issuer reports them.",
        found.in_doubt,
    )
    return words % {"count": found.in_doubt}


def _item(name: str, shown: State, measured: str, to_do: str) -> Item:
    return Item(
        name=name,
        state=shown,
        measured=measured,
        to_do=to_do,
        page=f"{reverse('admin:issuing_authorization_changelist')}?stood_in={states.StoodIn.ONE_CARD}",
        runbook="Stand-in answers purchases",
    )
