"""What happened to a login, in the words of its mail and of its notice, and what to do if it was somebody else."""

from typing import Final

from onecard.second_factor import trail_of_logins

HAPPENED: Final = {
    "staff.invited": "An administrator invites you to set up your login.",
    "staff.password_changed": "The password of your login was changed.",
    "staff.suspended": "Your login was changed, so you may not reveal card numbers or agree to cases for now.",
    "person.password_changed": "The password of your login was changed, and all your sessions have ended.",
    "person.email_changed": "The e-mail address of your login was changed. The old address does not open it any more.",
    "person.new_device": "Somebody logged in to your One Card with a device or address that was not used before.",
    "second_factor.enrolled": "A second factor was set up for your login.",
    "second_factor.replaced": "The second factor of your login was replaced.",
    "second_factor.removed": "The second factor of your login was removed.",
    "second_factor.passkey_added": "A passkey was added to your login.",
    "second_factor.passkey_removed": "A passkey was removed from your login.",
    "second_factor.recovery_codes": "New recovery codes were made for your login; the old ones do not work any more.",
}
# The same event in the words of people, who neither reveal nor agree.
FOR_PEOPLE: Final = {
    "staff.suspended": "An administrator changed your login, and all your sessions have ended. Log in again.",
}
NOT_YOU: Final[dict[trail_of_logins.Realm, str]] = {
    "staff": "If this was not you, tell an administrator at once.",
    "person": "If this was not you, set a new password at once: that ends all sessions.",
}
