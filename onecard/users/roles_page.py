"""The page docs/roles.md: what each role may see and do, made from the table of roles."""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps

from onecard.users.roles import ROLES

ACTIONS: Final = {"view": "see", "add": "add", "change": "change", "delete": "delete"}
HEAD: Final = """# Roles

Each member of staff has a role; somebody with two has what both allow. A role is a group that comes with the product
(`onecard/users/roles.py`), and each `migrate` gives it exactly what stands here. This page is made from the code, by
`manage.py describe_roles > docs/roles.md`.

- A role is chosen when somebody is invited: *Invite a colleague* under *Logins*, or `manage.py invite_staff NAME`
  with `--role`.
- Nobody changes their own role. The groups of the roles cannot be edited; for another mixture make a group of your own.
- *see* opens the pages of a subject. *add* and *change* are the rights to its buttons; what is evidence is changed by
  nobody.
- A superuser may all of it, and is for the first day and for emergencies. Two-person rules hold for superusers too:
  nobody agrees to what they asked for.
- Whoever lacks a right meets no link to it. Who types an address reads which right is missing, which roles have it, and
  which administrators to ask.
"""


def page() -> str:
    """Returns the whole page as Markdown."""
    return "\n".join([HEAD, *_who(), "", "## What each may see and do", "", *_what(), ""])


def _who() -> Iterator[str]:
    yield "| role | is there to |"
    yield "|---|---|"
    for name, role in ROLES.items():
        yield f"| `{name}` | {role.words} |"


def _what() -> Iterator[str]:
    yield f"| subject | {' | '.join(ROLES)} |"
    yield "|---|" + "---|" * len(ROLES)
    for model in sorted(apps.get_models(), key=lambda model: str(model._meta.label)):
        options = model._meta
        normal = {f"{options.app_label}.{action}_{options.model_name}": word for action, word in ACTIONS.items()}
        yield from _row(f"{options.verbose_name_plural} (`{options.label_lower}`)", normal)
        for codename, words in options.permissions:
            yield from _row(f"{words} (`{options.app_label}.{codename}`)", {f"{options.app_label}.{codename}": "may"})


def _row(subject: object, words: dict[str, Any]) -> Iterator[str]:
    """One line, unless no role has anything of it."""
    cells = [
        ", ".join(word for permission, word in words.items() if permission in role.permissions)
        for role in ROLES.values()
    ]
    if any(cells):
        text = str(subject)
        yield f"| {text[0].upper()}{text[1:]} | {' | '.join(cells)} |"
