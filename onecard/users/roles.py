"""The roles of staff: groups that come with the product, and exactly what each may see and do.

The table is the truth: each `migrate` gives the groups these permissions, and only these, so nobody edits them in the
back office. Who needs another mixture makes a group of their own. docs/roles.md is made from here
(`manage.py describe_roles`), and tests/onecard/users/test_roles.py fails for a permission that the product asks for and
no role has.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from onecard.users.models import User

# Whoever helps a person sees all that is about a person.
_SEE_PEOPLE: Final = frozenset(
    {
        *("wallet.view_cardholder", "wallet.view_kycreview", "wallet.view_case", "wallet.view_fundingobligation"),
        *("wallet.view_fundingcharge", "wallet.view_fundingrefund", "wallet.view_carriedamount"),
        *("wallet.view_enteredamount", "wallet.view_fundingdispute", "wallet.view_cardproduct"),
        *("issuing.view_virtualcard", "issuing.view_cardchange", "issuing.view_authorization", "issuing.view_hold"),
        *("issuing.view_spendwindow", "issuing.view_cardfunding", "issuing.view_cardtransaction"),
        *("issuing.view_dispute", "issuing.view_disputerequest", "issuing.view_disputeevidence"),
        *("issuing.view_control", "issuing.view_controlpass"),
        *("issuing.view_rewardentry", "routing.view_rankingrow", "routing.view_merchantcategory"),
        *("routing.view_rewardterms", "routing.view_rewardbonus", "routing.view_rewardprogramme"),
        *("routing.view_rewardcategory", "routing.view_merchantlist", "routing.view_personalrule"),
        *("issuing.view_fraudverdict", "issuing.view_cardstatement", "notices.view_notice", "audit.view_entry"),
    }
)
_SEE_BOOKS: Final = frozenset(
    {
        *("wallet.view_posting", "wallet.view_owntransfer"),
        *("issuing.view_reconcilerun", "issuing.view_syncdifference"),
    }
)
_SEE_MACHINERY: Final = frozenset(
    {
        *("issuing.view_issuerevent", "issuing.view_issuercontrol", "issuing.view_rollout", "issuing.view_syncrun"),
        *("issuing.view_legacydocument", "outbox.view_message", "integrations.view_endpoint"),
        *("integrations.view_delivery", "routing.view_preferencemultiplier", "routing.view_threshold"),
        *("routing.view_rankingdraft", "routing.view_rankingpreview", "alerts.view_incident"),
        *("issuing.view_controlpreview", "wallet.view_processoraccount", "routing.view_methododds"),
    }
)
_SEE_STAFF: Final = frozenset({"users.view_user", "auth.view_group"})
_SEE_WORK: Final = _SEE_PEOPLE | _SEE_BOOKS | _SEE_MACHINERY
_HELP_PEOPLE: Final = frozenset(
    {
        *("wallet.add_cardholder", "users.add_user", "wallet.change_cardholder", "wallet.add_fundingmethod"),
        *("wallet.change_fundingmethod", "wallet.add_personnote", "issuing.add_virtualcard"),
        *("issuing.change_virtualcard", "issuing.add_disputerequest", "wallet.add_case"),
    }
)
_EDIT_RANKINGS: Final = frozenset(
    {
        *("routing.add_rankingdraft", "routing.publish_rankingdraft"),
        *("routing.add_merchantcategory", "routing.change_merchantcategory"),
        *("wallet.add_cardproduct", "wallet.change_cardproduct", "issuing.add_cardstatement"),
    }
)
_WRITE_CONTROLS: Final = frozenset({"issuing.add_control", "issuing.publish_control"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What people of this role are there for, and their permissions as `app.codename`."""

    title: "StrOrPromise"
    words: "StrOrPromise"
    permissions: frozenset[str]


