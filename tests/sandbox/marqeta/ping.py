"""The sign of life."""

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import new_token, timestamp
from tests.sandbox.wire import Json


def retrieve(_program: Program, _command: Command) -> Json:
    """Tell that the API is there and that the credentials are right."""
    return {
        "success": True,
        "version": "3.0.0",
        "revision": "sandbox",
        "timestamp": timestamp(),
        "env": "sandbox",
        "id": new_token(),
    }
