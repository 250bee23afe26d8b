"""Options to OCI specs: the cases of podman-run(1) that change config.json."""

from __future__ import annotations

from typing import Any

import pytest

from ocikit.common.errors import OcikitError
from ocikit.libpod.container.options import CreateOptions
from ocikit.libpod.spec.finish import Facts, finish
from ocikit.libpod.spec.host import Host
from ocikit.libpod.spec.settings import Settings
from ocikit.libpod.spec.template import Draft, ImageInfo, build
from ocikit.libpod.spec.users import UserInfo

LIMITS = {"NOFILE": (1024, 4096), "NPROC": (4096, 4096)}
HOST = Host(cgroup_version=1, rlimits=LIMITS, effective_resource=False, environ={"CALLER": "c"}, machine="x86_64")


def draft(image: dict[str, Any] | None = None, host: Host = HOST, **fields: Any) -> Draft:
    warnings: list[str] = []
    options = CreateOptions(image="bb", **{"command": ["true"], **fields})
    return build(options, ImageInfo("1" * 64, "localhost/bb:latest", image), Settings(), host, warnings.append)


def spec(**fields: Any) -> dict[str, Any]:
    return draft(**fields).spec


def test_default_document() -> None:
    document = spec()
    process = document["process"]
    assert process["args"] == ["true"] and process["cwd"] == "/"
    assert process["user"] == {"uid": 0, "gid": 0, "umask": 18}
    assert len(process["capabilities"]["bounding"]) == 11
    assert "terminal" not in process
    assert [m["destination"] for m in document["mounts"]] == [
        "/proc", "/dev", "/sys", "/dev/pts", "/dev/mqueue", "/sys/fs/cgroup",
    ]  # fmt: skip
    linux = document["linux"]
    assert linux["namespaces"] == [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")]
    assert linux["sysctl"] == {"net.ipv4.ping_group_range": "0 0"}
    assert linux["resources"] == {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 2048}}
    assert document["annotations"]["org.systemd.property.TimeoutStopUSec"] == "uint64 10000000"


def test_seccomp_for_default_capabilities() -> None:
    profile = spec()["linux"]["seccomp"]
    assert len(profile["syscalls"]) == 22
    assert sum(len(entry["names"]) for entry in profile["syscalls"]) == 437
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    assert "seccomp" not in spec(security_opt=["seccomp=unconfined"])["linux"]


@pytest.mark.parametrize(
    ("entrypoint", "command", "image", "args"),
    [
        (None, [], {"Cmd": ["sh"]}, ["sh"]),
        (None, ["ls"], {"Entrypoint": ["/e"], "Cmd": ["sh"]}, ["/e", "ls"]),
        ("/x", [], {"Entrypoint": ["/e"], "Cmd": ["sh"]}, ["/x"]),
        ('["/x","y"]', ["z"], {}, ["/x", "y", "z"]),
        ("", [], {"Entrypoint": ["/e"], "Cmd": ["sh"]}, [""]),
        ("", ["ls"], {"Entrypoint": ["/e"]}, ["ls"]),
        (None, [], {}, [""]),
    ],
)
def test_arguments(entrypoint: str | None, command: list[str], image: dict[str, Any], args: list[str]) -> None:
    fields = {} if entrypoint is None else {"entrypoint": entrypoint}
    assert draft(image, command=command, **fields).spec["process"]["args"] == args


def test_environment_precedence() -> None:
    image = {"Env": ["PATH=/image", "A=image"]}
    env = draft(image, env=["A=cli", "CALLER", "NOBODY"]).spec["process"]["env"]
    assert "PATH=/image" in env and "A=cli" in env and "CALLER=c" in env and "container=podman" in env
    assert not [text for text in env if text.startswith("NOBODY")]


@pytest.mark.parametrize(
    ("fields", "where", "value"),
    [
        ({"memory": "64m"}, "memory", {"limit": 67108864, "swap": 134217728}),
        ({"memory": "64m", "memory_swap": "-1"}, "memory", {"limit": 67108864}),
        ({"memory_reservation": "32m"}, "memory", {"reservation": 33554432}),
        ({"cpus": 0.5}, "cpu", {"quota": 50000, "period": 100000}),
        ({"pids_limit": 100}, "pids", {"limit": 100}),
        ({"memory_swappiness": 10, "oom_kill_disable": True}, "memory", {"swappiness": 10, "disableOOMKiller": True}),
    ],
)
def test_resources(fields: dict[str, Any], where: str, value: dict[str, int]) -> None:
    assert spec(**fields)["linux"]["resources"][where] == value


