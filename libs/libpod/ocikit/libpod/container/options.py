"""What ``podman create`` and ``podman run`` can ask for, as one object (podman-run(1)).

A field has the name of its flag with ``_`` for ``-`` and takes what one would type: ``CreateOptions(image="alpine",
command=["true"], volume=["/srv:/srv:ro"], memory="64m")``. An unset field has the value below; ``None`` means "not given"
where a given default differs from none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class CreateOptions:
    """Options of a new container; see the module's text. Treat an instance as frozen."""

    image: str = ""
    command: Sequence[str] = ()
    create_command: Sequence[str] = ()

    add_host: Sequence[str] = ()
    annotation: Sequence[str] = ()
    arch: str = ""
    attach: Sequence[str] = ()
    authfile: str = ""
    blkio_weight: str = ""
    blkio_weight_device: Sequence[str] = ()
    cap_add: Sequence[str] = ()
    cap_drop: Sequence[str] = ()
    cert_dir: str = ""
    cgroup_conf: Sequence[str] = ()
    cgroup_parent: str = ""
    cgroupns: str = ""
    cgroups: str = ""
    chrootdirs: Sequence[str] = ()
    cidfile: str = ""
    conmon_pidfile: str = ""
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_rt_period: int = 0
    cpu_rt_runtime: int = 0
    cpu_shares: int = 0
    cpus: float = 0.0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    creds: str = ""
    decryption_key: Sequence[str] = ()
    device: Sequence[str] = ()
    device_cgroup_rule: Sequence[str] = ()
    device_read_bps: Sequence[str] = ()
    device_read_iops: Sequence[str] = ()
    device_write_bps: Sequence[str] = ()
    device_write_iops: Sequence[str] = ()
    disable_content_trust: bool = False
    dns: Sequence[str] = ()
    dns_option: Sequence[str] = ()
    dns_search: Sequence[str] = ()
    entrypoint: str | None = None
    env: Sequence[str] = ()
    env_file: Sequence[str] = ()
    env_host: bool = False
    env_merge: Sequence[str] = ()
    expose: Sequence[str] = ()
    gidmap: Sequence[str] = ()
    gpus: Sequence[str] = ()
    group_add: Sequence[str] = ()
    group_entry: str = ""
    health_cmd: str | None = None
    health_interval: str = "30s"
    health_log_destination: str = "local"
    health_max_log_count: int = 5
    health_max_log_size: int = 500
    health_on_failure: str = "none"
    health_retries: int = 3
    health_start_period: str = "0s"
    health_startup_cmd: str = ""
    health_startup_interval: str = "30s"
    health_startup_retries: int = 0
    health_startup_success: int = 0
    health_startup_timeout: str = "30s"
    health_timeout: str = "30s"
    hostname: str = ""
    hosts_file: str = ""
    hostuser: Sequence[str] = ()
    http_proxy: bool = True
    image_volume: str = "anonymous"
    init: bool = False
    init_ctr: str = ""
    init_path: str = ""
    interactive: bool = False
    ip: str = ""
    ip6: str = ""
    ipc: str = ""
    label: Sequence[str] = ()
    label_file: Sequence[str] = ()
    log_driver: str = ""
    log_opt: Sequence[str] = ()
    mac_address: str = ""
    memory: str = ""
    memory_reservation: str = ""
    memory_swap: str = ""
    memory_swappiness: int = -1
    mount: Sequence[str] = ()
    name: str = ""
    network: Sequence[str] = ()
    network_alias: Sequence[str] = ()
    no_healthcheck: bool = False
    no_hostname: bool = False
    no_hosts: bool = False
    oom_kill_disable: bool = False
    oom_score_adj: int | None = None
    os: str = ""
    passwd: bool = True
    passwd_entry: str = ""
    personality: str = ""
    pid: str = ""
    pidfile: str = ""
    pids_limit: int | None = None
    platform: str = ""
    pod: str = ""
    pod_id_file: str = ""
    preserve_fd: Sequence[int] = ()
    preserve_fds: int = 0
    privileged: bool = False
    publish: Sequence[str] = ()
    publish_all: bool = False
    pull: str = "missing"
    quiet: bool = False
    rdt_class: str = ""
    read_only: bool = False
    read_only_tmpfs: bool = True
    replace: bool = False
    requires: Sequence[str] = ()
    restart: str = ""
    retry: int = 3
    retry_delay: str = ""
    rm: bool = False
    rmi: bool = False
    rootfs: bool = False
    sdnotify: str = "container"
    seccomp_policy: str = "default"
    secret: Sequence[str] = ()
    security_opt: Sequence[str] = ()
    shm_size: str = ""
    shm_size_systemd: str = ""
    stop_signal: str = ""
    stop_timeout: int | None = None
    subgidname: str = ""
    subuidname: str = ""
    sysctl: Sequence[str] = ()
    systemd: str = "true"
    timeout: int = 0
    tls_verify: bool | None = None
    tmpfs: Sequence[str] = ()
    tty: bool = False
    tz: str = ""
    uidmap: Sequence[str] = ()
    ulimit: Sequence[str] = ()
    umask: str = ""
    unsetenv: Sequence[str] = ()
    unsetenv_all: bool = False
    user: str = ""
    userns: str = ""
    uts: str = ""
    variant: str = ""
    volume: Sequence[str] = ()
    volumes_from: Sequence[str] = ()
    workdir: str = ""

    def __init__(self, **fields: Any) -> None:
        given: set[str] = set()
        for name, value in fields.items():
            if name.startswith("_") or not hasattr(type(self), name):
                raise TypeError(f"CreateOptions has no field {name!r}")
            setattr(self, name, value)
            given.add(name)
        self._given = frozenset(given)

    def given(self, name: str) -> bool:
        """Whether the caller set the field, whatever its value."""
        return name in self._given
