"""The container of a RUN step: its OCI configuration, its network, and the call of the runtime.

The configuration comes from the same functions as that of ``podman run``; a build adds its own files and mounts.
"""

from __future__ import annotations

import os

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.options import BUILDAH_VERSION
from ocikit.libpod.build.runnetwork import StepNetwork, network_mode
from ocikit.libpod.container.options import CreateOptions
from ocikit.libpod.oci import OciRuntime, find_runtime
from ocikit.libpod.spec.finish import Facts, finish
from ocikit.libpod.spec.host import Host
from ocikit.libpod.spec.template import ImageInfo, build

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocikit.libpod.build.mountpoints import MountPoints
    from ocikit.libpod.build.options import BuildOptions
    from ocikit.libpod.build.surroundings import Surroundings
    from ocikit.libpod.spec.users import UserInfo

    Warn = Callable[[str], None]

SCRIPT_FOLDER = "/dev/pipes"


class RunRequest:
    """What to run in: a container's mounted tree, its names, and who runs where with what environment and mounts."""

    def __init__(self, container_id: str, container_name: str, root: str, user: UserInfo, workdir: str) -> None:
        self.container_id, self.container_name, self.root = container_id, container_name, root
        self.user, self.workdir = user, workdir
        self.environment: dict[str, str] = {}
        self.mounts: list[dict[str, Any]] = []
        self.network = ""
        self.hostname = container_id[:12]
        self.image_name = self.image_id = ""
        self.terminal = self.stdin = False


