"""Buildah's working containers: a container of the store plus Buildah's state file, which both tools read and write.

    container = WorkingContainer.create(build_from(store, "alpine"), name="work")
    container.run(["apk", "update"]); container.commit("localhost/new")

The state file (``buildah.json``, specification of builds, 13) is kept as the document that it is: keys of other versions survive.
"""

from __future__ import annotations

import os

from ocikit.common import jsonfast
from ocikit.common.files import atomic_write
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.imageconfig import BuildConfig
from ocikit.libpod.build.options import BUILDAH_VERSION, IDENTITY_LABEL, BuildOptions
from ocikit.libpod.build.platforms import Platform
from ocikit.libpod.build.snapshot import (
    BASE_DIGEST,
    BASE_NAME,
    CREATED,
    DOCKER_MANIFEST,
    OCI_MANIFEST,
    Snapshot,
    documents,
    history_entry,
)
from ocikit.libpod.build.workspace import commit_layer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ocikit.libpod.build.surroundings import Surroundings
    from ocikit.storage import ContainerRecord, ImageRecord, Store

TYPE = "buildah 0.0.1"
STATE_FILE = "buildah.json"
_NAMESPACES = (
    ("cgroup", True),
    ("ipc", False),
    ("mount", False),
    ("network", False),
    ("pid", False),
    ("user", True),
    ("uts", False),
)


