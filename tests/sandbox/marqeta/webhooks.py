"""Webhooks over the API; `outgoing.py` feeds them."""

from tests.sandbox.marqeta.batches import Target
from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.events import ROOT_KEYS
from tests.sandbox.marqeta.fields import flag, group, required, rows, text, texts_by_name, token, words
from tests.sandbox.marqeta.lookup import addressed, create_once, page
from tests.sandbox.marqeta.passwords import check_password, check_url
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import State
from tests.sandbox.marqeta.things import new_webhook, show_webhook
from tests.sandbox.wire import Json, copy_of

UPDATE = {
    "name": required(text(least=1, most=64)),
    "events": required(rows(text(least=1))),
    "active": flag(),
    "config": required(
        group(
            url=required(text(least=1)),
            basic_auth_username=required(text(least=1, most=50)),
            basic_auth_password=required(text(most=50)),
            secret=text(least=20, most=50),
            signature_algorithm=words("HMAC_SHA_1", "HMAC_SHA_256"),
            custom_header=texts_by_name(most=3),
            use_mtls=flag(),
        )
    ),
}
CREATE = {**UPDATE, "token": token()}

_MOST_ACTIVE = 5
# Of Marqeta's guide; the sandbox itself has events of the first four.
_BASES = (
    *ROOT_KEYS,
    "businesstransition",
    "cardaction",
    "digitalwallettokentransition",
    "threedstransition",
    "commandomodetransition",
)
PING: Json = {"pings": [{"token": "marqeta", "payload": "healthcheck"}]}


def create(program: Program, command: Command) -> Json:
    """Add a webhook; at most five may be active."""
    state, body = program.state, command.body
    with state.lock:
        webhook, _ = create_once(state, "webhook", body, lambda token: _checked(state, new_webhook(token, body)))
        return show_webhook(webhook)


def update(program: Program, command: Command) -> Json:
    """Replace what the webhook listens to and where it goes; events that were sent already keep their address."""
    state = program.state
    with state.lock:
        webhook = addressed(state, "webhook", command.token)
        webhook.update(_checked(state, {**webhook, **copy_of(command.body), "token": command.token}))
        state.touch("webhook", webhook)
        return show_webhook(webhook)


def retrieve(program: Program, command: Command) -> Json:
    """Show a webhook, its secrets masked."""
    with program.state.lock:
        return show_webhook(addressed(program.state, "webhook", command.token))


def list_(program: Program, command: Command) -> Json:
    """Show one page of webhooks."""
    with program.state.lock:
        return page(program.state, command, "webhook", show=show_webhook, sort_by="-createdTime")


def ping(program: Program, command: Command) -> Json:
    """Send a ping to the webhook, once, whether it is answered or not."""
    program.outgoing.ping(_target(program, command), PING)
    return copy_of(PING)


def resend(program: Program, command: Command) -> Json:
    """Send one event of the past to this webhook again; the event is in the answer too."""
    base, token = command.place["event_type"], command.place["event_token"]
    target = _target(program, command)
    if base not in ROOT_KEYS:
        raise ApiError(f"event_type must be one of {', '.join(ROOT_KEYS)}.", detail=5)
    notice = program.outgoing.resend(base, token, target)
    if notice is None:
        raise ApiError(f"No {base} has the token {token}.", status=404, detail=12)
    return {ROOT_KEYS[base]: [copy_of(notice.row)]}


def _target(program: Program, command: Command) -> Target:
    with program.state.lock:
        return Target.of(addressed(program.state, "webhook", command.token))


def _check_events(events: list[str]) -> None:
    """Insist on known base types; a wildcard stands for all of one of them, and not for a part."""
    for name in events:
        base, _, rest = name.partition(".")
        if name != "*" and (base not in _BASES or not rest or ("*" in rest and rest != "*")):
            raise ApiError(f"events holds {name}, which is no event and no wildcard of a base type.", detail=19)
    if not events:
        raise ApiError("events must name at least one event.", detail=19)


def _checked(state: State, webhook: Json) -> Json:
    config = webhook["config"]
    _check_events(webhook["events"])
    check_url("config.url", config["url"])
    check_password("config.basic_auth_password", config["basic_auth_password"], most=50)
    others = [
        other for other in state.things["webhook"].values() if other["active"] and other["token"] != webhook["token"]
    ]
    if webhook["active"] and len(others) >= _MOST_ACTIVE:
        raise ApiError(f"A program has at most {_MOST_ACTIVE} active webhooks.", detail=17)
    return webhook
