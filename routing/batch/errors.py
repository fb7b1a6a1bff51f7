"""What is wrong with a batch's input, with the file and the line."""

from pathlib import Path

from onecard.kit.errors import OneCardError


class BatchInputError(OneCardError):
    """The sentence names the file and the line, says what is wrong there and what would be right."""

    code = "bad_batch_input"

    def __init__(self, file: Path, line: int, problem: str) -> None:
        super().__init__(f"{file}, line {line}: {problem} Nothing was written.")


def shown(value: object) -> str:
    """A value from a file as a sentence quotes it, cut to a length that fits."""
    text = str(value)
    return f"“{text}”" if len(text) <= 60 else f"“{text[:57]}...”"
