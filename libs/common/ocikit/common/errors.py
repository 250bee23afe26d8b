"""The base of every error that a user may see: one sentence, one exit code.

OcikitError (125)
├─ UsageError          bad words on the command line
├─ ConfigError         a configuration file that cannot be used
├─ NotFound            no such image, container, network, ...
├─ NameInUse           the name or id is taken
├─ InvalidReference    an image reference that cannot be parsed
├─ Unsupported         this machine, kernel or build cannot do it
├─ PermissionNeeded    root, subordinate ids or a capability is missing
├─ CannotExecute (126) the container's command exists but cannot run
└─ CommandNotFound (127) the container's command does not exist

Libraries derive their own from these, near the fault, with the object's name in the text.
Exit codes are those of podman(1), section "Exit Codes".
"""


class OcikitError(Exception):
    """One line that says what failed and on which object; ``hint`` says what to do about it."""

    exit_code = 125
    hint = ""

    def __init__(self, message: str, *, hint: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        if hint:
            self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(OcikitError):
    """Words or flags that the command does not take."""


class ConfigError(OcikitError):
    """A configuration file that cannot be read or holds a value that cannot be used."""


class NotFound(OcikitError):
    """No object of that name or id."""


class NameInUse(OcikitError):
    """The name or id belongs to something else already."""


class InvalidReference(OcikitError):
    """A text that is not a valid image reference or transport name."""


class Unsupported(OcikitError):
    """Something that this machine, this kernel or this program cannot do."""


class PermissionNeeded(OcikitError):
    """Root, subordinate ids or a capability is missing."""


class CannotExecute(OcikitError):
    """The container's command was found but cannot be executed."""

    exit_code = 126


class CommandNotFound(OcikitError):
    """The container's command was not found."""

    exit_code = 127
