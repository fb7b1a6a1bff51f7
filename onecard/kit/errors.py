"""The base of every error that a person may read."""


class OneCardError(Exception):
    """Something went wrong in a way that we foresaw: a sentence for people, a code for machines.

    Subclasses live beside the function that raises them.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
