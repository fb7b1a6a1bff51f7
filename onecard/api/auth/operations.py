"""What the OpenAPI document says of joining and logging in: one entry an operation, described by examples.

allauth ships a document of its own, which has operations, errors and fields that are not ours. Types follow from the
examples here.
"""

from dataclasses import dataclass, field
from typing import Any, Final

EMAIL: Final = "ada@example.com"
PASSWORD: Final = "three blue tea cups"  # noqa: S105
CODE: Final = "BCDF-GHJK"
CREDENTIAL: Final[dict[str, Any]] = {"id": "dGhl…", "rawId": "dGhl…", "type": "public-key", "response": {}}
KEY_ID: Final[dict[str, Any]] = {"type": "public-key", "id": "dGhl…"}
# For navigator.credentials.get() and create(), as the browser and the phone take them.
OPTIONS: Final[dict[str, Any]] = {
    "publicKey": {
        "challenge": "Y2hh…", "rpId": "onecard.example", "allowCredentials": [KEY_ID], "userVerification": "preferred",
    }
}  # fmt: skip
NEW_OPTIONS: Final[dict[str, Any]] = {
    "publicKey": {
        "challenge": "Y2hh…",
        "rp": {"id": "onecard.example", "name": "One Card"},
        "user": {"id": "MQ", "name": EMAIL, "displayName": EMAIL},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "excludeCredentials": [KEY_ID],
        "authenticatorSelection": {
            "userVerification": "preferred", "residentKey": "preferred", "requireResidentKey": False,
        },
        "extensions": {"credProps": True},
    }
}  # fmt: skip
# What allauth leaves out, by how the passkey is used.
OPTIONAL: Final = frozenset(
    {"allowCredentials", "userVerification", "excludeCredentials", "authenticatorSelection", "residentKey",
     "requireResidentKey", "extensions", "displayName"}
)  # fmt: skip

