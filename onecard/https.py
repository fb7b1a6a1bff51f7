"""What comes over plain HTTP in production, and is more than a page to look at, is refused with a sentence.

Django's SecurityMiddleware, which comes next, redirects. An issuer counts a redirect as a failed delivery, a browser
would repeat a form without its values, and either has sent its secrets in clear by then. Whether a request came over
HTTPS is what the proxy in front says with X-Forwarded-Proto (docs/threat-model.md).
"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

log = logging.getLogger(__name__)

READS = ("GET", "HEAD", "OPTIONS")
WORDS = "Send this over HTTPS; a proxy in front must say so with the header X-Forwarded-Proto: https."


class RefusePlainPosts:
    """403 for every request over plain HTTP that is not a read, where SECURE_SSL_REDIRECT is on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SECURE_SSL_REDIRECT and request.method not in READS and not request.is_secure():
            log.warning("A %s to %s over plain HTTP was refused.", request.method, request.path)
            return JsonResponse({"error": WORDS}, status=403)
        return self.get_response(request)