class RunContainer:
    """One run. ``spec`` first, then ``run`` inside ``network``."""

    def __init__(
        self, request: RunRequest, options: BuildOptions, around: Surroundings, bundle: str, warn: Warn
    ) -> None:
        self.request, self.options, self.around, self.bundle, self.warn = request, options, around, bundle, warn
        self.id, self.hostname = request.container_id, request.hostname
        mode = network_mode(request.network or options.network, rootless=around.rootless)
        self.network = StepNetwork(mode, self.id, self.hostname, around, warn)
        self._extra: list[dict[str, Any]] = []

    def add_script(self, body: str) -> str:
        """A heredoc with a shebang becomes a file that is mounted and run; its path inside."""
        path = f"{self.bundle}/script"
        with open(path, "w", errors="surrogateescape") as file:
            file.write(body)
        os.chmod(path, 0o755)  # noqa: S103
        target = f"{SCRIPT_FOLDER}/buildahheredoc{self.hostname}"
        self._extra.append(
            {"destination": target, "type": "bind", "source": path, "options": ["bind", "rprivate", "ro"]}
        )
        return target

    # -- the configuration ------------------------------------------------------------------------------------------

    def spec(self, words: list[str]) -> dict[str, Any]:
        options = self.options
        host = Host(rootless=self.around.rootless)
        if options.isolation == "chroot":
            raise BuildError(
                "isolation chroot is not there yet", hint="Use --isolation oci, which needs an OCI runtime."
            )
        if not host.rootless and options.isolation == "rootless":
            raise BuildError("isolation rootless is for ordinary users; use oci as root")
        create = CreateOptions(
            command=words,
            entrypoint="",
            workdir=self.request.workdir,
            network=["none" if self.network.kind == "none" else "host"],
            cap_add=list(options.cap_add),
            cap_drop=list(options.cap_drop),
            ulimit=list(options.ulimits),
            volume=list(options.volumes),
            device=list(options.devices),
            security_opt=list(options.security_opts),
            group_add=list(options.group_add),
            shm_size=options.shm_size,
            memory=options.memory,
            memory_swap=options.memory_swap,
            cpu_period=options.cpu_period,
            cpu_quota=options.cpu_quota,
            cpu_shares=options.cpu_shares,
            cpuset_cpus=options.cpuset_cpus,
            cpuset_mems=options.cpuset_mems,
            pid=options.pid,
            ipc=options.ipc,
            uts=options.uts,
            cgroupns=options.cgroupns,
            http_proxy=False,
            systemd="false",
            unsetenv_all=True,
        )
        draft = build(create, ImageInfo(), self.around.settings, host, self.warn)
        draft.spec["process"]["env"] = [f"{name}={value}" for name, value in self.request.environment.items()]
        if self.network.kind not in ("none", "host"):
            draft.spec["linux"]["namespaces"].append({"type": "network"})
        facts = self._facts(host)
        made = finish({"spec": draft.spec}, facts)
        made["process"]["terminal"] = self.request.terminal
        made.setdefault("annotations", {}).pop("org.opencontainers.image.stopSignal", None)
        return made

    def _facts(self, host: Host) -> Facts:
        facts = Facts()
        facts.root = self.request.root
        facts.hostname = self.hostname
        facts.host_uts = self.options.uts == "host"
        facts.joined = {kind: path for kind, path in self._namespace_paths() if path}
        facts.user = self.request.user
        facts.binds = self._files()
        facts.extra_mounts = [*self._extra, *self._shm(), *self.request.mounts]
        if host.cgroups_usable:
            parent = self.options.cgroup_parent or ""
            facts.cgroups_path = f"{parent}/buildah-{self.id}"
        self.network.prepare()
        if self.network.netns:
            facts.netns = self.network.netns
        return facts

    def _namespace_paths(self) -> list[tuple[str, str]]:
        options = self.options
        given = (("pid", options.pid), ("ipc", options.ipc), ("uts", options.uts), ("cgroup", options.cgroupns))
        return [(kind, text.removeprefix("ns:")) for kind, text in given if text.startswith("ns:")]

    def _shm(self) -> list[dict[str, Any]]:
        from ocikit.common.units import parse_size

        size = parse_size(self.options.shm_size) if self.options.shm_size else 65536000
        options = ["private", "nodev", "noexec", "nosuid", "mode=1777", f"size={size}"]
        return [{"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": options}]

    def _files(self) -> dict[str, str]:
        """The generated files, made empty; ``_fill_files`` writes them when the network is known."""
        wanted = {"/run/.containerenv": "containerenv"}
        if not self.options.no_hostname:
            wanted["/etc/hostname"] = "hostname"
        if not self.options.no_hosts:
            wanted["/etc/hosts"] = "hosts"
        if self.options.dns != ("none",):
            wanted["/etc/resolv.conf"] = "resolv.conf"
        for name in wanted.values():
            with open(f"{self.bundle}/{name}", "w"):
                pass
            os.chmod(f"{self.bundle}/{name}", 0o644)
        return {path: f"{self.bundle}/{name}" for path, name in wanted.items()}

    def _write(self, name: str, text: str) -> None:
        path = f"{self.bundle}/{name}"
        if os.path.exists(path):
            with open(path, "w") as file:
                file.write(text)

    def _fill_files(self) -> None:
        from ocikit.network import files

        options, request = self.options, self.request
        self._write("hostname", self.hostname + "\n")
        lines = [
            "",
            f'engine="buildah-{BUILDAH_VERSION}"',
            f'name="{request.container_name}"',
            f'id="{self.id}"',
            f'image="{request.image_name}"',
            f'imageid="{request.image_id}"',
            f"rootless={int(self.around.rootless)}",
        ]
        self._write("containerenv", "\n".join(lines) + "\n")
        network = self.network
        if network.kind == "none":
            return
        text = files.make_resolv_conf(
            host=files.host_resolv_conf(),
            servers=[address for address in options.dns if address != "none"],
            search=options.dns_search,
            options=options.dns_options,
            network_servers=network.servers,
            network_search=network.search,
            forwarders=network.forwarders,
            keep_loopback=not network.isolated,
        )
        self._write("resolv.conf", text)
        own = [(address, [self.hostname, request.container_name]) for address in network.own]
        extra = [files.parse_add_host(word) for word in options.add_hosts]
        self._write("hosts", files.make_hosts(extra=extra, own=own, host_internal=network.host_address))

    # -- running ----------------------------------------------------------------------------------------------------

    def execute(self, words: list[str], points: MountPoints) -> int:
        """All of it: configuration, network, the run. ``points`` remembers what mounting adds to the tree."""
        from ocikit.common import jsonfast

        spec = self.spec(words)
        points.note(mount["destination"] for mount in spec["mounts"])
        with open(f"{self.bundle}/config.json", "w") as file:
            file.write(jsonfast.dumps(spec))
        with self.network:
            self._fill_files()
            return self.run()

    def run(self) -> int:
        """The command's exit status. Its output goes where ours goes, or nowhere in a quiet build."""
        runtime = OciRuntime(
            find_runtime(self.options.runtime or self.around.runtime),
            [f"--{flag}" for flag in self.options.runtime_flags],
        )
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        saved = [os.dup(0), os.dup(1)]
        try:
            if not self.request.stdin:
                os.dup2(null, 0)
            if self.options.quiet:
                os.dup2(null, 1)
            return runtime.run_bundle(f"buildah-{self.id}", self.bundle, options=["--no-new-keyring"])
        finally:
            for number, fd in enumerate(saved):
                os.dup2(fd, number)
                os.close(fd)
            os.close(null)
            runtime.delete(f"buildah-{self.id}", force=True)
