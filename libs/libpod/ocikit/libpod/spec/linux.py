"""The ``linux`` object of config.json: namespaces, resources, devices, seccomp, hidden paths."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.spec import limits, security

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.spec.host import Host
    from ocikit.libpod.spec.settings import Settings
    from ocikit.libpod.spec.template import Draft


def fill(
    draft: Draft,
    options: CreateOptions,
    settings: Settings,
    host: Host,
    sec: security.Security,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Everything of ``linux`` except cgroupsPath and the paths of joined namespaces, which are known at init."""
    linux: dict[str, Any] = {}
    sysctl = sysctls(draft, options, settings, host)
    if sysctl:
        linux["sysctl"] = sysctl
    linux["resources"] = _resources(draft, options, settings, host, warn)
    linux["namespaces"] = _namespaces(draft)
    privileged = options.privileged or settings.privileged
    devices: list[dict[str, Any]] = []
    if privileged:
        if not host.rootless:
            from ocikit.libpod.spec.devices import host_devices

            devices = host_devices(systemd=draft.systemd)
        else:
            from ocikit.libpod.spec.devices import host_devices

            draft.record["mountAllDevices"] = True
            taken = {mount["destination"] for mount in draft.spec["mounts"]}
            own = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx")
            draft.spec["mounts"] += [
                _device_bind(entry["path"], entry["path"])
                for entry in host_devices(systemd=draft.systemd)
                if entry["path"] not in own and entry["path"] not in taken
            ]
    if (options.device or settings.devices) and not (privileged and not options.device):
        _devices(draft, options, settings, host, linux, devices)
    if devices:
        linux["devices"] = devices
    for rule_text in options.device_cgroup_rule:
        from ocikit.libpod.spec.devices import parse_rule

        if host.rootless:
            raise OcikitError("device cgroup rules are not supported in rootless mode or in a user namespace")
        linux["resources"].setdefault("devices", []).append(parse_rule(rule_text))
    if not privileged:
        profile = _seccomp(draft, options, settings, host, sec)
        if profile:
            linux["seccomp"] = profile
        masked, readonly = security.hidden_paths(sec)
        if masked:
            linux["maskedPaths"] = masked
        if readonly:
            linux["readonlyPaths"] = readonly
    elif sec.seccomp and sec.seccomp != "unconfined":
        linux["seccomp"] = _seccomp(draft, options, settings, host, sec)
    propagation = _root_propagation(draft)
    if propagation:
        linux["rootfsPropagation"] = propagation
    if options.personality:
        domain = options.personality.upper()
        if domain not in ("LINUX", "LINUX32"):
            raise OcikitError(f'unrecognized personality "{options.personality}": use LINUX or LINUX32')
        linux["personality"] = {"domain": domain}
    if options.rdt_class:
        linux["intelRdt"] = {"closID": options.rdt_class}
    return linux


def sysctls(draft: Draft, options: CreateOptions, settings: Settings, host: Host) -> dict[str, str]:
    """``linux.sysctl``: the defaults where the namespace is the container's own, then ``--sysctl``."""
    assert draft.network is not None
    own = {"net.": draft.network.mode not in ("host", "container", "ns", "pod")}
    for prefix, flag in (("fs.mqueue.", "ipc"), ("kernel.msg", "ipc"), ("kernel.sem", "ipc"), ("kernel.shm", "ipc"),
                         ("kernel.domainname", "uts"), ("kernel.hostname", "uts")):  # fmt: skip
        own[prefix] = draft.ns[flag].private
    result: dict[str, str] = {}
    for text in settings.default_sysctls:
        key, _, value = text.partition("=")
        if all(allowed for prefix, allowed in own.items() if key.startswith(prefix)):
            result[key] = value
    for text in options.sysctl:
        key, equals, value = text.partition("=")
        if not equals:
            raise OcikitError(f'invalid sysctl setting "{text}": must be in the form KEY=VALUE')
        hits = [(prefix, allowed) for prefix, allowed in own.items() if key.startswith(prefix)]
        if not hits:
            raise OcikitError(f"sysctl {key} is not whitelisted")
        for prefix, allowed in hits:
            if not allowed:
                what = "network" if prefix == "net." else "ipc" if prefix not in ("kernel.domainname", "kernel.hostname") else "uts"  # fmt: skip
                raise OcikitError(f"sysctl {text} can't be set since {what} namespace is set to host: invalid argument")
        result[key] = value
    return result


