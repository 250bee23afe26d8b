"""From a container's stored template to its config.json, when it is about to be created in the runtime (libpod.md 4)."""

from __future__ import annotations

from ocikit.libpod.spec.mounts import sort_by_depth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ocikit.libpod.spec.users import UserInfo


class Facts:
    """What is known only now. ``joined`` maps namespace types to paths of others' namespaces; ``binds`` container paths to
    files made for this container; ``extra_mounts`` are complete OCI mounts (volumes, overlays, /run/secrets).

    ``netns_later``: the network namespace is the runtime's and gets its interfaces after create.
    """

    def __init__(self) -> None:
        self.root = ""
        self.hostname = ""
        self.host_uts = False
        self.cgroups_path = ""
        self.netns = ""
        self.netns_later = False
        self.joined: dict[str, str] = {}
        self.binds: dict[str, str] = {}
        self.shm_source = ""
        self.shm_bind_all = False
        self.extra_mounts: list[dict[str, Any]] = []
        self.user: UserInfo | None = None
        self.secret_env: dict[str, str] = {}
        self.pod_env: dict[str, str] = {}
        self.uid_maps: Sequence[tuple[int, int, int]] = ()
        self.gid_maps: Sequence[tuple[int, int, int]] = ()
        self.masked_extra: Sequence[str] = ()
        self.hooks: dict[str, list[dict[str, Any]]] = {}
        self.notify_socket_dir = ""
        self.mount_label = ""
        self.systemd_uuid = ""


def finish(config: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """A complete OCI configuration; ``config`` (ContainerConfig) is not changed."""
    template = config["spec"]
    spec: dict[str, Any] = dict(template)
    spec["process"] = process = dict(template["process"])
    spec["linux"] = linux = dict(template["linux"])
    spec["root"] = {**template["root"], "path": facts.root}
    spec["annotations"] = dict(template.get("annotations") or {})
    if not facts.host_uts:
        spec["hostname"] = facts.hostname
    else:
        spec.pop("hostname", None)
    readonly = bool(template["root"].get("readonly"))
    taken = {mount["destination"] for mount in template["mounts"]}
    mounts = list(template["mounts"])
    mounts += _file_mounts(facts, readonly, taken)
    taken_extra = {mount["destination"] for mount in facts.extra_mounts}
    mounts = [mount for mount in mounts if mount["destination"] not in taken_extra] + facts.extra_mounts
    spec["mounts"] = sort_by_depth(mounts)
    linux["namespaces"] = _namespaces(linux.get("namespaces") or [], facts)
    if facts.uid_maps:
        linux["uidMappings"] = [_map(row) for row in facts.uid_maps]
        linux["gidMappings"] = [_map(row) for row in facts.gid_maps]
    if facts.cgroups_path:
        linux["cgroupsPath"] = facts.cgroups_path
    if facts.masked_extra and "maskedPaths" in linux:
        linux["maskedPaths"] = [*linux["maskedPaths"], *facts.masked_extra]
    _process(process, facts)
    if facts.hooks:
        hooks = {stage: list(entries) for stage, entries in (spec.get("hooks") or {}).items()}
        for stage, entries in facts.hooks.items():
            hooks.setdefault(stage, []).extend(entries)
        spec["hooks"] = hooks
    return spec


def _map(row: tuple[int, int, int]) -> dict[str, int]:
    inside, outside, size = row
    return {"containerID": inside, "hostID": outside, "size": size}


def _file_mounts(facts: Facts, readonly: bool, taken: set[str]) -> list[dict[str, Any]]:
    result = []
    extra = ["ro", "nosuid", "noexec", "nodev"] if readonly else []
    for destination, source in facts.binds.items():
        if destination in taken:
            continue
        options = ["bind", "rprivate"]
        if destination in (
            "/run/.containerenv",
            "/etc/resolv.conf",
            "/etc/hosts",
            "/etc/hostname",
            "/etc/passwd",
            "/etc/group",
            "/etc/localtime",
        ):
            options += extra
        result.append({"destination": destination, "type": "bind", "source": source, "options": options})
    if facts.shm_source and "/dev/shm" not in taken:
        options = ["rbind", "rprivate"] if facts.shm_bind_all else ["bind", "rprivate"]
        result.append(
            {
                "destination": "/dev/shm",
                "type": "bind",
                "source": facts.shm_source,
                "options": [*options, "nosuid", "noexec", "nodev"],
            }
        )
    return result


def _namespaces(rows: Sequence[Mapping[str, str]], facts: Facts) -> list[dict[str, str]]:
    result: list[dict[str, str]] = []
    if (facts.uid_maps or "user" in facts.joined) and all(row["type"] != "user" for row in rows):
        result.append({"type": "user"})
    result += [dict(row) for row in rows]
    for row in result:
        kind = row["type"]
        if kind in facts.joined:
            row["path"] = facts.joined[kind]
        elif kind == "network" and facts.netns and not facts.netns_later:
            row["path"] = facts.netns
    return result


def _process(process: dict[str, Any], facts: Facts) -> None:
    user = facts.user
    env = list(process.get("env") or ())
    names = {text.partition("=")[0] for text in env}
    if facts.systemd_uuid and "container_uuid" not in names:
        env.append(f"container_uuid={facts.systemd_uuid}")
    if user is not None:
        umask = process["user"].get("umask")
        process["user"] = {"uid": user.uid, "gid": user.gid}
        if umask is not None:
            process["user"]["umask"] = umask
        if user.groups:
            process["user"]["additionalGids"] = list(user.groups)
        if user.uid != 0:
            process["capabilities"] = drop_for_user(process.get("capabilities") or {})
        if "HOME" not in names:
            env.append(f"HOME={user.home}")
    if "HOSTNAME" not in names and facts.hostname:
        env.append(f"HOSTNAME={facts.hostname}")
    if facts.notify_socket_dir:
        env.append("NOTIFY_SOCKET=/run/notify/notify.sock")
    env += [f"{name}={value}" for name, value in facts.secret_env.items()]
    process["env"] = env


def drop_for_user(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """What a non-root user holds: the bounding set stays, of the rest only what was added explicitly.

    The template marks that by ``ambient`` (set at create when --cap-add was given).
    """
    result = {"bounding": capabilities.get("bounding") or []}
    added = capabilities.get("ambient") or []
    if added:
        for kind in ("effective", "permitted", "inheritable", "ambient"):
            result[kind] = added
    return result
