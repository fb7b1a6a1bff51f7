"""Why a dispute cannot be asked for, changed or sent."""

from onecard.kit.errors import OneCardError
from onecard.kit.words import Words


class DisputeRefusedError(OneCardError):
    """The dispute is not possible now; the sentence says why, and `errors` names the field that is wrong, if one is."""

    code = "dispute_refused"

    def __init__(self, message: Words, *, code: str, field: str = "") -> None:
        super().__init__(message, code=code)
        self.errors = {field: [self.message]} if field else {}


class EvidenceRefusedError(OneCardError):
    """The file cannot be taken as evidence."""

    code = "evidence_refused"

    def __init__(self, message: Words, *, code: str) -> None:
        super().__init__(message, code=code)
        self.errors = {"file": [self.message]}


class EvidenceUnavailableError(OneCardError):
    """No file can be sealed, and so none is taken: CARD_DATA_KEYS is missing."""

    code = "evidence_unavailable"