def _resources(
    draft: Draft, options: CreateOptions, settings: Settings, host: Host, warn: Callable[[str], None]
) -> dict[str, Any]:
    explicit = options.pids_limit is not None
    pids = options.pids_limit if options.pids_limit is not None else settings.pids_limit
    if not host.cgroups_usable or options.cgroups == "disabled":
        result = limits.resources(options, 0)
        if (result or explicit) and host.rootless:
            warn("Resource limits are not supported and ignored on cgroups V1 rootless systems")
        return {"devices": [{"allow": False, "access": "rwm"}]}
    result = limits.resources(options, pids)
    if host.cgroup_version == 2 and "memory" in result:
        for key in ("swappiness", "disableOOMKiller"):
            if key in result["memory"]:
                del result["memory"][key]
                warn(f"{'Memory swappiness' if key == 'swappiness' else 'The OOM kill switch'} is not supported on cgroup v2: it is discarded")  # fmt: skip
    return {"devices": [{"allow": options.privileged, "access": "rwm"}], **result}


def _namespaces(draft: Draft) -> list[dict[str, str]]:
    assert draft.network is not None
    result: list[dict[str, str]] = []
    for flag, kind in (("pid", "pid"), ("network", "network"), ("ipc", "ipc"), ("uts", "uts")):
        if flag == "network":
            mode, value = draft.network.mode, draft.network.value
        else:
            mode, value = draft.ns[flag].mode, draft.ns[flag].value
        if mode == "host" or (flag == "ipc" and mode == "host"):
            continue
        if mode == "ns":
            result.append({"type": kind, "path": value})
        else:
            result.append({"type": kind})
    result.append({"type": "mount"})
    cgroup = draft.ns["cgroup"]
    if cgroup.mode == "private":
        result.append({"type": "cgroup"})
    elif cgroup.mode == "ns":
        result.append({"type": "cgroup", "path": cgroup.value})
    elif cgroup.mode == "container":
        result.append({"type": "cgroup"})
    return result


def _device_bind(source: str, inside: str) -> dict[str, Any]:
    options = ["slave", "nosuid", "noexec", "rw", "rbind"]
    return {"destination": inside, "type": "bind", "source": source, "options": options}


def _devices(
    draft: Draft,
    options: CreateOptions,
    settings: Settings,
    host: Host,
    linux: dict[str, Any],
    devices: list[dict[str, Any]],
) -> None:
    from ocikit.libpod.spec.devices import device_entries, parse_device

    originals = []
    for text in [*settings.devices, *options.device]:
        if "=" in text and not text.startswith("/"):
            from ocikit.libpod.spec.cdi import inject

            inject(text, draft)
            draft.record.setdefault("cdiDevices", []).append(text)
            continue
        source, inside, access = parse_device(text)
        entries, rules = device_entries(source, inside, access)
        if host.rootless:
            # mknod is not possible in a user namespace: the node itself is bound.
            for entry in entries:
                path = source + entry["path"][len(inside) :]
                draft.spec["mounts"].append(_device_bind(path, entry["path"]))
        else:
            devices += [entry for entry in entries if all(entry["path"] != old["path"] for old in devices)]
            linux["resources"].setdefault("devices", []).extend(rules)
        originals += [{"path": source, **{k: v for k, v in entry.items() if k != "path"}} for entry in entries]
    if originals:
        draft.record["device_host_src"] = originals


def _seccomp(
    draft: Draft, options: CreateOptions, settings: Settings, host: Host, sec: security.Security
) -> dict[str, Any] | None:
    from ocikit.libpod.spec import seccomp

    if options.seccomp_policy not in ("default", "image"):
        raise OcikitError(f'invalid seccomp policy "{options.seccomp_policy}": valid policies are ["default" "image"]')
    path = sec.seccomp or settings.seccomp_profile
    if path == "unconfined":
        return None
    names = draft.spec["process"]["capabilities"]["bounding"]
    if draft.image_seccomp and not sec.seccomp:
        profile = seccomp.parse(draft.image_seccomp, "label io.containers.seccomp.profile of the image")
    else:
        profile = seccomp.load(path)
    return seccomp.to_oci(profile, names, host.machine)


def _root_propagation(draft: Draft) -> str:
    wanted = ""
    for mount in draft.mounts.binds.values():
        for option in mount["options"]:
            if option in ("shared", "rshared"):
                return "shared"
            if option in ("slave", "rslave"):
                wanted = "rslave"
    return wanted


def thermal_throttle() -> list[str]:
    """Paths that leak the timing of other tenants; masked where they exist (x86 only)."""
    try:
        names = os.listdir("/sys/devices/system/cpu")
    except OSError:
        return []
    paths = [f"/sys/devices/system/cpu/{name}/thermal_throttle" for name in names if name[3:].isdigit()]
    return [path for path in paths if os.path.exists(path)]
