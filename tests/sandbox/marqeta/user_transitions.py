"""User transitions: the only way from one status of a user to another."""

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.events import Notice
from tests.sandbox.marqeta.fields import anything, required, text, token, words
from tests.sandbox.marqeta.lookup import addressed, create_once, page, referenced
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import new_token
from tests.sandbox.wire import Json, copy_of

CHANNELS = ("API", "IVR", "FRAUD", "ADMIN", "SYSTEM")
REASON_CODES = (*(f"{number:02d}" for number in range(32)), "86")

_MOVES = {
    "UNVERIFIED": ("LIMITED", "ACTIVE", "SUSPENDED", "CLOSED"),
    "LIMITED": ("ACTIVE", "SUSPENDED", "CLOSED"),
    "ACTIVE": ("LIMITED", "SUSPENDED", "CLOSED"),
    "SUSPENDED": ("UNVERIFIED", "LIMITED", "ACTIVE", "CLOSED"),
    "CLOSED": ("TERMINATED",),
    "TERMINATED": (),
}

CREATE = {
    "token": token(),
    "user_token": required(token()),
    "status": required(words(*_MOVES)),
    "reason_code": required(words(*REASON_CODES)),
    "channel": required(words(*CHANNELS)),
    "reason": text(),
    "idempotentHash": anything(),
}


def create(program: Program, command: Command) -> Json:
    """Move a user along the table; a move that is not in it is a 412."""
    state, body = program.state, command.body
    with state.lock:
        user = referenced(state, "user", body["user_token"])
        transition, is_new = create_once(state, "usertransition", body, lambda token: _transition(token, user, body))
        if is_new:
            _carry_out(program, user, transition)
        return copy_of(transition)


def move_user(program: Program, user: Json, status: str, *, reason_code: str) -> None:
    """Move a user on the program's own account, as a passed KYC does; call it under the lock."""
    body = {"user_token": user["token"], "status": status, "reason_code": reason_code, "channel": "SYSTEM"}
    transition = program.state.add("usertransition", _transition(new_token(), user, body))
    _carry_out(program, user, transition)


def retrieve(program: Program, command: Command) -> Json:
    """Show a transition."""
    with program.state.lock:
        return copy_of(addressed(program.state, "usertransition", command.token))


def list_of_user(program: Program, command: Command) -> Json:
    """Show one page of a user's transitions."""
    with program.state.lock:
        return page(program.state, command, "usertransition", show=copy_of, sort_by="-id")


def _transition(token: str, user: Json, body: Json) -> Json:
    if body["status"] not in _MOVES[user["status"]]:
        raise ApiError(f"A user cannot go from {user['status']} to {body['status']}.", status=412)
    return {**body, "token": token}


def _carry_out(program: Program, user: Json, transition: Json) -> None:
    user.update(status=transition["status"], active=transition["status"] == "ACTIVE")
    program.state.touch("user", user)
    row = copy_of(transition)
    program.report(Notice("usertransition", row["status"].lower(), row["token"], user["token"], row))
