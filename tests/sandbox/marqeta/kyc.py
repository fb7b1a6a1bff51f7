"""KYC: who passes becomes active; who fails stays as it was.

Everybody passes but a user whose metadata says `"sandbox_kyc": "fail"`.
"""

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import flag, text, token
from tests.sandbox.marqeta.lookup import addressed, create_once, page, referenced
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.user_transitions import move_user
from tests.sandbox.wire import Json, copy_of

CREATE = {
    "token": token(),
    "user_token": token(),
    "business_token": token(),
    "manual_override": flag(),
    "notes": text(),
    "reference_id": text(most=32),
}


def create(program: Program, command: Command) -> Json:
    """Look at who a user is; a pass moves an unverified or limited user to ACTIVE."""
    state, body = program.state, command.body
    if "user_token" not in body:
        raise ApiError("user_token is required: the sandbox knows no businesses.", detail=3)
    with state.lock:
        user = referenced(state, "user", body["user_token"])
        check, is_new = create_once(state, "kyc", body, lambda token: _check(token, user, body))
        if is_new and check["result"]["status"] == "Success" and user["status"] in ("UNVERIFIED", "LIMITED"):
            move_user(program, user, "ACTIVE", reason_code="18")
        return copy_of(check)


def retrieve(program: Program, command: Command) -> Json:
    """Show a check."""
    with program.state.lock:
        return copy_of(addressed(program.state, "kyc", command.token))


def list_of_user(program: Program, command: Command) -> Json:
    """Show one page of a user's checks."""
    with program.state.lock:
        return page(program.state, command, "kyc", show=copy_of, sort_by="-createdTime")


def _check(token: str, user: Json, body: Json) -> Json:
    override = body.get("manual_override", False)
    if override or user["metadata"].get("sandbox_kyc") != "fail":
        result: Json = {"status": "Success", "codes": []}
    else:
        result = {"status": "Failure", "codes": [{"code": "NoMatch", "message": "No match was found"}]}
    return {**body, "token": token, "manual_override": override, "result": result}
