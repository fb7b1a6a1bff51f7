"""The check digit of card numbers (ISO/IEC 7812-1, annex B)."""

from django.views.decorators.debug import sensitive_variables


@sensitive_variables()
def passes_luhn(number: str) -> bool:
    """Returns whether the last digit of a run of decimal digits is the check digit of the others."""
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0
