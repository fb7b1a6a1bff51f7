"""Uploaded files, as Stripe takes them at files.stripe.com: evidence of disputes only, of three kinds, and small."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import RefusedError
from tests.sandbox.stripe.lookup import addressed
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, anything, required, words
from tests.sandbox.wire import Json, new_id, unix_now

PURPOSE = "dispute_evidence"
LARGEST = 5 * 1024 * 1024
CREATE: Spec = {"purpose": required(words(PURPOSE)), "file": required(anything())}
RETRIEVE: Spec = {}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Keep what is known of a file; its content is thrown away."""
    given = command.params["file"]
    if not isinstance(given, dict) or "size" not in given:
        raise RefusedError("Invalid file: send it as multipart/form-data.", param="file")
    if not given["type"]:
        raise RefusedError("The file must be a PDF, a PNG or a JPEG.", param="file")
    if not 0 < given["size"] <= LARGEST:
        raise RefusedError("The file is empty or larger than 5 MB.", param="file")
    with sandbox.state.lock:
        file = sandbox.state.add(
            {
                "id": new_id("file"),
                "object": "file",
                "created": unix_now(),
                "expires_at": None,
                "filename": given["filename"],
                "livemode": False,
                "purpose": command.params["purpose"],
                "size": given["size"],
                "title": None,
                "type": given["type"],
                "url": None,
            }
        )
        return render(sandbox.state, file, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a file."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "file", command.id), expand=command.expand)
