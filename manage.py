#!/usr/bin/env python
"""Django's entry point."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from onecard.dev.running_stack import take_its_environment
from onecard.start import refusal


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onecard.settings")
    take_its_environment()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong setting is the operator's to mend: the sentence helps, a traceback does not.
        sys.exit(refusal(error))
    except DatabaseError as error:
        # It reads the settings, which are known to be right by now.
        from onecard.management import database_errors

        words = database_errors.in_words(error)
        if not words:
            raise
        sys.stderr.write(f"{words}\n")
        # Of some commands 1 is a finding (reconcile, check_ledger).
        sys.exit(2)


if __name__ == "__main__":
    main()
