"""Reads a card's number and code from an issuer's answer without leaving a trace."""

import re

from django.views.decorators.debug import sensitive_variables

from issuing.issuers import errors
from issuing.issuers.base import CardData

_NUMBER = re.compile(r"[0-9]{12,19}", re.ASCII)
_CVV = re.compile(r"[0-9]{3,4}", re.ASCII)


@sensitive_variables()
def read_card_data(number: object, cvv: object, *, last_four: object) -> CardData:
    """Number and code, if they are well-formed; raises NetworkError for anything else, such as a masked number."""
    if not isinstance(number, str) or not isinstance(cvv, str):
        raise errors.no_answer()
    if not _NUMBER.fullmatch(number) or not _CVV.fullmatch(cvv) or number[-4:] != last_four:
        raise errors.no_answer()
    return CardData(number=number, cvv=cvv)
