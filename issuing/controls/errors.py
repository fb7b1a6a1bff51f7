"""What can be wrong with a control."""

from onecard.kit.errors import OneCardError


class DefinitionError(OneCardError):
    """A control's definition does not say something that can be done; the sentence says what is wrong."""

    code = "invalid_control"


class MoveError(OneCardError):
    """A control's version cannot go to this state from where it is."""

    code = "control_move_refused"


class SamePersonError(OneCardError):
    """Whoever wrote a version cannot publish it."""

    code = "same_person"
