"""What containers.conf says about containers, as plain values (containers.conf(5), table ``containers``)."""

from __future__ import annotations

from ocikit.libpod.spec.defaults import DEFAULT_CAPS, PIDS_LIMIT, SHM_SIZE, STOP_TIMEOUT_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.common.config import Section


class Settings:
    """Defaults for new containers. ``from_section`` fills them from containers.conf; tests set fields directly."""

    def __init__(self) -> None:
        self.annotations: Sequence[str] = ()
        self.apparmor_profile = ""
        self.base_hosts_file = ""
        self.cgroupns = ""
        self.cgroups = "enabled"
        self.default_capabilities: Sequence[str] = DEFAULT_CAPS
        self.default_sysctls: Sequence[str] = ("net.ipv4.ping_group_range=0 0",)
        self.default_ulimits: Sequence[str] = ()
        self.devices: Sequence[str] = ()
        self.dns_options: Sequence[str] = ()
        self.dns_searches: Sequence[str] = ()
        self.dns_servers: Sequence[str] = ()
        self.env: Sequence[str] = ()
        self.env_host = False
        self.host_containers_internal_ip = ""
        self.http_proxy = True
        self.init = False
        self.init_path = ""
        self.interface_name = ""
        self.ipcns = "shareable"
        self.keyring = True
        self.label = True
        self.label_users = False
        self.log_driver = "k8s-file"
        self.log_size_max = -1
        self.log_tag = ""
        self.log_path = ""
        self.mounts: Sequence[str] = ()
        self.netns = ""
        self.no_hosts = False
        self.oom_score_adj: int | None = None
        self.pidns = "private"
        self.pids_limit = PIDS_LIMIT
        self.prepare_volume_on_create = False
        self.privileged = False
        self.read_only = False
        self.restart_policy = ""
        self.seccomp_profile = ""
        self.shm_size: int | str = SHM_SIZE
        self.stop_timeout = STOP_TIMEOUT_S
        self.tz = ""
        self.umask = "0022"
        self.userns = "host"
        self.utsns = "private"
        self.volumes: Sequence[str] = ()
        self.image_volume_mode = "anonymous"
        self.cgroup_manager = "cgroupfs"
        self.runtime = "runc"
        self.default_network = "podman"
        self.rootless_network_cmd = "pasta"

    @classmethod
    def from_section(cls, section: Section) -> Settings:
        """From the ``[containers]`` table; what no file sets keeps the defaults above."""
        settings = cls()
        for key in vars(settings):
            if section.given(key):
                setattr(settings, key, getattr(section, key))
        if settings.log_driver == "journald" and not _journal():
            settings.log_driver = "k8s-file"
        return settings


def _journal() -> bool:
    import os

    return os.path.exists("/run/systemd/journal/socket")
