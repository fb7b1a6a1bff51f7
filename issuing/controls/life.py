"""The life of a control: written as a draft, tried in shadow, put into force by a second person, switched off.

Each move is a conditional update from the state that it is legal from (issuing/states.py), with an entry in the trail.
Triggers make the decisions in flight notice it (issuing/sql/controls_changed.sql).
"""

import datetime as dt
import re
from collections.abc import Collection
from typing import Any, Final

from django.db.models import Max
from django.utils.translation import gettext as _

from audit import trail
from issuing import locking, states
from issuing.controls.definition import compile_definition
from issuing.controls.errors import DefinitionError, MoveError, SamePersonError
from issuing.models import Control, ControlVersion, VirtualCard
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from onecard.kit.transitions import sources_of
from routing.words import DECLINES
from wallet.models import Cardholder

REASON_CODE: Final = re.compile(r"[a-z][a-z0-9_]{2,39}")
STAMPS: Final = {
    states.ControlState.SHADOW: "shadowed_at",
    states.ControlState.ACTIVE: "activated_at",
    states.ControlState.OFF: "ended_at",
}


def create(
    *,
    name: str,
    definition: Any,
    reason_code: str,
    sentence: str,
    actor: str,
    cardholder: Cardholder | None = None,
    card: VirtualCard | None = None,
    origin: str = Control.Origin.STAFF,
    allows_pass: bool = False,
) -> ControlVersion:
    """Writes a new control with its first draft; for all cards, or for one cardholder or card.

    With `allows_pass` a cardholder may answer "it was me", and one retry passes (issuing/controls/passes.py).

    Raises DefinitionError for a definition, code or sentence that does not do.
    """
    scope = Control.Scope.CARD if card else Control.Scope.CARDHOLDER if cardholder else Control.Scope.PROGRAMME
    if not name.strip():
        raise DefinitionError(_("Give the control a name."))
    with transaction():
        control = Control.objects.create(
            name=name.strip(), scope=scope, cardholder=cardholder, card=card, origin=origin, created_at=clock.now()
        )
        return write_version(
            control,
            definition=definition,
            reason_code=reason_code,
            sentence=sentence,
            actor=actor,
            allows_pass=allows_pass,
        )


def write_version(
    control: Control, *, definition: Any, reason_code: str, sentence: str, actor: str, allows_pass: bool = False
) -> ControlVersion:
    """Writes the control's next draft; raises DefinitionError, and MoveError while there is another draft of it."""
    _check(control, definition, reason_code, sentence)
    now = clock.now()
    with transaction():
        _lock(control)
        versions = ControlVersion.objects.filter(control=control)
        if versions.filter(state=states.ControlState.DRAFT).exists():
            raise MoveError(_("There is a draft of this control already: change that one, or switch it off."))
        version = ControlVersion.objects.create(
            control=control,
            number=(versions.aggregate(last=Max("number"))["last"] or 0) + 1,
            definition=definition,
            reason_code=reason_code,
            sentence=sentence.strip(),
            author=actor,
            allows_pass=allows_pass,
            is_own=control.origin == Control.Origin.HOLDER,
            created_at=now,
            changed_at=now,
        )
        _record(version, actor, "control.drafted")
    return version


def change_draft(
    version: ControlVersion, *, definition: Any, reason_code: str, sentence: str, actor: str, allows_pass: bool = False
) -> ControlVersion:
    """Changes a draft. Only its author may, so that the second person publishes what one other person wrote.

    Raises DefinitionError, SamePersonError for somebody else, and MoveError when it is no draft any more.
    """
    _check(version.control, definition, reason_code, sentence)
    if version.author != actor:
        raise SamePersonError(_("Only its author changes a draft. Switch it off and write your own."))
    with transaction():
        drafts = ControlVersion.objects.filter(pk=version.pk, state=states.ControlState.DRAFT)
        changed = drafts.update(
            definition=definition,
            reason_code=reason_code,
            sentence=sentence.strip(),
            allows_pass=allows_pass,
            changed_at=clock.now(),
        )
        if changed != 1:
            raise MoveError(_("This version is no draft any more, so it is not changed: write a new version."))
        version.refresh_from_db()
        _record(version, actor, "control.changed")
    return version


def to_shadow(version: ControlVersion, *, actor: str) -> ControlVersion:
    """Has a draft record what it would do; the shadow version before it ends. Raises MoveError.

    Where it counts what the active version counts, it goes on from that one's counters (issuing/sql/open_counter.sql).
    """
    with transaction():
        _lock(version.control)
        _end_others(version, states.ControlState.SHADOW)
        active = ControlVersion.objects.filter(control=version.control_id, state=states.ControlState.ACTIVE).first()
        continues = active if active is not None and _counts_alike(active, version) else None
        return _move(version, states.ControlState.SHADOW, actor, "control.shadowed", continues=continues)