class WorkingContainer:
    """One working container. ``state`` is the state file's document, ``config`` the configuration under construction."""

    def __init__(self, store: Store, record: ContainerRecord, state: dict[str, Any]) -> None:
        self.store, self.record, self.state = store, record, state
        document = dict(state.get("ociv1") or {})
        # What only the docker form can hold lives there.
        docker = dict((state.get("docker") or {}).get("config") or {})
        inner = {
            **{k: docker[k] for k in ("Healthcheck", "Shell", "OnBuild", "Domainname") if docker.get(k)},
            **(document.get("config") or {}),
        }
        self.config = BuildConfig.from_image({**document, "config": inner})
        self.config.hostname = docker.get("Hostname") or ""
        self.config.comment = (state.get("docker") or {}).get("comment") or ""
        self.config.annotations = dict(state.get("annotations") or {})

    # -- finding and making -----------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        store: Store,
        image: ImageRecord | None,
        image_name: str,
        *,
        name: str = "",
        options: BuildOptions | None = None,
        platform: Platform | None = None,
    ) -> WorkingContainer:
        """A new container from an image, or from nothing. Raises OcikitError when the name is taken."""
        from ocikit.libpod.build.platforms import host_platform

        options = options or BuildOptions()
        name = name or _free_name(store, image_name)
        _refuse_taken(store, name)
        # It outlives this command and other versions of buildah go on with it: a record that all of them read.
        record = store.create_container(names=[name], image=image.id if image else "", volatile=True, stable=True)
        state = new_state(store, record, image, image_name, name, options, platform or host_platform())
        made = cls(store, record, state)
        if image is None:
            made.config = BuildConfig.scratch()
        if options.identity_label:
            made.config.labels[IDENTITY_LABEL] = BUILDAH_VERSION
        made.save()
        return made

    @classmethod
    def load(cls, store: Store, name: str) -> WorkingContainer:
        """An existing one, by name or id. Raises BuildError for a container that is not Buildah's."""
        try:
            record = store.container(name)
        except Exception:
            raise BuildError(f'reading build container "{name}": container not known') from None
        path = os.path.join(store.container_dir(record.id), STATE_FILE)
        try:
            with open(path, "rb") as file:
                return cls(store, record, jsonfast.loads(file.read()))
        except FileNotFoundError:
            raise BuildError(f'reading build container "{name}": it was not made by buildah') from None

    @classmethod
    def all(cls, store: Store) -> list[WorkingContainer]:
        """Every working container of the store."""
        paths = ((record.id, os.path.join(store.container_dir(record.id), STATE_FILE)) for record in store.containers())
        return [cls.load(store, container) for container, path in paths if os.path.exists(path)]

    @property
    def name(self) -> str:
        return self.record.names[0] if self.record.names else self.record.id

    @property
    def image_name(self) -> str:
        return str(self.state.get("image") or "")

    def save(self) -> None:
        """Writes the state file; both forms of the configuration follow ``config``."""
        oci = self.state.setdefault("ociv1", {})
        oci["config"] = self.config.oci()
        if self.config.author:
            oci["author"] = self.config.author
        docker = self.state.setdefault("docker", {})
        docker["config"] = docker["container_config"] = self.config.docker()
        for key, value in (("author", self.config.author), ("comment", self.config.comment)):
            if value:
                docker[key] = value
        self.state["annotations"] = self.config.annotations
        directory = self.store.container_dir(self.record.id)
        os.makedirs(directory, 0o700, exist_ok=True)
        atomic_write(os.path.join(directory, STATE_FILE), jsonfast.dumps_go(self.state).encode(), mode=0o600)

    def note(self, created_by: str) -> None:
        """Queues a history entry for the next commit (``--add-history``)."""
        from ocikit.libpod.build.clock import clock

        entry = history_entry(clock()(), created_by, author=self.config.author) | {"empty_layer": True}
        self.state["PrependedEmptyLayers"] = [*(self.state.get("PrependedEmptyLayers") or ()), entry]

    def rename(self, name: str) -> None:
        """Raises BuildError when the name is taken."""
        _refuse_taken(self.store, name, "renaming container: ")
        self.record = self.store.set_container_names(self.record.id, [name])
        self.state["container-name"] = name
        self.save()

    def delete(self) -> None:
        self.store.unmount(self.record.id, force=True)
        self.store.delete_container(self.record.id)

    # -- working ----------------------------------------------------------------------------------------------------

    def run(
        self,
        words: Sequence[str],
        around: Surroundings,
        options: BuildOptions,
        warn: Callable[[str], None],
        *,
        user: str = "",
        workdir: str = "",
        env: Mapping[str, str] | None = None,
        terminal: bool = False,
        mounts: Sequence[dict[str, Any]] = (),
        hostname: str = "",
    ) -> int:
        """Runs a command inside, on our own standard streams; its exit status."""
        import shutil
        import tempfile

        from ocikit.libpod.build.mountpoints import MountPoints
        from ocikit.libpod.build.rooted import make_directories, resolve
        from ocikit.libpod.build.runspec import RunContainer, RunRequest
        from ocikit.libpod.build.signals import OrderlyEnd
        from ocikit.libpod.build.users import lookup

        root = self.store.mount(self.record.id)
        bundle = tempfile.mkdtemp(prefix="buildah", dir=around.scratch)
        points = MountPoints(root)
        try:
            who = lookup(root, user or self.config.user)
            where = workdir or self.config.workdir or "/"
            if not os.path.isdir(resolve(root, where)):
                make_directories(root, where, owner=(who.uid, who.gid))
            request = RunRequest(self.record.id, self.name, root, who, where)
            if hostname:
                request.hostname = hostname
            request.environment = options.host_environment() | self.config.env | dict(env or {})
            request.environment.setdefault("HOME", who.home)
            request.environment.setdefault("HOSTNAME", request.hostname)
            request.image_name, request.image_id = self.image_name, str(self.state.get("image-id") or "")
            request.mounts = list(mounts)
            request.terminal, request.stdin = terminal, True
            with OrderlyEnd():
                return RunContainer(request, options, around, bundle, warn).execute(list(words), points)
        finally:
            points.leftovers()
            shutil.rmtree(bundle, ignore_errors=True)
            self.store.unmount(self.record.id)

    def commit(
        self,
        names: Sequence[str],
        now: Callable[[], str],
        options: BuildOptions,
        *,
        created_by: str = "",
        squash: bool = False,
        mtime_s: int | None = None,
    ) -> str:
        """Makes an image of the container as it is now, with all changes in one layer; its id. The container stays.

        ``squash``: base and changes in one layer, without history. ``mtime_s``: the time of every file in the layer.
        """
        docker = options.image_format == "docker"
        base = self._base()
        platform = Platform(
            str(self.state["ociv1"].get("os") or "linux"),
            str(self.state["ociv1"].get("architecture") or ""),
            str(self.state["ociv1"].get("variant") or ""),
        )
        created = now()
        if squash:
            base = Snapshot()
        layer = commit_layer(self.store, self.record.layer, base.top_layer, squash=squash, mtime_s=mtime_s)
        comment = str(self.state.get("history-comment") or "")
        comment += f"FROM {self.image_name}" if self.image_name else ""
        created_by = created_by or str(self.state.get("created-by") or "/bin/sh")
        for queued in self.state.get("PrependedEmptyLayers") or ():
            base = base.with_entry(queued)
        entry = history_entry(now(), created_by, author=self.config.author, comment=comment)
        snapshot = base.with_layer(entry, layer.diff_id, layer.size, layer.id)
        annotations = self.config.annotations | {
            BASE_DIGEST: str(self.state.get("image-digest") or ""),
            BASE_NAME: self.image_name,
        }
        if options.created_annotation:
            annotations[CREATED] = created
        made = documents(
            snapshot,
            self.config,
            platform,
            created,
            docker=docker,
            annotations=annotations,
            omit_history=options.omit_history,
        )
        data = [
            (made.config_digest, made.config, made.config_digest),
            (f"manifest-{made.manifest_digest}", made.manifest, made.manifest_digest),
            ("manifest", made.manifest, made.manifest_digest),
        ]
        self.store.create_image(
            made.image_id,
            names=list(names),
            layer=layer.id,
            digest=made.manifest_digest,
            created=created,
            metadata="{}",
            data=data,
        )
        return made.image_id

    def _base(self) -> Snapshot:
        image = str(self.state.get("image-id") or "")
        if not image:
            return Snapshot()
        chain = self.store.chain(self.store.image(image).layer or "") if self.store.image(image).layer else []
        document = self.state["ociv1"]
        history = tuple(document.get("history") or ())
        diff_ids = tuple((document.get("rootfs") or {}).get("diff_ids") or ())
        sizes = tuple(layer.diff_size for layer in chain)
        return Snapshot(diff_ids, sizes, history, self.store.image(image).layer or "")


