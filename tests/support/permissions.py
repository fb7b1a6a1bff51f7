"""Which permissions the product asks for."""

import re
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.test import RequestFactory

from tests.support.factories import UserFactory

ROOT = Path(__file__).resolve().parents[2]
OURS = ("onecard", "issuing", "routing", "wallet", "audit")


def asked_for() -> set[str]:
    """What pages and buttons ask: named in the code, made by a model for its own use, or the right to an open form."""
    every = {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in (
            *(f"{action}_{model._meta.model_name}" for action in ("view", "add", "change", "delete")),
            *(codename for codename, _words in model._meta.permissions),
        )
    }
    text = " ".join(
        path.read_text(encoding="utf-8")
        for app in OURS
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts and path.name != "roles.py"
    )
    named = set(re.findall(r"\b[a-z]+\.[a-z]+_[a-z_]+\b", text)) & every
    own = {f"{each._meta.app_label}.{codename}" for each in apps.get_models() for codename, _ in each._meta.permissions}
    return named | own | {permission for room in admin.site._registry.values() for permission in _forms_of(room)}


def _forms_of(room: Any) -> set[str]:
    request: Any = RequestFactory().get("/admin/")
    request.user = UserFactory.build(is_staff=True, is_superuser=True)
    options = room.opts
    may = {
        "view": True,
        "add": room.has_add_permission(request),
        "change": room.has_change_permission(request),
        "delete": room.has_delete_permission(request),
    }
    return {f"{options.app_label}.{action}_{options.model_name}" for action, can in may.items() if can}
