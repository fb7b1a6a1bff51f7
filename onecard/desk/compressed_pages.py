"""Compresses the back office's pages, except those on which a secret could be guessed from their length (BREACH).

The attack needs a page that holds a secret and repeats something of the request. Secrets are shown in answers to POST
and on the pages of the second factor; neither is compressed. A list repeats a search, and holds no secret: the CSRF
token differs in each answer (docs/threat-model.md).
"""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from onecard.second_factor.sessions import BACK_OFFICE

WITH_SECRETS: Final = (f"{BACK_OFFICE}invitation/", f"{BACK_OFFICE}second-factor/")


class CompressedPages(GZipMiddleware):
    """Middleware: Django's compression, which also adds some random bytes, for pages without secrets."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if _may_be_compressed(request, response) else response


def _may_be_compressed(request: HttpRequest, response: HttpResponseBase) -> bool:
    path, kind = request.path_info, response.headers.get("Content-Type", "")
    is_page = path.startswith(BACK_OFFICE) and kind.startswith("text/html")
    return is_page and request.method == "GET" and not path.startswith(WITH_SECRETS)
