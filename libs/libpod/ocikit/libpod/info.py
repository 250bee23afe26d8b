"""``podman info``: the document of libpod.md section 9."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.spec.seccomp import GO_ARCH, SYSTEM_PROFILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.runtime import Runtime


def document(runtime: Runtime, version: str) -> dict[str, Any]:
    """host, store, registries, plugins, version."""
    api = version.partition("+")[0]
    return {
        "host": _host(runtime),
        "plugins": {
            "authorization": None,
            "log": ["k8s-file", "none", "passthrough", "journald"],
            "network": ["bridge", "macvlan", "ipvlan"],
            "volume": ["local"],
        },
        "registries": {},
        "store": _store(runtime),
        "version": {
            "APIVersion": api,
            "Built": 0,
            "BuiltTime": "Thu Jan  1 00:00:00 1970",
            "GitCommit": "",
            "GoVersion": "",
            "Os": "linux",
            "OsArch": f"linux/{_arch()}",
            "Version": version,
        },
    }


def _arch() -> str:
    machine = os.uname().machine
    return GO_ARCH.get(machine, machine)


def _table(path: str, separator: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            rows = [line.partition(separator)[::2] for line in file if separator in line]
    except OSError:
        return {}
    return {key.strip(): value.strip().strip('"') for key, value in rows}


def _host(runtime: Runtime) -> dict[str, Any]:
    memory = {key: int(value.split()[0]) * 1024 for key, value in _table("/proc/meminfo", ":").items()}
    release = _table("/etc/os-release", "=")
    with open("/proc/uptime", encoding="utf-8") as file:
        up = int(float(file.read().split()[0]))
    uptime = f"{up // 3600}h {up % 3600 // 60}m {up % 60}.00s"
    if up >= 86400:
        uptime += f" (Approximately {up / 86400:.2f} days)"
    return {
        "arch": _arch(),
        "buildahVersion": _buildah_version(),
        "cgroupControllers": _controllers(runtime),
        "cgroupManager": runtime.cgroup_manager,
        "cgroupVersion": f"v{runtime.host.cgroup_version}",
        "conmon": _program(runtime.conmon(), "--version"),
        "cpuUtilization": _cpu(),
        "cpus": os.cpu_count() or 1,
        "databaseBackend": "sqlite",
        "distribution": {
            "codename": release.get("VERSION_CODENAME", ""),
            "distribution": release.get("ID", "unknown"),
            "version": release.get("VERSION_ID", "unknown"),
        },
        "eventLogger": runtime.options.events_backend or runtime.conf.engine.get("events_logger") or "file",
        "freeLocks": runtime.locks.free_count(),
        "hostname": os.uname().nodename,
        "idMappings": _mappings(runtime),
        "kernel": os.uname().release,
        "linkmode": "dynamic",
        "logDriver": runtime.settings.log_driver,
        "memFree": memory.get("MemFree", 0),
        "memTotal": memory.get("MemTotal", 0),
        "networkBackend": "netavark",
        "networkBackendInfo": {"backend": "netavark", "defaultNetwork": runtime.settings.default_network, "dns": {}},
        "ociRuntime": _oci(runtime),
        "os": "linux",
        "remoteSocket": {"exists": False, "path": _socket(runtime)},
        "rootlessNetworkCmd": runtime.settings.rootless_network_cmd,
        "security": {
            "apparmorEnabled": os.path.exists("/sys/kernel/security/apparmor"),
            "capabilities": ",".join(runtime.settings.default_capabilities),
            "rootless": runtime.rootless,
            "seccompEnabled": True,
            "seccompProfilePath": next((path for path in SYSTEM_PROFILES if os.path.exists(path)), "default"),
            "selinuxEnabled": os.path.exists("/sys/fs/selinux/enforce"),
        },
        "serviceIsRemote": False,
        "swapFree": memory.get("SwapFree", 0),
        "swapTotal": memory.get("SwapTotal", 0),
        "uptime": uptime,
        "variant": "",
    }


def _buildah_version() -> str:
    from ocikit.common import version

    return str(getattr(version, "BUILDAH", ""))


def _socket(runtime: Runtime) -> str:
    base = os.environ.get("XDG_RUNTIME_DIR", "/run") if runtime.rootless else "/run"
    return f"{base}/podman/podman.sock"


def _controllers(runtime: Runtime) -> list[str]:
    if runtime.host.cgroup_version == 2:
        try:
            with open("/sys/fs/cgroup/cgroup.controllers", encoding="utf-8") as file:
                return file.read().split()
        except OSError:
            return []
    return []


def _cpu() -> dict[str, float]:
    with open("/proc/stat", encoding="utf-8") as file:
        fields = [int(field) for field in file.readline().split()[1:]]
    total = sum(fields) or 1
    return {
        "idlePercent": round(100 * fields[3] / total, 2),
        "systemPercent": round(100 * fields[2] / total, 2),
        "userPercent": round(100 * fields[0] / total, 2),
    }


def _program(words: Sequence[str], flag: str) -> dict[str, str]:
    from ocikit.libpod.oci import call

    done = call([*words, flag])
    text = ", ".join(done.stdout.decode("utf-8", "replace").splitlines())
    return {"package": "Unknown", "path": words[-1], "version": text}


def _oci(runtime: Runtime) -> dict[str, str]:
    try:
        oci = runtime.oci
        version = oci.version()
    except OcikitError as error:
        return {"name": "", "package": "", "path": "", "version": str(error)}
    return {"name": oci.name, "package": "Unknown", "path": oci.path, "version": version}


def _mappings(runtime: Runtime) -> dict[str, Any]:
    if not runtime.rootless:
        return {"gidmap": None, "uidmap": None}
    from ocikit.libpod.spec.idmaps import read_maps

    uids, gids = read_maps()

    def rows(maps: Sequence[tuple[int, int, int]]) -> list[dict[str, int]]:
        return [{"container_id": a, "host_id": b, "size": c} for a, b, c in maps]

    return {"gidmap": rows(gids), "uidmap": rows(uids)}


def _store(runtime: Runtime) -> dict[str, Any]:
    paths = runtime.paths
    states = [container.status for container in runtime.containers.list()]
    os.makedirs(paths.graphroot, exist_ok=True)
    usage = os.statvfs(paths.graphroot)
    options: dict[str, Any] = {}
    for option in runtime.store.options:
        key, _, value = option.partition("=")
        options[key] = value
    return {
        "configFile": os.environ.get("CONTAINERS_STORAGE_CONF") or "/etc/containers/storage.conf",
        "containerStore": {
            "number": len(states),
            "paused": states.count("paused"),
            "running": states.count("running"),
            "stopped": len(states) - states.count("running") - states.count("paused"),
        },
        "graphDriverName": paths.driver,
        "graphOptions": options,
        "graphRoot": paths.graphroot,
        "graphRootAllocated": usage.f_blocks * usage.f_frsize,
        "graphRootUsed": (usage.f_blocks - usage.f_bfree) * usage.f_frsize,
        "graphStatus": {},
        "imageCopyTmpDir": os.environ.get("TMPDIR", "/var/tmp"),
        "imageStore": {"number": len(runtime.store.images())},
        "runRoot": paths.runroot,
        "transientStore": runtime.options.transient_store,
        "volumePath": paths.volumes,
    }


def go_names(value: Any) -> Any:
    """The document with the names of Go's structs, for templates: ``{{.Host.OCIRuntime.Name}}``."""
    if isinstance(value, dict):
        special = {"ociRuntime": "OCIRuntime", "idMappings": "IDMappings", "cpus": "CPUs", "os": "OS"}
        return {special.get(key, key[:1].upper() + key[1:]): go_names(item) for key, item in value.items()}
    if isinstance(value, list):
        return [go_names(item) for item in value]
    return value
