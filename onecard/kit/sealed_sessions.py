"""Sessions that are sealed at rest: whoever reads their table reads no code that is under way (docs/decisions/0040).

allauth keeps the codes that it mails in the session, and has no hook that would keep anything else. So Django's own
hook seals the whole session. One that does not open is an empty one: its owner logs in again.
"""

from typing import Any, Final

from django.core.signing import JSONSerializer
from django.views.decorators.debug import sensitive_variables

from onecard.kit.crypto import open_bytes, seal_bytes

RING: Final = "SECOND_FACTOR_KEYS"
_PLACE: Final = "django_session.session_data"


class SealedSerializer:
    """What Django's sessions call to write and to read their content; the bytes are signed besides."""

    @sensitive_variables()
    def dumps(self, content: Any) -> bytes:
        """Returns the content, sealed; raises SealError without a key."""
        plain: bytes = JSONSerializer().dumps(content)
        return seal_bytes(plain, context=_PLACE, ring=RING)

    @sensitive_variables()
    def loads(self, sealed: bytes) -> Any:
        """Returns what was sealed; raises SealError, which Django takes for an empty session."""
        return JSONSerializer().loads(open_bytes(sealed, context=_PLACE, ring=RING))
