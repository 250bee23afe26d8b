"""``--security-opt`` (podman-run(1); libpod.md section 4.3)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod.spec.defaults import MASKED_PATHS, READONLY_PATHS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Security:
    """The parsed options. ``seccomp`` is a path, "unconfined" or empty; ``labels`` what follows ``label=``."""

    __slots__ = ("apparmor", "label_nested", "labels", "mask", "no_new_privileges", "seccomp", "unmask")

    def __init__(self) -> None:
        self.apparmor = ""
        self.label_nested = False
        self.labels: list[str] = []
        self.mask: list[str] = []
        self.no_new_privileges = False
        self.seccomp = ""
        self.unmask: list[str] = []


def parse(texts: Sequence[str]) -> Security:
    """All ``--security-opt`` values. Raises OcikitError on one that is not known."""
    result = Security()
    for text in texts:
        if text in ("no-new-privileges", "no-new-privileges=true", "no-new-privileges:true"):
            result.no_new_privileges = True
            continue
        if text in ("no-new-privileges=false", "no-new-privileges:false"):
            result.no_new_privileges = False
            continue
        separator = "=" if "=" in text else ":"
        key, given, value = text.partition(separator)
        if not given:
            raise OcikitError(f'invalid --security-opt 1: "{text}"')
        if key == "apparmor":
            result.apparmor = value
        elif key == "label":
            if value == "nested":
                result.label_nested = True
            else:
                result.labels.append(value)
        elif key == "seccomp":
            result.seccomp = value
        elif key == "mask":
            result.mask += [path for path in value.split(":") if path]
        elif key == "unmask":
            result.unmask += [path for path in value.split(":") if path]
        elif key == "systempaths":
            if value != "unconfined":
                raise OcikitError(f'invalid systempaths option "{value}", only `unconfined` is supported')
            result.unmask.append("ALL")
        elif key == "proc-opts":
            raise OcikitError("proc-opts cannot be set: the runtime mounts /proc with its own options")
        else:
            raise OcikitError(f'invalid --security-opt 2: "{text}"')
    return result


def hidden_paths(security: Security) -> tuple[list[str], list[str]]:
    """(maskedPaths, readonlyPaths) after mask and unmask; a pattern in unmask may hold ``*``."""
    masked, readonly = list(MASKED_PATHS), list(READONLY_PATHS)
    if any(path.upper() == "ALL" for path in security.unmask):
        masked, readonly = [], []
    elif security.unmask:
        masked = [path for path in masked if not _hit(path, security.unmask)]
        readonly = [path for path in readonly if not _hit(path, security.unmask)]
    return [*masked, *(path for path in security.mask if path not in masked)], readonly


def _hit(path: str, patterns: Sequence[str]) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(path, pattern) for pattern in patterns)
