"""Foreign text made fit to store: what PostgreSQL cannot hold or a column is too short for."""

from onecard.kit.redaction import redact


def clean_text(value: object, *, limit: int) -> str:
    """A string of at most `limit` characters without NUL and lone surrogates; anything but a string gives ""."""
    if not isinstance(value, str):
        return ""
    storable = value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return storable.strip()[:limit]


def clean_message(value: object, *, limit: int) -> str:
    """The same for what another service says of an error: it may repeat our key, so secrets are taken out."""
    return clean_text(redact(value) if isinstance(value, str) else "", limit=limit)
