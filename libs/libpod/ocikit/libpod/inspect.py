"""``podman inspect`` of containers: the document of libpod.md section 9."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod import times
from ocikit.libpod.container import network
from ocikit.libpod.container.prepare import cgroups_path
from ocikit.libpod.container.record import PAUSED, RUNNING, Container
from ocikit.libpod.spec import signals
from ocikit.libpod.spec.defaults import OCI_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ACTIONS = {0: "none", 1: "none", 2: "kill", 3: "restart", 4: "stop"}
_HIDDEN_ENV = ("HOME=", "HOSTNAME=")


def inspect_container(container: Container, *, size: bool = False) -> dict[str, Any]:
    """All keys in Podman's order. ``size`` adds SizeRw and SizeRootFs."""
    config, state = container.config, container.state
    spec = config["spec"]
    process = spec["process"]
    args = process.get("args") or [""]
    run_dir = container.run_dir
    binds = state.get("bindMounts") or {}
    caps = process.get("capabilities") or {}
    alive = state.get("state") in (RUNNING, PAUSED)
    document: dict[str, Any] = {
        "Id": container.id,
        "Created": config.get("createdTime", ""),
        "Path": args[0],
        "Args": args[1:],
        "State": _state(container),
        "Image": config.get("rootfsImageID", ""),
        "ImageDigest": _image_digest(container),
        "ImageName": config.get("rootfsImageName", ""),
        "Rootfs": config.get("rootfs", ""),
        "Pod": config.get("pod", ""),
        "ResolvConfPath": binds.get("/etc/resolv.conf", ""),
        "HostnamePath": binds.get("/etc/hostname", ""),
        "HostsPath": binds.get("/etc/hosts", ""),
        "StaticDir": container.bundle,
    }
    if state.get("configPath") or alive:
        document["OCIConfigPath"] = f"{container.bundle}/config.json"
    document.update(
        {
            "OCIRuntime": config.get("runtime", ""),
            "ConmonPidFile": config.get("conmonPidFile", ""),
            "PidFile": config.get("pid_file", f"{run_dir}/pidfile"),
            "Name": config["name"],
            "RestartCount": int(state.get("restartCount") or 0),
            "Driver": container.runtime.paths.driver,
            "MountLabel": config.get("MountLabel", ""),
            "ProcessLabel": config.get("ProcessLabel", ""),
            "AppArmorProfile": process.get("apparmorProfile", ""),
            "EffectiveCaps": _effective(config, caps),
            "BoundingCaps": caps.get("bounding") or [],
            "ExecIDs": sorted(state.get("newExecSessions") or {}),
            "GraphDriver": _graph_driver(container),
        }
    )
    if size:
        document.update(sizes(container))
    document.update(
        {
            "Mounts": mounts(container),
            "Dependencies": _dependencies(config),
            "NetworkSettings": _network_settings(container),
            "Namespace": config.get("namespace", ""),
            "IsInfra": bool(config.get("pause")),
            "IsService": bool(config.get("isService")),
            "KubeExitCodePropagation": "invalid",
            "lockNumber": container.lock_number,
            "Config": _config(container),
            "HostConfig": _host_config(container),
            "UseImageHosts": bool(config.get("UseImageHosts")),
            "UseImageHostname": bool(config.get("useImageHostname")),
        }
    )
    if config.get("audit"):
        # Beyond Podman: who made the container, as the kernel's audit knows it.
        document["Audit"] = {"LoginUID": config["audit"]["loginuid"], "Session": config["audit"]["session"]}
    return document


def _effective(config: dict[str, Any], caps: dict[str, Any]) -> list[str]:
    user = str(config.get("user") or "").partition(":")[0]
    if user in ("", "0", "root"):
        return caps.get("effective") or []
    return caps.get("ambient") or []


def _dependencies(config: dict[str, Any]) -> list[str]:
    from ocikit.libpod.state import dependencies

    return dependencies(config)


