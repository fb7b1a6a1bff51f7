"""The pages of controls: list, editor, life, preview over stored purchases, report, and cardholders' passes."""

from issuing.admin.controls import pages, passes, previews

__all__ = ["pages", "passes", "previews"]