def _refuse_taken(store: Store, name: str, doing: str = "creating container: ") -> None:
    for record in store.containers():
        if name in record.names:
            text = f'the container name "{name}" is already in use by {record.id}. You have to remove that container'
            raise BuildError(f"{doing}{text} to be able to reuse that name: that name is already in use")


def _free_name(store: Store, image_name: str) -> str:
    base = image_name.rpartition("/")[2].partition("@")[0].partition(":")[0]
    stem = f"{base}-working-container" if base and base != "scratch" else "working-container"
    taken = {name for record in store.containers() for name in record.names}
    if stem not in taken:
        return stem
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def new_state(
    store: Store,
    record: ContainerRecord | None,
    image: ImageRecord | None,
    image_name: str,
    name: str,
    options: BuildOptions,
    platform: Platform,
) -> dict[str, Any]:
    """The state file's document for a container that begins with this image, or with nothing."""
    config = store.image_data(image.id, f"sha256:{image.id}") if image else b"{}"
    manifest = store.image_data(image.id, "manifest") if image else b""
    digest = image.big_data_digests.get("manifest", image.digest) if image else ""
    annotations = dict(jsonfast.loads(manifest).get("annotations") or {}) if manifest else {}
    annotations |= {BASE_DIGEST: digest, BASE_NAME: image_name if image else ""}
    document = jsonfast.loads(config)
    if not image:
        document = {
            "architecture": platform.architecture,
            "os": platform.os,
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    docker = options.image_format == "docker"
    maps = {"HostUIDMapping": True, "HostGIDMapping": True, "UIDMap": [], "GIDMap": [], "AutoUserNs": False}
    return {
        "Args": {},
        "type": TYPE,
        "image": image_name if image else "",
        "image-id": image.id if image else "",
        "image-digest": digest,
        "config": _base64(config) if image else "",
        "manifest": _base64(manifest),
        "container-name": name,
        "container-id": record.id if record else "",
        "annotations": annotations,
        "ociv1": document,
        "docker": {
            key: value
            for key, value in document.items()
            if key in ("created", "architecture", "os", "rootfs", "history")
        },
        "Isolation": 3 if options.isolation == "rootless" else 1,
        "NamespaceOptions": [{"Name": kind, "Host": host, "Path": ""} for kind, host in _NAMESPACES],
        "ConfigureNetwork": 0,
        "CNIPluginPath": "",
        "CNIConfigDir": "",
        "IDMappingOptions": maps,
        "Capabilities": list(_default_capabilities()),
        "PrependedEmptyLayers": None,
        "AppendedEmptyLayers": None,
        "CommonBuildOpts": _common(options),
        "TopLayer": (image.layer or "") if image else "",
        "Format": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "TempVolumes": {},
        "ContentDigester": {},
        "Devices": [],
    }


def _base64(data: bytes) -> str:
    from binascii import b2a_base64  # base64 itself loads re

    return b2a_base64(data, newline=False).decode()


def _default_capabilities() -> tuple[str, ...]:
    from ocikit.libpod.spec.defaults import DEFAULT_CAPS

    return tuple(sorted(DEFAULT_CAPS))


def _common(options: BuildOptions) -> dict[str, Any]:
    """The options of RUN that a later ``buildah run`` takes over."""
    return {
        "AddHost": list(options.add_hosts),
        "OmitHistory": options.omit_history,
        "CgroupParent": options.cgroup_parent,
        "CPUPeriod": options.cpu_period,
        "CPUQuota": options.cpu_quota,
        "CPUShares": options.cpu_shares,
        "CPUSetCPUs": options.cpuset_cpus,
        "CPUSetMems": options.cpuset_mems,
        "HTTPProxy": options.http_proxy,
        "IdentityLabel": 2,
        "Memory": 0,
        "DNSSearch": list(options.dns_search),
        "DNSServers": list(options.dns),
        "DNSOptions": list(options.dns_options),
        "LabelOpts": None,
        "MemorySwap": 0,
        "NoHosts": options.no_hosts,
        "OmitTimestamp": False,
        "SeccompProfilePath": "",
        "ApparmorProfile": "",
        "ShmSize": options.shm_size or "65536k",
        "Ulimit": list(options.ulimits),
        "Volumes": list(options.volumes),
        "Secrets": [],
        "SSHSources": [],
        "OCIHooksDir": [],
    }
