"""Columns for what people and other systems write: cleaned, and card numbers covered, on every way into a row."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy

from onecard.kit.masking import masked, masked_json
from onecard.kit.text import normalized, normalized_lines
from onecard.kit.time_zones import canonical

if TYPE_CHECKING:

    class TextColumn(models.CharField[str, str]):
        """What type checkers are told of a column that is never NULL."""

        _pyi_private_set_type: str
        _pyi_private_get_type: str

else:
    TextColumn = models.CharField


def refuse_card_number(text: str) -> None:
    """Raises ValidationError for a text with a card's number in it: for columns whose text is not to be changed."""
    if masked(text) != text:
        raise ValidationError(
            gettext_lazy("This looks like a card's number or code, which is never kept here."), code="card_number"
        )


def refuse_odd_digits(text: str) -> None:
    """Raises ValidationError for digits of another script, such as full-width ones: a code of them matches nothing."""
    if any(character.isdigit() and not character.isascii() for character in text):
        raise ValidationError(gettext_lazy("Write the digits as 0 to 9."), code="odd_digits")


class CleanedField(TextColumn):
    """A column that holds one form of each text. Every write passes here: save, bulk_create, update.

    Lookups pass too, so that a row is found however its text is written. In migrations it is a CharField, since its
    column is one.
    """

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options

    def to_python(self, value: Any) -> Any:
        return self._clean(super().to_python(value))

    def get_prep_value(self, value: Any) -> Any:
        return self._clean(super().get_prep_value(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001  (Django's signature)
        """Cleans the value and sets it on the object too, so that the object equals its row."""
        value = self._clean(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def _clean(self, value: Any) -> Any:
        raise NotImplementedError


class TimeZoneField(CleanedField):
    """An IANA time zone under its present name."""

    def _clean(self, value: Any) -> Any:
        return canonical(value.strip()) if isinstance(value, str) else value


class FreeTextField(CleanedField):
    """A name, a reason, a note or a message, as `free_text` makes it."""

    def __init__(self, *args: Any, lines: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lines = lines

    def _clean(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        cleaned = masked(normalized_lines(value) if self.lines else normalized(value))
        # Unicode's one form of a character may be several characters.
        return cleaned[: self.max_length] if len(value) <= (self.max_length or 0) else cleaned


class FreeJsonField(models.JSONField):
    """JSON with texts of people or other systems in it, as `masked_json` makes it. In migrations a JSONField."""

    def deconstruct(self) -> Any:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.JSONField", args, options

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return super().get_db_prep_save(masked_json(value) if isinstance(value, dict | list) else value, connection)
