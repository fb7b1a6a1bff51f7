"""New members of staff: a login of their own, a role, and an invitation, in one step."""

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from audit import trail
from onecard.kit.transactions import transaction
from onecard.second_factor import invitations
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import Invitation, User
from onecard.users.roles import ROLES


def invite_colleague(
    *, username: str, email: str, role: str, actor: str, first_name: str = "", last_name: str = "", by_mail: bool = True
) -> Invitation:
    """Makes a login with a role and invites its owner; raises SecondFactorError. The caller checks permissions."""
    with transaction():
        if User.objects.filter(username__iexact=username).exists():
            raise SecondFactorError(_("Another login has this name, maybe in other letters. Choose another one."))
        user = User(username=username, email=email, first_name=first_name, last_name=last_name, is_staff=True)
        user.set_unusable_password()
        user.save()
        trail.record(actor=actor, action="user.added", subject=user, role=role)
        give_role(user=user, role=role, actor=actor)
        return invitations.invite(user=user, actor=actor, by_mail=by_mail)


def invite_with_role(*, user: User, role: str, actor: str, by_mail: bool = True) -> Invitation:
    """Invites the owner of a login; a role, where one is given, replaces the roles that they had."""
    with transaction():
        if role:
            give_role(user=user, role=role, actor=actor)
        return invitations.invite(user=user, actor=actor, by_mail=by_mail)


def give_role(*, user: User, role: str, actor: str) -> None:
    """Gives this role in place of others, in the caller's transaction; groups that are no roles stay.

    Raises SecondFactorError for an unknown role, for somebody who is no staff, and for one's own login.
    """
    if role not in ROLES:
        raise SecondFactorError(
            _("There is no role %(role)s. The roles are: %(roles)s.") % {"role": repr(role), "roles": ", ".join(ROLES)}
        )
    if actor == f"user:{user.pk}":
        raise SecondFactorError(_("Nobody chooses their own role. Ask another administrator."))
    if not user.is_staff:
        raise SecondFactorError(_("Only members of staff have a role. Tick “staff status” first."))
    earlier = sorted(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
    user.groups.remove(*Group.objects.filter(name__in=earlier))
    user.groups.add(Group.objects.get(name=role))
    trail.record(actor=actor, action="staff.role_given", subject=user, role=role, earlier=earlier)
