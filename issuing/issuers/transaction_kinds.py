"""The kinds of rows in an issuer's list; `IssuerTransaction.kind` is one of these."""

from django.db.models import TextChoices


class Kind(TextChoices):
    """Only captures and refunds move money; an issuer that lists every message has the others too."""

    CAPTURE = "capture", "Capture"
    REFUND = "refund", "Refund"
    AUTHORIZATION = "authorization", "Authorization"
    INCREMENT = "increment", "Increment"  # More was held; the amount is what was added.
    RELEASE = "release", "Release"  # Less is held; the amount is negative.
    DECLINED = "declined", "Declined"
    OTHER = "other", "Other"  # Listed so that nothing is overlooked. It never counts as money.