# By the name of the group.
ROLES: Final[dict[str, Role]] = {
    "support": Role(
        title=gettext_lazy("Support"),
        words=gettext_lazy(
            "Answers people: sees their cards, purchases and cases, makes people and cards, freezes. Moves no money."
        ),
        permissions=_SEE_PEOPLE | _HELP_PEOPLE,
    ),
    "operations": Role(
        title=gettext_lazy("Operations"),
        words=gettext_lazy(
            "Works the cases and disputes, enters amounts, compares with issuers, and edits rankings and controls."
        ),
        permissions=_SEE_WORK
        | _HELP_PEOPLE
        | _EDIT_RANKINGS
        | _WRITE_CONTROLS
        | {
            *("wallet.change_case", "issuing.add_cardfunding", "issuing.change_cardtransaction"),
            *("issuing.change_disputerequest", "issuing.change_dispute", "issuing.download_dispute_evidence"),
            *("issuing.change_issuerevent", "issuing.add_syncrun", "issuing.add_reconcilerun"),
            *("integrations.change_endpoint", "wallet.add_fundingrefund", "desk.add_listexport"),
            *("alerts.acknowledge_incident", "wallet.judge_suspicion"),
        },
    ),
    "risk": Role(
        title=gettext_lazy("Risk"),
        words=gettext_lazy(
            "Decides identity checks, sets flags, writes controls, reveals numbers, and is the second person for money."
        ),
        permissions=_SEE_WORK
        | _WRITE_CONTROLS
        | {
            *("wallet.change_kycreview", "wallet.change_cardholder", "wallet.add_personnote", "wallet.add_case"),
            *("issuing.change_virtualcard", "issuing.reveal_card_data", "issuing.download_dispute_evidence"),
            *("wallet.agree_entered_amount", "routing.publish_rankingdraft", "desk.add_listexport"),
            *("alerts.acknowledge_incident", "wallet.judge_suspicion"),
        },
    ),
    "finance": Role(
        title=gettext_lazy("Finance"),
        words=gettext_lazy(
            "Looks after the books: settles cases, enters amounts, reconciles, and is the second person for money."
        ),
        permissions=_SEE_WORK
        | {
            *("wallet.change_case", "issuing.add_cardfunding", "issuing.change_cardtransaction"),
            *("issuing.add_reconcilerun", "wallet.add_personnote", "wallet.agree_write_off"),
            *("wallet.agree_entered_amount", "wallet.add_fundingrefund", "wallet.add_case", "desk.add_listexport"),
            "alerts.acknowledge_incident",
            "wallet.add_owntransfer",
        },
    ),
    "auditor": Role(
        title=gettext_lazy("Auditor"),
        words=gettext_lazy("Sees everything but card numbers and evidence of disputes, and changes nothing."),
        permissions=_SEE_WORK | _SEE_STAFF,
    ),
    "administrator": Role(
        title=gettext_lazy("Administrator"),
        words=gettext_lazy(
            "Invites staff and chooses their roles, and switches issuers, roll-out and routing rules. Moves no money."
        ),
        permissions=_SEE_WORK
        | _SEE_STAFF
        | _EDIT_RANKINGS
        | {"issuing.publish_control"}
        | {
            *("users.add_user", "users.change_user", "users.assign_roles", "issuing.change_issuercontrol"),
            *("issuing.add_rollout", "issuing.change_rollout", "integrations.change_endpoint"),
            *("routing.change_preferencemultiplier", "routing.change_threshold", "alerts.acknowledge_incident"),
            "wallet.change_processoraccount",
        },
    ),
}


def roles_with(permission: str) -> list[Role]:
    """Returns the roles that have a permission, in the table's order."""
    return [role for role in ROLES.values() if permission in role.permissions]


def administrators() -> "list[User]":
    """Returns who may give permissions, by name: administrators and superusers who can log in."""
    from django.db.models import Q

    users: Any = apps.get_model("users", "User")
    may_give = Q(is_superuser=True) | Q(is_staff=True, groups__name="administrator")
    return list(users.objects.filter(may_give, is_active=True).distinct().order_by("first_name", "username"))


def give_permissions(*, app_config: Any, **_more: Any) -> None:
    """Brings the groups in line with the table, after the migrations of the last app."""
    # Django reports only apps that have models.
    if app_config is not [each for each in apps.get_app_configs() if each.models_module][-1]:
        return
    group_model: Any = apps.get_model("auth", "Group")
    for name, role in ROLES.items():
        group, _made = group_model.objects.get_or_create(name=name)
        group.permissions.set(_rows(role.permissions))


def _rows(names: Iterable[str]) -> list[Any]:
    permission_model: Any = apps.get_model("auth", "Permission")
    rows = permission_model.objects.select_related("content_type")
    wanted = set(names)
    return [row for row in rows if f"{row.content_type.app_label}.{row.codename}" in wanted]
