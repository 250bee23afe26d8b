"""RUN --mount: bind, cache, tmpfs, secret and ssh. Parsing is pure; ``prepare`` makes the OCI mounts.

Source: Dockerfile reference "RUN --mount"; containers-build's documentation of the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import posixpath

from ocikit.libpod.build.copying import Attributes
from ocikit.libpod.build.digest import TarHash
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.ignore import Ignore
from ocikit.libpod.build.lexer import Instruction
from ocikit.libpod.build.sources import find_sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.build.stage import StageBuilder

_KEYS = {
    "bind": {
        "source",
        "target",
        "from",
        "rw",
        "ro",
        "bind-nonrecursive",
        "nosuid",
        "nodev",
        "noexec",
        "relabel",
        "z",
        "Z",
        "U",
    }
    | {"bind-propagation", "consistency"},
    "cache": {"id", "target", "sharing", "mode", "uid", "gid", "from", "source", "ro", "rw"},
    "tmpfs": {"target", "tmpfs-size", "tmpfs-mode", "tmpcopyup"},
    "secret": {"id", "target", "required", "mode", "uid", "gid"},
    "ssh": {"id", "target", "required", "mode", "uid", "gid"},
}
_SPELLINGS = {"src": "source", "dst": "target", "destination": "target", "readwrite": "rw", "readonly": "ro"}
_TRUE = ("", "true", "1", "True")
SECRET_HELP = "secret should have syntax id=id[,target=path,required=bool,mode=uint,uid=uint,gid=uint"  # noqa: S105


class RunMount:
    """One --mount. ``close`` gives back locks and files after the step."""

    def __init__(self, kind: str, fields: dict[str, str], *, explicit: bool) -> None:
        self.kind, self.fields, self.explicit = kind, fields, explicit
        self.environment: dict[str, str] = {}
        self._locks: list[int] = []

    def flag(self, name: str) -> bool:
        return name in self.fields and self.fields[name] in _TRUE

    def close(self) -> None:
        for fd in self._locks:
            os.close(fd)
        self._locks.clear()

    def digest(self, stage: StageBuilder) -> str:
        """The checksum of a bind mount's content, for the cache key. Names of owners count here, times do not."""
        root, _, _ = stage.build.source_root(stage, self.fields.get("from", ""))
        source = find_sources(root, [self.fields.get("source", ".")], Ignore([]), Ignore([]))[0]
        tar = TarHash(Attributes(owner=None, keep_setid=True))
        for entry in source.entries():
            tar.add(entry, entry.name or ("." if source.is_directory else source.base_name))
        return "sha256:" + tar.hexdigest()

    def prepare(self, stage: StageBuilder, bundle: str, number: int) -> dict[str, Any] | None:
        """The OCI mount; None when there is nothing to mount (a secret that is not required and not there)."""
        target = stage.absolute(self.fields["target"]) if "target" in self.fields else ""
        if self.kind == "bind":
            return self._bind(stage, bundle, target, number)
        if self.kind == "cache":
            return self._cache(stage, target)
        if self.kind == "tmpfs":
            return self._tmpfs(target)
        if self.kind == "ssh":
            return self._agent(stage, target, number)
        return self._secret(stage, bundle, target, number)

    def _bind(self, stage: StageBuilder, bundle: str, target: str, number: int) -> dict[str, Any]:
        if not target:
            raise BuildError("a bind mount needs a target")
        root, _, _ = stage.build.source_root(stage, self.fields.get("from", ""))
        source = find_sources(root, [self.fields.get("source", ".")], Ignore([]), Ignore([]))[0].path
        options = ["bind" if self.flag("bind-nonrecursive") else "rbind", "rprivate"]
        options += [name for name in ("nosuid", "nodev", "noexec") if self.flag(name)]
        if not self.flag("rw"):
            return {"destination": target, "type": "bind", "source": source, "options": [*options, "ro"]}
        if os.path.isdir(source):
            # Writes are allowed and thrown away: the context must not change.
            folders = [f"{bundle}/rw{number}/{name}" for name in ("upper", "work")]
            for folder in folders:
                os.makedirs(folder)
            overlay = [f"lowerdir={source}", f"upperdir={folders[0]}", f"workdir={folders[1]}"]
            return {"destination": target, "type": "overlay", "source": "overlay", "options": overlay}
        import shutil

        copy = f"{bundle}/rw{number}"
        shutil.copy2(source, copy)
        return {"destination": target, "type": "bind", "source": copy, "options": options}

    def _cache(self, stage: StageBuilder, target: str) -> dict[str, Any]:
        if not target:
            raise BuildError("a cache mount needs a target")
        read_only = self.flag("ro")
        if "from" in self.fields:
            root, _, _ = stage.build.source_root(stage, self.fields["from"])
            source = find_sources(root, [self.fields.get("source", ".")], Ignore([]), Ignore([]))[0].path
            options = ["rbind", "rprivate", "ro"]
            return {"destination": target, "type": "bind", "source": source, "options": options}
        uid, gid = (int(self.fields.get(name, "0")) for name in ("uid", "gid"))
        name = hashlib.sha256(f"{self.fields.get('id') or target}:{uid}:{gid}".encode()).hexdigest()[:16]
        parent = os.path.join(os.environ.get("TMPDIR", "/var/tmp"), f"buildah-cache-{os.getuid()}")
        folder = os.path.join(parent, name)
        if not os.path.isdir(folder):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, int(self.fields.get("mode", "0755"), 8))
            os.chown(folder, uid, gid)
        source = os.path.normpath(os.path.join(folder, self.fields.get("source", "").lstrip("/")))
        os.makedirs(source, exist_ok=True)
        sharing = self.fields.get("sharing", "shared")
        if sharing not in ("shared", "private", "locked"):
            raise BuildError(f'unrecognized value "{sharing}" for field "sharing"')
        if sharing == "locked":
            locks = os.path.join(parent, "buildah-cache-lockfiles")
            os.makedirs(locks, exist_ok=True)
            fd = os.open(os.path.join(locks, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._locks.append(fd)
            fcntl.lockf(fd, fcntl.LOCK_EX)
        options = ["rbind", "rprivate", *(["ro"] if read_only else ["rw"])]
        return {"destination": target, "type": "bind", "source": source, "options": options}

    def _tmpfs(self, target: str) -> dict[str, Any]:
        if not target:
            raise BuildError("a tmpfs mount needs a target")
        options = ["rprivate", "noexec", "nosuid", "nodev"]
        if "tmpfs-size" in self.fields:
            options.append(f"size={self.fields['tmpfs-size']}")
        if "tmpfs-mode" in self.fields:
            options.append(f"mode={self.fields['tmpfs-mode']}")
        if self.flag("tmpcopyup"):
            options.append("tmpcopyup")
        return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options}

    def _secret(self, stage: StageBuilder, bundle: str, target: str, number: int) -> dict[str, Any] | None:
        name = self.fields.get("id") or posixpath.basename(self.fields.get("target", ""))
        if not name:
            raise BuildError(SECRET_HELP)
        secret = next((s for s in stage.options.secrets if s.name == name), None)
        if secret is None:
            if self.flag("required"):
                raise BuildError(f'secret required but no secret with id "{name}" found')
            return None
        if secret.kind == "env":
            data = os.environ.get(secret.source, "").encode(errors="surrogateescape")
        else:
            with open(secret.source, "rb") as file:
                data = file.read()
        path = f"{bundle}/secret{number}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        os.chown(path, int(self.fields.get("uid", "0")), int(self.fields.get("gid", "0")))
        os.chmod(path, int(self.fields.get("mode", "0400"), 8))
        where = target or f"/run/secrets/{name}"
        return {"destination": where, "type": "bind", "source": path, "options": ["bind", "rprivate", "ro"]}

    def _agent(self, stage: StageBuilder, target: str, number: int) -> dict[str, Any] | None:
        """The socket of the caller's SSH agent; ``environment`` says where it is."""
        name = self.fields.get("id") or "default"
        socket = stage.options.agents.get(name, "")
        if not socket:
            if self.flag("required"):
                raise BuildError(f'ssh required but no agent with id "{name}" was given: use --ssh {name}=SOCKET')
            return None
        where = target or f"/run/buildkit/ssh_agent.{number}"
        self.environment["SSH_AUTH_SOCK"] = where
        return {"destination": where, "type": "bind", "source": socket, "options": ["bind", "rprivate"]}


def parse_mount(step: Instruction, text: str) -> RunMount:
    """Reads ``type=...,key=value,...``. Raises ParseError for an unknown type or key."""
    fields: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        fields[_SPELLINGS.get(key, key)] = value.strip("\"'")
    explicit = "type" in fields
    kind = fields.pop("type", "bind")
    if kind not in _KEYS:
        raise step.error(f'invalid mount type "{kind}"')
    for key in fields:
        if key not in _KEYS[kind]:
            raise step.error(SECRET_HELP if kind == "secret" else f"{key}: invalid mount option")
    return RunMount(kind, fields, explicit=explicit)
