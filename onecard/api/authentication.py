"""How a caller shows who they are: an app sends a session token, the web a session cookie with a CSRF token.

Both sessions are begun by django-allauth's headless endpoints (docs/decisions/0039-frontend-api.md).
"""

from typing import Any

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from rest_framework.authentication import SessionAuthentication


class AppSession(XSessionTokenAuthentication):
    """`X-Session-Token`, for apps on a phone. A token that is unknown or has ended is 401."""

    allow_anonymous_users = False
    allow_invalid_session_tokens = False


class WebSession(SessionAuthentication):
    """The session cookie of a page of ours; whoever changes something sends the CSRF token as well."""

    def authenticate_header(self, request: Any) -> str:
        """Names what is missing, so that a caller without a session gets 401 and not 403."""
        return "X-Session-Token"