def test_rlimits_are_never_above_what_this_process_may_set() -> None:
    warnings: list[str] = []
    options = CreateOptions(image="bb", command=["true"], ulimit=["nofile=10000:20000"])
    document = build(options, ImageInfo(), Settings(), HOST, warnings.append).spec
    assert {"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 4096} in document["process"]["rlimits"]
    assert len(warnings) == 1 and "nofile" in warnings[0]


@pytest.mark.parametrize(
    ("fields", "gone"),
    [({"pid": "host"}, "pid"), ({"ipc": "host"}, "ipc"), ({"uts": "host"}, "uts"), ({"network": ["host"]}, "network")],
)
def test_host_namespaces(fields: dict[str, Any], gone: str) -> None:
    assert gone not in [ns["type"] for ns in spec(**fields)["linux"]["namespaces"]]


def test_privileged() -> None:
    host = Host(cgroup_version=1, rlimits=LIMITS, bounding=("CAP_CHOWN", "CAP_SYS_ADMIN"), effective_resource=True)
    document = draft(host=host, privileged=True).spec
    assert document["process"]["capabilities"]["bounding"] == ["CAP_CHOWN", "CAP_SYS_ADMIN"]
    linux = document["linux"]
    assert linux["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert not {"seccomp", "maskedPaths", "readonlyPaths"} & set(linux)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"cap_add": ["foo"]}, '"CAP_FOO": unknown capability'),
        ({"pid": "weird"}, "unrecognized namespace mode weird passed"),
        ({"rm": True, "restart": "always"}, "the --rm option conflicts with --restart"),
        ({"memory": "64m", "memory_swap": "1m"}, "minimum memoryswap limit should be larger than memory limit"),
        ({"mount": ["type=weird,dst=/x"]}, 'invalid filesystem type "weird"'),
        ({"volume": ["/nope/x:/x"]}, "statfs /nope/x: no such file or directory"),
        ({"volume": ["/tmp:relative"]}, 'invalid container path "relative", must be an absolute path'),
        ({"volume": ["/tmp:/x:weird"]}, 'invalid option type "weird"'),
        ({"volume": ["/tmp:/x", "/usr:/x"]}, "/x: duplicate mount destination"),
        ({"stop_signal": "FOO"}, "invalid signal: FOO"),
        ({"device": ["/dev/nope"]}, "stat /dev/nope: no such file or directory"),
        ({"log_driver": "weird"}, "running container create option: invalid log driver: invalid argument"),
        ({"network": ["host", "br1"]}, "cannot set multiple networks without bridge network mode, selected mode host"),
        ({"init": True, "init_path": "/nope"}, "container-init binary not found on the host: faccessat /nope"),
    ],
)
def test_refusals(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(OcikitError) as caught:
        draft(**fields)
    assert text in str(caught.value)


def test_finish_puts_paths_namespaces_and_user_in() -> None:
    config = {"spec": spec(), "id": "a" * 64}
    facts = Facts()
    facts.root, facts.hostname, facts.netns = "/merged", "host1", "/run/netns/x"
    facts.binds = {"/etc/hosts": "/run/hosts"}
    facts.shm_source = "/shm"
    facts.user = UserInfo()
    facts.user.uid, facts.user.gid, facts.user.groups, facts.user.home = 1000, 1001, [1001], "/home/app"
    document = finish(config, facts)
    assert document["root"]["path"] == "/merged" and document["hostname"] == "host1"
    assert {"type": "network", "path": "/run/netns/x"} in document["linux"]["namespaces"]
    assert document["process"]["user"] == {"uid": 1000, "gid": 1001, "umask": 18, "additionalGids": [1001]}
    assert set(document["process"]["capabilities"]) == {"bounding"}
    assert document["process"]["env"][-2:] == ["HOME=/home/app", "HOSTNAME=host1"]
    depths = [m["destination"].count("/") for m in document["mounts"]]
    assert depths == sorted(depths)
    assert config["spec"]["root"]["path"] == "rootfs"


def test_a_user_with_an_added_capability_holds_that_one() -> None:
    caps = spec(user="app", cap_add=["net_raw"])["process"]["capabilities"]
    assert caps["ambient"] == ["CAP_NET_RAW"] and "CAP_NET_RAW" in caps["bounding"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("/tmp:/x", ["rprivate", "rbind"]),
        ("/tmp:/x:ro,z", ["ro", "rprivate", "rbind"]),
        ("/tmp:/x:rshared", ["rshared", "rbind"]),
    ],
)
def test_bind_options(text: str, options: list[str]) -> None:
    mounts = spec(volume=[text])["mounts"]
    assert [m["options"] for m in mounts if m["destination"] == "/x"] == [options]


def test_tmpfs_and_named_volume_options() -> None:
    mounts = {m["destination"]: m for m in spec(tmpfs=["/t:size=1m"])["mounts"]}
    assert mounts["/t"]["options"] == ["size=1m", "rprivate", "nosuid", "nodev", "tmpcopyup"]
    volumes = draft(volume=["data:/v:noexec"]).mounts.volumes
    assert volumes["/v"]["options"] == ["noexec", "rprivate", "nosuid", "nodev", "rbind"]