def _state(container: Container) -> dict[str, Any]:
    state = container.state
    status = container.status
    result: dict[str, Any] = {
        "OciVersion": OCI_VERSION,
        "Status": status,
        "Running": status == "running",
        "Paused": status == "paused",
        "Restarting": False,
        "OOMKilled": bool(state.get("oomKilled")),
        "Dead": False,
        "Pid": int(state.get("pid") or 0),
    }
    if state.get("conmonPid"):
        result["ConmonPid"] = state["conmonPid"]
    result.update(
        {
            "ExitCode": int(state.get("exitCode") or 0),
            "Error": state.get("error", ""),
            "StartedAt": state.get("startedTime") or times.ZERO,
            "FinishedAt": state.get("finishedTime") or times.ZERO,
        }
    )
    check = container.config.get("healthcheck")
    if check and check.get("Test") != ["NONE"]:
        from ocikit.libpod.container.healthlog import read_log

        result["Health"] = read_log(container)
    if status in ("running", "paused", "initialized"):
        try:
            path = cgroups_path(container)
        except OcikitError:
            path = ""
        if path:
            result["CgroupPath"] = path
    result["CheckpointedAt"] = state.get("checkpointedTime") or times.ZERO
    result["RestoredAt"] = state.get("restoredTime") or times.ZERO
    if state.get("stoppedByUser"):
        result["StoppedByUser"] = True
    return result


def _image_digest(container: Container) -> str:
    image = container.config.get("rootfsImageID")
    if not image:
        return ""
    try:
        return str(container.runtime.store.image(image).digest)
    except OcikitError:
        return ""


def _graph_driver(container: Container) -> dict[str, Any]:
    """The overlay directories, as their files on disk name them."""
    name = container.runtime.paths.driver
    data: dict[str, str] = {}
    if container.config.get("rootfsImageID") and name == "overlay":
        try:
            layer = container.runtime.store.container(container.id).layer
        except OcikitError:
            layer = ""
        if layer:
            home = f"{container.runtime.paths.graphroot}/overlay"
            try:
                with open(f"{home}/{layer}/lower", encoding="utf-8") as file:
                    links = file.read().split(":")
            except OSError:
                links = []
            data["LowerDir"] = ":".join(_link_target(home, link) for link in links)
            if container.state.get("mounted"):
                data["MergedDir"] = f"{home}/{layer}/merged"
            data["UpperDir"] = f"{home}/{layer}/diff"
            data["WorkDir"] = f"{home}/{layer}/work"
    return {"Name": name, "Data": data or None}


def _link_target(home: str, link: str) -> str:
    import os

    try:
        return os.path.normpath(os.path.join(f"{home}/l", os.readlink(f"{home}/{link}")))
    except OSError:
        return f"{home}/{link}"


def sizes(container: Container) -> dict[str, int]:
    """SizeRw (bytes that the container wrote) and SizeRootFs (with its image)."""
    store = container.runtime.store
    try:
        record = store.container(container.id)
        rw = store.diff_size(record.layer)
        root = rw + (store.image_size(store.image(record.image)) if record.image else 0)
    except OcikitError:
        return {"SizeRw": 0, "SizeRootFs": 0}
    return {"SizeRw": rw, "SizeRootFs": root}


