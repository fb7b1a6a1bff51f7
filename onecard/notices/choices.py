"""How people chose to hear of each kind."""

from collections.abc import Mapping

from audit import trail
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import transaction
from onecard.notices.kinds import DEFAULTS, Channel, Kind, channels_of
from onecard.notices.models import Choice
from onecard.users.models import User


class ChannelRefusedError(OneCardError):
    """A kind cannot be heard of in this way, such as security mails that cannot be switched off."""

    code = "channel_not_allowed"


def channel_of(user_id: int, kind: Kind) -> Channel:
    """Returns where a person's notices of a kind go."""
    if len(channels_of(kind)) == 1:
        return DEFAULTS[kind]
    chosen = Choice.objects.filter(user_id=user_id, kind=kind).values_list("channel", flat=True).first()
    return Channel(chosen) if chosen else DEFAULTS[kind]


def all_of(user_id: int) -> dict[Kind, Channel]:
    """Returns where a person's notices of every kind go."""
    chosen = dict(Choice.objects.filter(user_id=user_id).values_list("kind", "channel"))
    return {kind: Channel(chosen.get(kind, DEFAULTS[kind])) for kind in Kind}


def choose(user: User, wanted: Mapping[Kind, Channel], *, actor: str) -> None:
    """Stores a person's choices, all or none; raises ChannelRefusedError for one that is not allowed."""
    for kind, channel in wanted.items():
        if channel not in channels_of(kind):
            allowed = ", ".join(channels_of(kind))
            raise ChannelRefusedError(f"{kind.value} cannot be set to {channel.value}; allowed: {allowed}.")
    with transaction():
        was = all_of(user.pk)
        changed = {kind: channel for kind, channel in wanted.items() if was[kind] != channel}
        for kind, channel in sorted(changed.items()):
            Choice.objects.update_or_create(user=user, kind=kind, defaults={"channel": channel})
        if changed:
            words = {kind.value: f"{was[kind].value} → {channel.value}" for kind, channel in changed.items()}
            trail.record(actor=actor, action="notices.chosen", subject=user, changes=words)
