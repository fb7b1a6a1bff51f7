"""The code that an authenticator app scans, drawn here because no other server may see the key in it."""

from allauth.mfa.adapter import get_adapter
from django.utils.safestring import SafeString, mark_safe


def drawn(url: str) -> SafeString:
    """Returns the picture as SVG, in black: it needs a white ground."""
    picture = str(get_adapter().build_totp_svg(url))
    return mark_safe(picture[picture.index("<svg") :])  # noqa: S308  (qrcode writes nothing but shapes)