def activate(version: ControlVersion, *, actor: str) -> ControlVersion:
    """Puts a shadow version into force; the active version before it ends. Raises SamePersonError and MoveError."""
    if version.author == actor and not version.is_own:
        raise SamePersonError(_("You wrote this version: somebody else has to put it into force."))
    with transaction():
        _lock(version.control)
        _end_others(version, states.ControlState.ACTIVE)
        return _move(version, states.ControlState.ACTIVE, actor, "control.activated", publisher=actor)


def switch_off(version: ControlVersion, *, actor: str, reason: str) -> ControlVersion:
    """Ends a version in any state; raises MoveError when it has ended, and DefinitionError without a reason."""
    words = checked_reason(reason, error=DefinitionError)
    with transaction():
        _lock(version.control)
        return _move(version, states.ControlState.OFF, actor, "control.switched_off", reason=words)


def exclude(
    control: Control, *, cards: Collection[int], cardholders: Collection[int], actor: str, reason: str
) -> Control:
    """Sets the cards and cardholders, by their keys, that a control leaves alone; raises DefinitionError.

    A reason is needed.
    """
    words = checked_reason(reason, error=DefinitionError)
    with transaction():
        _lock(control)
        after = {"excluded_card_ids": sorted(set(cards)), "excluded_cardholder_ids": sorted(set(cardholders))}
        Control.objects.filter(pk=control.pk).update(**after)
        trail.record(actor=actor, action="control.exclusions", subject=control, reason=words, **after)
    control.refresh_from_db()
    return control


def _check(control: Control, definition: Any, reason_code: str, sentence: str) -> None:
    compile_definition(definition, scope=control.scope)
    if not REASON_CODE.fullmatch(reason_code):
        raise DefinitionError(_("The reason code has 3 to 40 characters: small letters, digits and underscores."))
    own = control.versions.filter(reason_code=reason_code).exists()
    # Those of cardholders are the product's, and many have the same.
    is_shared = own or control.origin == Control.Origin.HOLDER
    if not is_shared and (reason_code in DECLINES or ControlVersion.objects.filter(reason_code=reason_code).exists()):
        raise DefinitionError(_("The reason code %(code)s has another meaning already.") % {"code": reason_code})
    if not sentence.strip():
        raise DefinitionError(_("Write the sentence that the cardholder reads when a purchase is declined."))


def _lock(control: Control) -> None:
    """Locks the card first, where it is one's: the trigger raises its version (docs/money-safety.md)."""
    if control.card_id is not None:
        locking.lock_cards([control.card_id])
    Control.objects.select_for_update(no_key=True, of=("self",)).get(pk=control.pk)


def _end_others(version: ControlVersion, state: str) -> None:
    others = ControlVersion.objects.filter(control=version.control_id, state=state).exclude(pk=version.pk)
    others.update(state=states.ControlState.OFF, ended_at=clock.now())


def _move(version: ControlVersion, state: states.ControlState, actor: str, action: str, **more: Any) -> ControlVersion:
    """Moves a version, if it is in a state that the move is legal from; raises MoveError otherwise."""
    stamp: dict[str, dt.datetime] = {STAMPS[state]: clock.now()}
    reason = more.pop("reason", "")
    legal = ControlVersion.objects.filter(pk=version.pk, state__in=sources_of(states.CONTROL_MOVES, state))
    if legal.update(state=state, **stamp, **more) != 1:
        version.refresh_from_db(fields=("state",))
        raise MoveError(
            _("This version is %(now)s, so it cannot become %(then)s.")
            % {"now": version.get_state_display().lower(), "then": str(state.label).lower()}
        )
    version.refresh_from_db()
    _record(version, actor, action, reason=reason)
    return version


def _counts_alike(before: ControlVersion, after: ControlVersion) -> bool:
    """Returns whether both count the same purchases in the same windows, whatever they may reach."""

    def counted(version: ControlVersion) -> Any:
        velocity = version.definition.get("velocity")
        return velocity and (version.definition.get("when"), {**velocity, "most": 0})

    return bool(counted(after)) and counted(before) == counted(after)


def _record(version: ControlVersion, actor: str, action: str, **details: Any) -> None:
    trail.record(
        actor=actor,
        action=action,
        subject=version.control,
        version=version.number,
        reason_code=version.reason_code,
        **{name: value for name, value in details.items() if value},
    )