AUTHENTICATOR: Final[dict[str, Any]] = {"type": "totp", "created_at": 1796000000.5, "last_used_at": None}
CODES: Final[dict[str, Any]] = {
    "type": "recovery_codes", "created_at": 1796000000.5, "last_used_at": None, "total_code_count": 10,
    "unused_code_count": 10, "unused_codes": ["12345678"],
}  # fmt: skip
PASSKEY: Final[dict[str, Any]] = {
    "type": "webauthn", "created_at": 1796000000.5, "last_used_at": None, "id": 3, "name": "Phone",
    "is_passwordless": True,
}  # fmt: skip
ADDRESS: Final[dict[str, Any]] = {"email": EMAIL, "verified": True, "primary": True}
SESSION: Final[dict[str, Any]] = {
    "id": 17, "ip": "203.0.113.7", "user_agent": "One Card 1.0 (iPhone)", "created_at": 1796000000.5,
    "is_current": True,
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One method of one address. `answers` holds the data of a 200, or None where it is who is logged in."""

    method: str
    address: str
    name: str
    words: str
    body: dict[str, Any] | None = None
    optional: frozenset[str] = field(default_factory=frozenset)
    data: Any = None
    # "session": 200 says who is logged in; "data": 200 has data; "done": 200 and no more; "steps": never 200.
    answers: str = "session"


def _optional(*names: str) -> frozenset[str]:
    return frozenset(names)


REAUTHENTICATE: Final = "Ask who it is once more, before something that needs it."
TOTP, RECOVERY, PASSKEYS = (f"account/authenticators/{each}" for each in ("totp", "recovery-codes", "webauthn"))
OPERATIONS: Final = (
    Operation(
        "post", "auth/signup", "sign_up", "Sign up. 401 with `verify_email` pending: a code is in the mail.",
        {"email": EMAIL, "password": PASSWORD}, answers="steps",
    ),
    Operation("post", "auth/email/verify", "verify_email", "Prove an address by its mailed code.", {"key": CODE}),
    Operation(
        "post", "auth/email/verify/resend", "resend_verification", "Mail another code, twice at most.", answers="done"
    ),
    Operation(
        "post", "auth/login", "log_in", "Log in. 401 names the step that is pending, if there is one.",
        {"email": EMAIL, "password": PASSWORD},
    ),
    Operation(
        "post", "auth/2fa/authenticate", "give_login_code",
        "Second step of a login: a code of the app, or a recovery code.", {"code": "123456"},
    ),
    Operation(
        "get", "auth/webauthn/authenticate", "ask_for_login_passkey", "Second step of a login: what to ask a passkey.",
        data={"request_options": OPTIONS}, optional=OPTIONAL, answers="data",
    ),
    Operation(
        "post", "auth/webauthn/authenticate", "give_login_passkey", "Second step of a login: the passkey's answer.",
        {"credential": CREDENTIAL},
    ),
    Operation(
        "get", "auth/webauthn/login", "ask_for_passkey", "Log in by passkey alone: what to ask it.",
        data={"request_options": OPTIONS}, optional=OPTIONAL, answers="data",
    ),
    Operation(
        "post", "auth/webauthn/login", "log_in_by_passkey", "Log in by passkey alone: its answer.",
        {"credential": CREDENTIAL},
    ),
    Operation("get", "auth/session", "read_session", "Who is logged in; 401 names the steps to take."),
    Operation("delete", "auth/session", "log_out", "Log out here. The answer is 401.", answers="steps"),
    Operation(
        "get", "auth/sessions", "list_sessions", "Where the person is logged in.", data=[SESSION], answers="data"
    ),
    Operation(
        "delete", "auth/sessions", "end_sessions", "End some sessions, or all with `all`.",
        {"sessions": [17], "all": False}, _optional("sessions", "all"), data=[SESSION], answers="data",
    ),
    Operation(
        "post", "auth/password/request", "request_password_reset",
        "Mail a code that allows a new password. 401, whether or not there is such a login.", {"email": EMAIL},
    ),
    Operation(
        "post", "auth/password/reset", "reset_password",
        "Set a new password by the mailed code. All sessions end, so the answer is 401.",
        {"key": CODE, "password": PASSWORD},
    ),
    Operation("post", "auth/reauthenticate", "reauthenticate", REAUTHENTICATE, {"password": PASSWORD}),
    Operation("post", "auth/2fa/reauthenticate", "reauthenticate_by_code", REAUTHENTICATE, {"code": "123456"}),
    Operation(
        "get", "auth/webauthn/reauthenticate", "ask_to_reauthenticate", REAUTHENTICATE,
        data={"request_options": OPTIONS}, optional=OPTIONAL, answers="data",
    ),
    Operation(
        "post", "auth/webauthn/reauthenticate", "reauthenticate_by_passkey", REAUTHENTICATE, {"credential": CREDENTIAL}
    ),
    Operation(
        "post", "account/password/change", "change_password", "Set a new password. All sessions end: 401.",
        {"current_password": PASSWORD, "new_password": "four green milk jugs"}, answers="steps",
    ),
    Operation("get", "account/email", "read_email", "The person's address.", data=[ADDRESS], answers="data"),
    Operation(
        "post", "account/email", "change_email", "Mail a code to a new address; `verify_email` finishes the change.",
        {"email": "ada@lovelace.example"}, data=[ADDRESS], answers="data",
    ),
    Operation(
        "get", "account/authenticators", "list_authenticators", "Which second factors there are.",
        data=[{**CODES, **PASSKEY}], optional=_optional(*CODES, *PASSKEY) - {"type", "created_at"}, answers="data",
    ),
    Operation(
        "get", TOTP, "read_totp", "The authenticator app; 404 has a new key for one that is set up now.",
        data=AUTHENTICATOR, answers="data",
    ),
    Operation(
        "post", TOTP, "set_up_totp", "Set up an authenticator app, by its first code.", {"code": "123456"},
        data=AUTHENTICATOR, answers="data",
    ),
    Operation("delete", TOTP, "remove_totp", "Remove the authenticator app.", answers="done"),
    Operation(
        "get", RECOVERY, "read_recovery_codes", "The unused recovery codes, which are shown once.", data=CODES,
        optional=_optional("unused_codes"), answers="data",
    ),
    Operation(
        "post", RECOVERY, "make_recovery_codes", "New recovery codes, in place of the old ones.", {}, data=CODES,
        answers="data",
    ),
    Operation(
        "get", PASSKEYS, "ask_for_new_passkey", "What to ask of a new passkey.", data={"creation_options": NEW_OPTIONS},
        optional=OPTIONAL, answers="data",
    ),
    Operation(
        "post", PASSKEYS, "add_passkey", "Add a passkey.", {"name": "Phone", "credential": CREDENTIAL},
        _optional("name", "is_passwordless"), data=PASSKEY, answers="data",
    ),
    Operation(
        "put", PASSKEYS, "rename_passkey", "Give a passkey another name.", {"id": 3, "name": "Old phone"},
        _optional("is_passwordless"), data=PASSKEY, answers="data",
    ),
    Operation("delete", PASSKEYS, "remove_passkeys", "Remove passkeys.", {"authenticators": [3]}, answers="done"),
)  # fmt: skip
