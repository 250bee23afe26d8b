"""Errors of containers, pods and volumes, with the words and exit codes of Podman (libpod.md section 12).

OcikitError
├─ NotFound ── NoSuchContainer, NoSuchPod, NoSuchVolume
├─ NameInUse ── ContainerExists
├─ StateImproper            the object is in a state where that cannot be done
├─ DatabaseMismatch         the state was made for other directories
├─ Ambiguous                an id prefix that fits several objects
└─ RuntimeFailed (126/127)  the OCI runtime refused
"""

from __future__ import annotations

from ocikit.common.errors import NameInUse, NotFound, OcikitError


class NoSuchContainer(NotFound):
    """No container of that name or id."""

    def __init__(self, name: str) -> None:
        super().__init__(f'no container with name or ID "{name}" found: no such container')
        self.name = name


class NoSuchPod(NotFound):
    """No pod of that name or id."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no pod with name or ID {name} found: no such pod")


class NoSuchVolume(NotFound):
    """No volume of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f'no volume with name "{name}" found: no such volume', exit_code=1)


class ContainerExists(NameInUse):
    """The name or id of a new container is taken."""


class StateImproper(OcikitError):
    """The container is not in a state in which this can be done."""

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(f"{message}: container state improper", exit_code=exit_code)


class DatabaseMismatch(OcikitError):
    """The state database was written for other directories than the ones in use."""


class Ambiguous(OcikitError):
    """Several objects have an id that starts so."""


class RuntimeFailed(OcikitError):
    """The OCI runtime refused to create, start or run something."""

    exit_code = 126
