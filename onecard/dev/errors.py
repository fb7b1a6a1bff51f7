"""What can stop the launcher, each as one sentence for the person at the terminal."""


class LauncherError(Exception):
    """Something outside the product is missing or refused; the message says what, where and what to do."""


class AlreadyRunningError(LauncherError):
    """Another launcher of this checkout holds the folder."""


class ChildDiedError(LauncherError):
    """A supervised process ended although it should run on."""
