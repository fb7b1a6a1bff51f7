"""Program gateway funding sources: where the program asks whether to pay."""

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.fields import anything, flag, required, text, texts_by_name, token, whole
from tests.sandbox.marqeta.lookup import addressed, create_once
from tests.sandbox.marqeta.passwords import check_password, check_url
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.things import new_gateway_source, show_gateway_source
from tests.sandbox.wire import Json, copy_of

_HEADERS = texts_by_name(most=3)
_NEEDED = {
    "url": required(text(most=250)),
    "basic_auth_username": required(text(least=1, most=50)),
    "basic_auth_password": required(text(most=100)),
}
_OPTIONAL = {
    "name": text(least=1, most=50),
    "active": flag(),
    "custom_header": _HEADERS,
    "timeout_millis": whole(least=1000, most=7000),
    "use_mtls": flag(),
    "oauth_token_provider": anything(),
}
CREATE = {**_OPTIONAL, **_NEEDED, "token": token(), "name": required(text(least=1, most=50))}
UPDATE = {**_OPTIONAL, **_NEEDED}
UPDATE_HEADERS = {"custom_header": required(_HEADERS), "token": token()}


def create(program: Program, command: Command) -> Json:
    """Add a gateway source."""
    state, body = program.state, command.body
    check_url("url", body["url"])
    check_password("basic_auth_password", body["basic_auth_password"], most=100)
    with state.lock:
        source, _ = create_once(state, "gatewaysource", body, lambda token: new_gateway_source(token, body))
        return show_gateway_source(source)


def update(program: Program, command: Command) -> Json:
    """Point the source elsewhere; an empty URL switches it off."""
    if command.body["url"]:
        check_url("url", command.body["url"])
    check_password("basic_auth_password", command.body["basic_auth_password"], most=100)
    return _change(program, command)


def update_headers(program: Program, command: Command) -> Json:
    """Replace the custom headers."""
    return _change(program, command)


def retrieve(program: Program, command: Command) -> Json:
    """Show a source, its secrets masked."""
    with program.state.lock:
        return show_gateway_source(addressed(program.state, "gatewaysource", command.token))


def _change(program: Program, command: Command) -> Json:
    state = program.state
    with state.lock:
        source = addressed(state, "gatewaysource", command.token)
        source.update(copy_of(command.body), token=command.token)
        state.touch("gatewaysource", source)
        return show_gateway_source(source)
