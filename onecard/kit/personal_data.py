"""Covers what names a person in a text for the log: mail addresses, telephone numbers, values of database rows.

Names of people have no form by which they could be found, so no message may contain one.
"""

import re
from typing import Final

MAIL: Final = "[e-mail]"
TELEPHONE: Final = "[phone]"
ROW: Final = "[row]"
_MAIL: Final = re.compile(r"[\w.+'-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.){1,8}\w{2,24}")
# International with its + (ITU-T E.164), or as North Americans write theirs.
_TELEPHONE: Final = re.compile(
    r"(?<![\w+])(?:\+|%2[bB])[1-9](?:[\s().\-/]{0,2}\d){6,14}(?!\d)"
    r"|(?<![\w.-])(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-]|\.\d)"
)
# PostgreSQL quotes the row that breaks a constraint.
_QUOTED_ROW: Final = re.compile(r"(Failing row contains )\(.*?\)\.?(?=\n|$)", re.DOTALL)
_QUOTED_KEY: Final = re.compile(r"(Key \([^\n]{1,300}?\)=)\(.*?\)(?= (?:already|is not|is still|conflicts))", re.DOTALL)


def covered(text: str) -> str:
    """Returns the text without what names a person."""
    if "@" in text or "%40" in text:
        text = _MAIL.sub(MAIL, text)
    if "Failing row" in text or ")=(" in text:
        text = _QUOTED_KEY.sub(rf"\1({ROW})", _QUOTED_ROW.sub(rf"\1({ROW}).", text))
    return _TELEPHONE.sub(TELEPHONE, text)
