"""Cardholders: who may be given cards."""

import re

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import shapes_issuing
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.controls import apply_controls, controls_field
from tests.sandbox.stripe.errors import RefusedError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import (
    CLEARED,
    Field,
    Spec,
    anything,
    group,
    merge_metadata,
    metadata,
    required,
    rows,
    text,
    whole,
    words,
)
from tests.sandbox.wire import Json

_ADDRESS = group(
    line1=required(text()),
    line2=text(),
    city=required(text()),
    state=text(),
    postal_code=required(text()),
    country=required(text()),
)
_PARTICULARS: dict[str, Field] = {
    "email": text(),
    "phone_number": text(),
    "status": words("active", "inactive"),
    "individual": group(
        first_name=text(),
        last_name=text(),
        dob=group(day=whole(least=1, most=31), month=whole(least=1, most=12), year=whole(least=1900, most=2100)),
        card_issuing=group(user_terms_acceptance=group(date=whole(), ip=text(), user_agent=text())),
        verification=anything(),
    ),
    "company": anything(),
    "preferred_locales": rows(text()),
    "spending_controls": controls_field(spending_limits_currency=text()),
    "metadata": metadata(),
}
CREATE: Spec = {
    **_PARTICULARS,
    "name": required(text()),
    "billing": required(group(address=required(_ADDRESS))),
    "type": words("individual", "company"),
}
UPDATE: Spec = {**_PARTICULARS, "billing": group(address=required(_ADDRESS))}
RETRIEVE: Spec = {}
LIST: Spec = {
    **PAGING,
    **dict.fromkeys(("email", "phone_number"), text()),
    "status": UPDATE["status"],
    "type": CREATE["type"],
}

# At most 24 letters; Stripe turns away digits and most signs.
_NAME = re.compile(r"^[^\W\d_](?:[^\W\d_]|[ .'\-]){0,23}$")


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make a cardholder."""
    params = command.params
    if not _NAME.match(params["name"]):
        raise RefusedError("The cardholder's name has up to 24 letters, without digits or special signs.", param="name")
    cardholder = shapes_issuing.cardholder(name=params["name"], address=params["billing"]["address"])
    cardholder["type"] = params.get("type", "individual")
    with sandbox.state.lock:
        apply_particulars(cardholder, params)
        sandbox.state.add(cardholder)
        emit(sandbox, "issuing_cardholder.created", cardholder, command=command)
        return render(sandbox.state, cardholder, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a cardholder."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "issuing.cardholder", command.id), expand=command.expand)


def update(sandbox: Sandbox, command: Command) -> Json:
    """Change a cardholder's particulars."""
    with sandbox.state.lock:
        cardholder = addressed(sandbox.state, "issuing.cardholder", command.id)
        before = render(sandbox.state, cardholder)
        apply_particulars(cardholder, command.params)
        emit(sandbox, "issuing_cardholder.updated", cardholder, command=command, before=before)
        return render(sandbox.state, cardholder, expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show cardholders, newest first."""
    equal = ("email", "phone_number", "status", "type")
    with sandbox.state.lock:
        return page(sandbox.state, command, "issuing.cardholder", url="/v1/issuing/cardholders", equal=equal)


def apply_particulars(cardholder: Json, params: Json) -> None:
    """Set what is given, and work out what is still missing before cards can be used."""
    for name in ("email", "phone_number", "status", "individual", "company", "preferred_locales"):
        if name in params:
            cardholder[name] = None if params[name] == CLEARED else params[name]
    if "billing" in params:
        cardholder["billing"] = {"address": {"line2": None, "state": None, **params["billing"]["address"]}}
    if "spending_controls" in params:
        cardholder["spending_controls"] = apply_controls(cardholder["spending_controls"], params["spending_controls"])
    cardholder["metadata"] = merge_metadata(cardholder["metadata"], params.get("metadata"))
    cardholder["requirements"] = _requirements(cardholder)


def _requirements(cardholder: Json) -> Json:
    """What Stripe wants; metadata may add to it: `sandbox_reason`, and `sandbox_past_due`, a comma list."""
    metadata = cardholder["metadata"]
    asked = [name for name in metadata.get("sandbox_past_due", "").split(",") if name]
    missing = [*_missing(cardholder), *asked]
    reason = metadata.get("sandbox_reason") or ("requirements.past_due" if missing else None)
    return {"disabled_reason": reason, "past_due": missing}


def _missing(cardholder: Json) -> list[str]:
    if cardholder["type"] != "individual":
        return []
    person = cardholder["individual"] or {}
    names = [f"individual.{name}" for name in ("first_name", "last_name") if not person.get(name)]
    birth = [] if person.get("dob") else [f"individual.dob.{part}" for part in ("day", "month", "year")]
    terms = (person.get("card_issuing") or {}).get("user_terms_acceptance") or {}
    consent = [
        f"individual.card_issuing.user_terms_acceptance.{part}" for part in ("date", "ip") if not terms.get(part)
    ]
    return [*names, *birth, *consent]
