"""Labels inside sentences, in the language of whoever reads them."""

from typing import Any, Final

from django.utils.functional import lazy
from django.utils.translation import get_language

from onecard.kit.words import Words

# Its nouns keep their capital letters inside a sentence.
CAPITAL_NOUNS: Final = "de"


def _in_a_sentence(label: Words) -> str:
    text = str(label)
    return text if (get_language() or "").startswith(CAPITAL_NOUNS) else text.lower()


# Returns a label, such as that of a state, as it stands inside a sentence: "Already paid" as "already paid".
in_a_sentence: Any = lazy(_in_a_sentence, str)
