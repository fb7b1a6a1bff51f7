"""How a process begins: with its settings read, or ended with one sentence; and with secrets kept out of tracebacks.

What it imports until its apps are ready stays for as long as it lives. To look through all that for garbage again and
again would take a fifth of the start, so Python's collector of cycles begins its work then (docs/decisions/0076).
"""

import gc
import sys
import traceback
from types import TracebackType

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from onecard.kit.redaction import redact


def read_settings() -> None:
    """Reads the settings now, where a server would meet a wrong one only in the middle of its work; exits on one."""
    try:
        _ = settings.SECRET_KEY
    except ImproperlyConfigured as error:
        sys.exit(refusal(error))


def collect_from_now_on() -> None:
    """Has Python's collector of cycles begin, and pass over what is there by now; the last app calls it when ready."""
    gc.freeze()
    gc.enable()


def refusal(error: ImproperlyConfigured) -> str:
    """What a process says that cannot start."""
    return f"One Card cannot start: {redact(str(error))}"


def _show_redacted(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


# A traceback that ends a process may quote what a library was given.
sys.excepthook = _show_redacted
if not apps.ready:
    gc.disable()