def mounts(container: Container) -> list[dict[str, Any]]:
    """The user's mounts: binds, volumes, images."""
    config = container.config
    wanted = set(config.get("userVolumes") or ())
    result = []
    for volume in config.get("namedVolumes") or ():
        options = list(volume.get("options") or ())
        propagation = next((o for o in options if "shared" in o or "slave" in o or "private" in o), "")
        result.append(
            {
                "Type": "volume",
                "Name": volume["volumeName"],
                "Source": container.runtime.volumes.path(volume["volumeName"]),
                "Destination": volume["dest"],
                "Driver": "local",
                "Mode": "",
                "Options": [o for o in options if o not in (propagation, "ro", "rw", "z", "Z")],
                "RW": "ro" not in options,
                "Propagation": propagation,
            }
        )
    result += [
        {
            "Type": "image",
            "Source": record["source"],
            "Destination": record["dest"],
            "Driver": "",
            "Mode": "",
            "Options": None,
            "RW": bool(record.get("rw")),
            "Propagation": "",
        }
        for record in config.get("ctrImageVolumes") or ()
    ]
    for mount in config["spec"]["mounts"]:
        if mount["destination"] not in wanted or mount["type"] not in ("bind",):
            continue
        options = list(mount.get("options") or ())
        propagation = next((o for o in options if "shared" in o or "slave" in o or "private" in o), "")
        result.append(
            {
                "Type": "bind",
                "Source": mount["source"],
                "Destination": mount["destination"],
                "Driver": "",
                "Mode": "",
                "Options": [o for o in options if o not in (propagation, "ro", "rw", "z", "Z")],
                "RW": "ro" not in options,
                "Propagation": propagation,
            }
        )
    return result


def ports_document(config: dict[str, Any]) -> dict[str, Any]:
    """``{"80/tcp": [{"HostIp", "HostPort"}]}``, exposed ports without a binding as null."""
    result: dict[str, Any] = {}
    for record in config.get("newPortMappings") or ():
        for offset in range(record["range"]):
            key = f"{record['container_port'] + offset}/{record['protocol']}"
            result.setdefault(key, []).append(
                {"HostIp": record["host_ip"] or "0.0.0.0", "HostPort": str(record["host_port"] + offset)}  # noqa: S104
            )
    for port, protocols in (config.get("exposedPorts") or {}).items():
        for protocol in protocols:
            result.setdefault(f"{port}/{protocol}", None)
    return result


def _endpoint(status: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "EndpointID": "",
        "Gateway": "",
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "MacAddress": "",
    }
    for interface in (status.get("interfaces") or {}).values():
        entry["MacAddress"] = interface.get("mac_address", "")
        for subnet in interface.get("subnets") or ():
            address, _, length = subnet["ipnet"].partition("/")
            if ":" in address:
                entry["GlobalIPv6Address"] = address
                entry["GlobalIPv6PrefixLen"] = int(length)
                entry["IPv6Gateway"] = subnet.get("gateway", "")
            else:
                entry["IPAddress"] = address
                entry["IPPrefixLen"] = int(length)
                entry["Gateway"] = subnet.get("gateway", "")
    return entry


def _network_settings(container: Container) -> dict[str, Any]:
    config, state = container.config, container.state
    status = state.get("networkStatus") or {}
    networks = config.get("newNetworks") or {}
    settings = _endpoint(next(iter(status.values()), {}) if len(networks) == 1 else {})
    result = {
        "EndpointID": "",
        "Gateway": settings["Gateway"],
        "IPAddress": settings["IPAddress"],
        "IPPrefixLen": settings["IPPrefixLen"],
        "IPv6Gateway": settings["IPv6Gateway"],
        "GlobalIPv6Address": settings["GlobalIPv6Address"],
        "GlobalIPv6PrefixLen": settings["GlobalIPv6PrefixLen"],
        "MacAddress": settings["MacAddress"],
        "Bridge": "",
        "SandboxID": "",
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": ports_document(config),
        "SandboxKey": state.get("netns", ""),
    }
    if networks:
        result["Networks"] = {
            name: _joined_network(container, name, networks[name], status) for name in sorted(networks)
        }
    return result


