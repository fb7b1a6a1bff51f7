"""The type of a text for people that may be translated only when it is shown (`gettext_lazy`).

For annotations that Python evaluates; elsewhere "StrOrPromise" is the same.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    Words = StrOrPromise
else:
    Words = object
