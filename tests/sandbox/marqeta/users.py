"""Users: the people who hold cards."""

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.fields import anything, flag, text, texts_by_name, token, words
from tests.sandbox.marqeta.lookup import addressed, create_once, page
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.things import new_user
from tests.sandbox.wire import Json, copy_of

_PERSON = {
    **dict.fromkeys(("first_name", "middle_name", "last_name", "city", "country", "passport_number"), text(most=40)),
    **dict.fromkeys(("address1", "address2", "birth_place", "company", "id_card_number", "nationality"), text()),
    **dict.fromkeys(("notes", "phone", "ssn", "title"), text()),
    **dict.fromkeys(("honorific", "postal_code", "zip", "birth_date"), text(most=10)),
    **dict.fromkeys(("id_card_expiration_date", "passport_expiration_date"), text(most=10)),
    **dict.fromkeys(("corporate_card_holder", "uses_parent_account"), flag()),
    **dict.fromkeys(("account_holder_group_token", "parent_token"), token()),
    "email": text(least=1),
    "gender": words("F", "M"),
    "identifications": anything(),
    "ip_address": text(most=39),
    "metadata": texts_by_name(most=20),
    "password": text(least=1),
    "state": text(most=2),
}
CREATE = {"token": token(), **_PERSON}
UPDATE = CREATE

_NEVER_SHOWN = ("password", "ssn")


def create(program: Program, command: Command) -> Json:
    """Take a person on, unverified."""
    state = program.state
    with state.lock:
        user, _ = create_once(state, "user", command.body, lambda token: new_user(token, command.body))
        return show_user(user)


def retrieve(program: Program, command: Command) -> Json:
    """Show a user."""
    with program.state.lock:
        return show_user(addressed(program.state, "user", command.token))


def update(program: Program, command: Command) -> Json:
    """Change what is given and leave the rest; the token and the status stay."""
    state = program.state
    with state.lock:
        user = addressed(state, "user", command.token)
        user.update(copy_of(command.body), token=command.token)
        state.touch("user", user)
        return show_user(user)


def list_(program: Program, command: Command) -> Json:
    """Show one page of users."""
    with program.state.lock:
        return page(program.state, command, "user", show=show_user)


def show_user(user: Json) -> Json:
    """Copy a user for the outside."""
    return {name: copy_of(value) for name, value in user.items() if name not in _NEVER_SHOWN}