def _joined_network(container: Container, name: str, entry: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    try:
        network_id = container.runtime.networks.get(name).id
    except OcikitError:
        network_id = ""
    return {
        **_endpoint(status.get(name) or {}),
        "NetworkID": network_id,
        "DriverOpts": None,
        "IPAMConfig": None,
        "Links": None,
        "Aliases": entry.get("aliases") or [],
    }


def _config(container: Container) -> dict[str, Any]:
    config = container.config
    spec = config["spec"]
    process = spec["process"]
    interactive = bool(config.get("stdin"))
    document: dict[str, Any] = {
        "Hostname": network.hostname_of(container),
        "Domainname": "",
        "User": config.get("user", ""),
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": bool(process.get("terminal")),
        "OpenStdin": interactive,
        "StdinOnce": False,
        "Env": _environment(container),
        "Cmd": config.get("command"),
        "Image": config.get("rootfsImageName", ""),
        "Volumes": None,
        "WorkingDir": process.get("cwd", "/"),
        "Entrypoint": config.get("entrypoint"),
        "OnBuild": None,
        "Labels": config.get("labels"),
        "Annotations": spec.get("annotations") or None,
        "StopSignal": signals.name(int(config.get("stopSignal") or 15)),
    }
    if config.get("healthcheck"):
        document["Healthcheck"] = config["healthcheck"]
    document["HealthcheckOnFailureAction"] = _ACTIONS.get(int(config.get("healthcheck_on_failure_action") or 0), "none")
    document["HealthLogDestination"] = config.get("healthLogDestination", "local")
    document["HealthcheckMaxLogCount"] = config.get("healthMaxLogCount", 5)
    document["HealthcheckMaxLogSize"] = config.get("healthMaxLogSize", 500)
    for key, name in (
        ("startupHealthCheck", "StartupHealthCheck"),
        ("CreateCommand", "CreateCommand"),
        ("timezone", "Timezone"),
        ("systemd", "SystemdMode"),
    ):
        if config.get(key):
            document[name] = config[key]
    document["Umask"] = config.get("umask", "0022")
    if config.get("secrets"):
        document["Secrets"] = [
            {"Name": s["name"], "ID": s["id"], "UID": s["uid"], "GID": s["gid"], "Mode": s["mode"]}
            for s in config["secrets"]
        ]
    document["Timeout"] = int(config.get("timeout") or 0)
    document["StopTimeout"] = int(config.get("stopTimeout", 10))
    document["Passwd"] = bool(config.get("passwd", True))
    if config.get("chroot_directories"):
        document["ChrootDirs"] = config["chroot_directories"]
    document["sdNotifyMode"] = config.get("sdnotifyMode", "container")
    if config.get("exposedPorts"):
        document["ExposedPorts"] = {
            f"{port}/{protocol}": {} for port, protocols in config["exposedPorts"].items() for protocol in protocols
        }
    return document


def _environment(container: Container) -> list[str]:
    """The template's, plus HOME and HOSTNAME as the process got them."""
    env = list(container.config["spec"]["process"].get("env") or ())
    path = container.state.get("configPath")
    if path and container.state.get("state") in (RUNNING, PAUSED):
        from ocikit.common import jsonfast

        try:
            with open(path, "rb") as file:
                document = jsonfast.loads(file.read())
            secrets = set(container.config.get("secret_env") or ())
            return [text for text in document["process"]["env"] if text.partition("=")[0] not in secrets]
        except (OSError, ValueError, KeyError):
            pass
    names = {text.partition("=")[0] for text in env}
    if "HOME" not in names and str(container.config.get("user") or "").partition(":")[0] in ("", "0", "root"):
        env.append("HOME=/root")
    if "HOSTNAME" not in names:
        env.append(f"HOSTNAME={network.hostname_of(container)}")
    return env


def _mode(config: dict[str, Any], key: str, kind: str, private: str) -> str:
    if config.get(key):
        return f"container:{config[key]}"
    for ns in config["spec"]["linux"].get("namespaces") or ():
        if ns["type"] == kind:
            return f"ns:{ns['path']}" if ns.get("path") else private
    return "host"


def _host_config(container: Container) -> dict[str, Any]:
    config = container.config
    spec = config["spec"]
    annotations = spec.get("annotations") or {}
    note = {key.removeprefix("io.podman.annotations."): value for key, value in annotations.items()}
    resources = spec["linux"].get("resources") or {}
    cpu, memory = resources.get("cpu") or {}, resources.get("memory") or {}
    block = resources.get("blockIO") or {}
    log_size = int(config.get("logSize") or 0)
    document: dict[str, Any] = {
        "Binds": _binds(container),
        "CgroupManager": config.get("cgroupManager", ""),
        "CgroupMode": _mode(config, "cgroupNsCtr", "cgroup", "private"),
        "ContainerIDFile": note.get("cid-file", ""),
        "LogConfig": {
            "Type": config.get("logDriver", ""),
            "Config": None,
            "Path": config.get("logPath", ""),
            "Tag": config.get("logTag", ""),
            "Size": _log_size(log_size),
        },
        "NetworkMode": config.get("networkMode") or "bridge",
        "PortBindings": {key: value for key, value in ports_document(config).items() if value},
        "RestartPolicy": {
            "Name": config.get("restart_policy") or "no",
            "MaximumRetryCount": int(config.get("restart_retries") or 0),
        },
        "AutoRemove": note.get("autoremove") == "TRUE",
        "AutoRemoveImage": note.get("autoremove-image") == "TRUE",
        "Annotations": annotations or None,
        "VolumeDriver": "",
        "VolumesFrom": note["volumes-from"].split(";") if note.get("volumes-from") else None,
        **_capability_changes(container),
        "Dns": config.get("dnsServer") or [],
        "DnsOptions": config.get("dnsOption") or [],
        "DnsSearch": config.get("dnsSearch") or [],
        "ExtraHosts": config.get("hostsAdd") or [],
        "HostsFile": config.get("baseHostsFile", ""),
        "GroupAdd": config.get("groups") or [],
        "IpcMode": _ipc_mode(config),
        "Cgroup": "",
        "Cgroups": "disabled" if config.get("noCgroups") else "default",
        "Links": None,
        "OomScoreAdj": int(spec["process"].get("oomScoreAdj") or 0),
        "PidMode": _mode(config, "pidNsCtr", "pid", "private"),
        "Privileged": bool(config.get("privileged")),
        "PublishAllPorts": note.get("publish-all") == "TRUE",
        "ReadonlyRootfs": bool(spec["root"].get("readonly")),
        "SecurityOpt": _security(spec, note),
        "Tmpfs": {
            m["destination"]: ",".join(m["options"])
            for m in spec["mounts"]
            if m["type"] == "tmpfs" and m["destination"] in (config.get("userVolumes") or ())
        },
        "UTSMode": _mode(config, "utsNsCtr", "uts", "private"),
        "UsernsMode": note.get("userns", ""),
    }
    if config.get("idMappingsOptions", {}).get("UIDMap"):
        document["IDMappings"] = {
            f"{kind}Map": [
                f"{m['container_id']}:{m['host_id']}:{m['size']}"
                for m in config["idMappingsOptions"][f"{kind.upper()}Map"]
            ]
            for kind in ("Uid", "Gid")
        }
    document.update(
        {
            "ShmSize": int(config.get("shmSize") or 0),
            "Runtime": "oci",
            "ConsoleSize": [0, 0],
            "Isolation": "",
            "CpuShares": cpu.get("shares", 0),
            "Memory": memory.get("limit", 0),
            "NanoCpus": int(cpu["quota"] / cpu["period"] * 1e9) if cpu.get("quota", 0) > 0 and cpu.get("period") else 0,
            "CgroupParent": ""
            if config.get("cgroupParent") in ("/libpod_parent", "machine.slice", "user.slice")
            else config.get("cgroupParent", ""),
            "BlkioWeight": block.get("weight", 0),
            "BlkioWeightDevice": None,
            "BlkioDeviceReadBps": None,
            "BlkioDeviceWriteBps": None,
            "BlkioDeviceReadIOps": None,
            "BlkioDeviceWriteIOps": None,
            "CpuPeriod": cpu.get("period", 0),
            "CpuQuota": cpu.get("quota", 0),
            "CpuRealtimePeriod": cpu.get("realtimePeriod", 0),
            "CpuRealtimeRuntime": cpu.get("realtimeRuntime", 0),
            "CpusetCpus": cpu.get("cpus", ""),
            "CpusetMems": cpu.get("mems", ""),
            "Devices": [
                {"PathOnHost": d["path"], "PathInContainer": d["path"], "CgroupPermissions": ""}
                for d in (spec["linux"].get("devices") or () if not config.get("privileged") else ())
            ],
            "DiskQuota": 0,
            "KernelMemory": 0,
            "MemoryReservation": memory.get("reservation", 0),
            "MemorySwap": memory.get("swap", 0),
            "MemorySwappiness": memory.get("swappiness", 0),
            "OomKillDisable": bool(memory.get("disableOOMKiller")),
            "Init": note.get("init") == "TRUE",
            "PidsLimit": (resources.get("pids") or {}).get("limit", 0),
            "Ulimits": [
                {"Name": limit["type"], "Soft": _signed(limit["soft"]), "Hard": _signed(limit["hard"])}
                for limit in spec["process"].get("rlimits") or ()
            ],
            "CpuCount": 0,
            "CpuPercent": 0,
            "IOMaximumIOps": 0,
            "IOMaximumBandwidth": 0,
            "CgroupConf": resources.get("unified"),
        }
    )
    if not document["Init"]:
        del document["Init"]
    return document


def _signed(value: int) -> int:
    return -1 if value == 18446744073709551615 else value


def _log_size(size: int) -> str:
    if size <= 0:
        return "-1B"
    from ocikit.common.units import human_size

    return human_size(size).replace(" ", "")


def _ipc_mode(config: dict[str, Any]) -> str:
    if config.get("NoShm"):
        return "none"
    mode = _mode(config, "ipcNsCtr", "ipc", "shareable")
    return "private" if mode == "shareable" and config.get("NOShmShare") else mode


def _security(spec: dict[str, Any], note: dict[str, str]) -> list[str]:
    result = []
    if spec["process"].get("noNewPrivileges"):
        result.append("no-new-privileges")
    result += [f"{key}={note[key]}" for key in ("seccomp", "apparmor") if note.get(key)]
    result += [f"label={word}" for word in note.get("label", "").split(",") if word]
    if not spec["linux"].get("maskedPaths") and not note.get("privileged"):
        result.append("unmask=all")
    return result


def _capability_changes(container: Container) -> dict[str, list[str]]:
    """What --cap-add and --cap-drop did, told from the sets."""
    config = container.config
    if config.get("privileged"):
        return {"CapAdd": [], "CapDrop": []}
    bounding = (config["spec"]["process"].get("capabilities") or {}).get("bounding") or []
    base = container.runtime.settings.default_capabilities
    return {
        "CapAdd": [cap for cap in bounding if cap not in base],
        "CapDrop": [cap for cap in base if cap not in bounding],
    }


def _binds(container: Container) -> list[str]:
    result = [
        f"{volume['volumeName']}:{volume['dest']}:{','.join(volume.get('options') or ())}"
        for volume in container.config.get("namedVolumes") or ()
    ]
    wanted = set(container.config.get("userVolumes") or ())
    for mount in container.config["spec"]["mounts"]:
        if mount["destination"] in wanted and mount["type"] == "bind":
            options = list(mount.get("options") or ())
            if "ro" not in options and "rw" not in options:
                options.insert(0, "rw")
            result.append(f"{mount['source']}:{mount['destination']}:{','.join(options)}")
    return result
