"""The id of a request, with which a person who reports a fault and whoever reads the log mean the same one."""

import os
import re
from typing import Final

from django.http import HttpRequest
from rest_framework.request import Request

from onecard.kit.masking import masked

HEADER: Final = "X-Request-Id"
# The key of the id in the WSGI environment.
KEPT_AS: Final = "onecard.request_id"
# With a letter in it, it is no telephone number.
ALLOWED: Final = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_.:-]{8,80}")


def taken_or_new(sent: str) -> str:
    """Returns the caller's id if it is well formed and holds no card's number, or else a new one."""
    if sent and ALLOWED.fullmatch(sent) and masked(sent) == sent:
        return sent
    return os.urandom(16).hex()


def request_id(request: HttpRequest | Request) -> str:
    """Returns the request's id, made when it is first asked for."""
    if KEPT_AS not in request.META:
        request.META[KEPT_AS] = taken_or_new(request.headers.get(HEADER, ""))
    return str(request.META[KEPT_AS])
