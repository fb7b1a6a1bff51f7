"""The names of a profile's fields on pages."""

from wallet.kyc.fields import in_words


def field_words(names: list[str]) -> str:
    """Names fields in a sentence: the date of birth, the city and the phone number."""
    words = in_words(names).split(", ")
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
