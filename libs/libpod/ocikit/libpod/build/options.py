"""What a build is asked to do: filled in by the command line or by a caller of the library."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.image.local.common import Retries

IDENTITY_LABEL = "io.buildah.version"
BUILDAH_VERSION = "1.43.1"


class Secret:
    """A build secret: ``source`` is a file's path, or a variable's name when ``kind`` is "env"."""

    __slots__ = ("kind", "name", "source")

    def __init__(self, *, name: str, source: str, kind: str = "file") -> None:
        self.name, self.source, self.kind = name, source, kind


class BuildOptions:
    """Times are Unix seconds; names are as typed. Defaults are those of ``podman build`` (``buildah build``: layers False)."""

    # A plain class: a dataclass of this size costs 45 ms, more than a whole ``buildah from``.
    context: str = "."
    containerfiles: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    target: str = ""
    build_args: dict[str, str]
    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    unset_env: tuple[str, ...] = ()
    unset_labels: tuple[str, ...] = ()
    unset_annotations: tuple[str, ...] = ()
    inherit_labels: bool = True
    inherit_annotations: bool = True
    layer_labels: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    manifest: str = ""
    runtime_flags: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    stdin: bool = False
    image_format: str = "oci"
    layers: bool = True
    cache: bool = True
    cache_ttl_s: float | None = None
    squash: bool = False
    squash_all: bool = False
    omit_history: bool = False
    pull: str = "missing"
    base_override: str = ""
    build_contexts: dict[str, str]
    ignore_file: str = ""
    platform: str = ""
    timestamp_s: int | None = None
    source_date_epoch_s: int | None = None
    rewrite_timestamp: bool = False
    identity_label: bool = True
    created_annotation: bool = True
    skip_unused_stages: bool = True
    jobs: int = 1
    network: str = ""
    isolation: str = ""
    runtime: str = ""
    http_proxy: bool = True
    add_hosts: tuple[str, ...] = ()
    no_hosts: bool = False
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    shm_size: str = ""
    memory: str = ""
    memory_swap: str = ""
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_shares: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    security_opts: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    cgroup_parent: str = ""
    no_hostname: bool = False
    pid: str = ""
    ipc: str = ""
    uts: str = ""
    cgroupns: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    cpp_flags: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    agents: dict[str, str]
    quiet: bool = False
    keep_containers: bool = False
    author: str = ""
    tls_verify: bool | None = None
    authfile: str = ""
    cert_dir: str = ""
    creds: str = ""
    retries: Retries | None = None

    def __init__(self, **fields: Any) -> None:
        self.build_args = {}
        self.build_contexts = {}
        self.agents = {}
        for name, value in fields.items():
            if name.startswith("_") or (not hasattr(type(self), name) and name not in self.__dict__):
                raise TypeError(f"a build has no option {name!r}")
            setattr(self, name, value)

    def replace(self, **fields: Any) -> BuildOptions:
        """The same options with some of them changed."""
        return BuildOptions(**self.__dict__ | fields)

    def host_environment(self) -> dict[str, str]:
        """The proxy variables that RUN takes over from the caller, unless told not to."""
        from ocikit.libpod.build.imageconfig import PROXY_ARGS

        return {name: os.environ[name] for name in PROXY_ARGS if name in os.environ} if self.http_proxy else {}
