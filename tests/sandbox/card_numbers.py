"""Card numbers with a right check digit."""


def has_check_digit(number: str) -> bool:
    """Tell whether the last digit is the check digit of those before it."""
    return _luhn_sum(number) % 10 == 0


def number_ending(last4: str) -> str:
    """Make a card number with a right check digit that ends in these four digits."""
    candidates = (f"40000099900{filler}{last4}" for filler in range(10))
    return next(filter(has_check_digit, candidates))


def _luhn_sum(number: str) -> int:
    doubled = (divmod(int(digit) * 2, 10) for digit in number[-2::-2])
    return sum(int(digit) for digit in number[-1::-2]) + sum(tens + ones for tens, ones in doubled)
