"""Why a month is not archived, in a sentence."""

from onecard.kit.errors import OneCardError


class ArchiveError(OneCardError):
    """A month cannot be archived now; nothing of it was dropped."""

    code = "not_archived"
