"""Named and anonymous volumes: making, mounting, filling from the image, removing (libpod.md sections 2.3 and 5.1)."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod import times
from ocikit.libpod.errors import NoSuchVolume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ocikit.libpod.runtime import Runtime


class Volumes:
    """Volumes of a runtime; records are the dictionaries of VolumeConfig and VolumeState."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def path(self, name: str) -> str:
        """``VOLUMES/NAME/_data``."""
        return f"{self._runtime.paths.volumes}/{name}/_data"

    def get(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """By name or its unique beginning. Raises NoSuchVolume."""
        return self._runtime.state.volume(self._runtime.state.find_volume(name))

    def list(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """All, by name."""
        return self._runtime.state.volumes()

    def ensure(self, name: str, *, uid: int = 0, gid: int = 0, anonymous: bool = False) -> dict[str, Any]:
        """The configuration of a volume, made if nobody did."""
        try:
            return self._runtime.state.volume(name)[0]
        except NoSuchVolume:
            return self.create(name, uid=uid, gid=gid, anonymous=anonymous, exist_ok=True)

    def create(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        driver: str = "local",
        options: Mapping[str, str] | None = None,
        uid: int = 0,
        gid: int = 0,
        anonymous: bool = False,
        exist_ok: bool = False,
    ) -> dict[str, Any]:
        """Makes a volume and its directory. Raises OcikitError if the name is taken (unless ``exist_ok``)."""
        from ocikit.libpod.names import check_name

        runtime = self._runtime
        check_name(name)
        if driver not in ("", "local"):
            raise OcikitError(
                f"creating volume {name}: the volume driver {driver} is not available here; only local is"
            )
        number = runtime.locks.allocate()
        config: dict[str, Any] = {"name": name, "lockID": number}
        if labels:
            config["labels"] = dict(labels)
        config.update(
            volumeDriver="local",
            mountPoint=self.path(name),
            createdAt=times.now(),
        )
        if options:
            config["volumeOptions"] = dict(options)
        if anonymous:
            config["isAnon"] = True
        config.update(uid=uid, gid=gid)
        state = {"mountCount": 0, "needsCopyUp": True, "needsChown": True, "notYetMounted": True, "notYetChowned": True}
        if not runtime.state.add_volume(config, state):
            runtime.locks.free(number)
            if exist_ok:
                return runtime.state.volume(name)[0]
            raise OcikitError(f"volume with name {name} already exists: volume already exists")
        os.makedirs(runtime.paths.volumes, mode=0o700, exist_ok=True)
        os.makedirs(config["mountPoint"], mode=0o755, exist_ok=True)
        os.chmod(config["mountPoint"], 0o755)  # noqa: S103 - as Podman makes them
        if (uid, gid) != (os.getuid(), os.getgid()):
            os.chown(config["mountPoint"], uid, gid)
        runtime.events.write("volume", "create", None, Name=name)
        return config

    def remove(self, name: str, *, force: bool = False) -> None:
        """Deletes a volume and its contents. In use: OcikitError with exit code 2, or its containers too (``force``)."""
        from ocikit.common.files import remove_tree

        runtime = self._runtime
        full = runtime.state.find_volume(name)
        config, record = runtime.state.volume(full)
        with runtime.locks.hold(config["lockID"]):
            users = runtime.state.volume_users(full)
            if users:
                if not force:
                    raise OcikitError(
                        f"volume {full} is being used by the following container(s): {', '.join(users)}: volume is being used",
                        exit_code=2,
                    )
                for cid in users:
                    runtime.containers.get(cid).remove(force=True)
            if record.get("mountCount", 0) and config.get("volumeOptions"):
                self._unmount(config)
            runtime.state.remove_volume(full)
        runtime.locks.free(config["lockID"])
        remove_tree(os.path.dirname(config["mountPoint"]))
        runtime.events.write("volume", "remove", None, Name=full)

    def mount(self, name: str) -> str:
        """The path of a volume, mounted if its options ask for that; counts the user."""
        runtime = self._runtime
        config, _ = runtime.state.volume(name)
        with runtime.locks.hold(config["lockID"]):
            config, record = runtime.state.volume(name)
            options = config.get("volumeOptions") or {}
            if options.get("type") or options.get("device") or options.get("o"):
                if not record.get("mountCount", 0):
                    self._mount(config, options)
                record["mountCount"] = record.get("mountCount", 0) + 1
                runtime.state.save_volume_state(name, record)
            return str(config["mountPoint"])

    def unmount(self, name: str) -> None:
        """Gives one use up."""
        runtime = self._runtime
        try:
            config, _ = runtime.state.volume(name)
        except NoSuchVolume:
            return
        options = config.get("volumeOptions") or {}
        if not (options.get("type") or options.get("device") or options.get("o")):
            return
        with runtime.locks.hold(config["lockID"]):
            config, record = runtime.state.volume(name)
            record["mountCount"] = max(0, record.get("mountCount", 0) - 1)
            if not record["mountCount"]:
                self._unmount(config)
            runtime.state.save_volume_state(name, record)

    def _mount(self, config: dict[str, Any], options: Mapping[str, str]) -> None:
        from ocikit.libpod.oci import call

        words = ["/bin/mount"]
        if options.get("type"):
            words += ["-t", options["type"]]
        if options.get("o"):
            words += ["-o", options["o"]]
        done = call([*words, options.get("device") or options.get("type") or "none", config["mountPoint"]])
        if done.code:
            text = done.stderr.decode("utf-8", "replace").strip()
            raise OcikitError(f"mounting volume {config['name']}: {text}")

    def _unmount(self, config: dict[str, Any]) -> None:
        from ocikit.common.linux import MNT_DETACH, umount2

        try:
            umount2(config["mountPoint"], MNT_DETACH)
        except OSError:
            pass

    def fill(self, name: str, source: str, *, copy: bool, owner: tuple[int, int] | None) -> None:
        """First use: copies the image's directory ``source`` ("" if there is none) into an empty volume with owners, modes
        and attributes, and gives the volume's root the directory's owner and mode; without one ``owner``."""
        runtime = self._runtime
        config, record = runtime.state.volume(name)
        if not (record.get("needsCopyUp") or record.get("needsChown")):
            return
        target = config["mountPoint"]
        changed = False
        if record.get("needsCopyUp"):
            record.pop("needsCopyUp", None)
            record.pop("notYetMounted", None)
            record["copiedUp"] = True
            changed = True
            if source and copy and not os.listdir(target) and os.listdir(source):
                copy_tree(source, target)
        if record.get("needsChown"):
            record.pop("needsChown", None)
            record.pop("notYetChowned", None)
            changed = True
            if source:
                info = os.stat(source)
                os.chown(target, info.st_uid, info.st_gid)
                os.chmod(target, info.st_mode & 0o7777)
                os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
            elif owner is not None:
                os.chown(target, *owner)
        if changed:
            runtime.state.save_volume_state(name, record)


def copy_tree(source: str, target: str) -> None:
    """Everything in ``source`` into ``target`` with owners, modes, times and extended attributes; links stay links."""
    import shutil
    import stat

    for folder, dirs, files in os.walk(source):
        rest = folder[len(source) :]
        for name in [*dirs, *files]:
            old, new = f"{folder}/{name}", f"{target}{rest}/{name}"
            info = os.lstat(old)
            if stat.S_ISLNK(info.st_mode):
                os.symlink(os.readlink(old), new)
            elif stat.S_ISDIR(info.st_mode):
                os.mkdir(new, 0o700)
            elif stat.S_ISREG(info.st_mode):
                shutil.copyfile(old, new)
            else:
                os.mknod(new, info.st_mode, info.st_rdev)
            os.chown(new, info.st_uid, info.st_gid, follow_symlinks=False)
            if not stat.S_ISLNK(info.st_mode):
                os.chmod(new, info.st_mode & 0o7777)
            for key in os.listxattr(old, follow_symlinks=False):
                try:
                    os.setxattr(new, key, os.getxattr(old, key, follow_symlinks=False), follow_symlinks=False)
                except OSError:
                    continue
        dirs[:] = [name for name in dirs if not os.path.islink(f"{folder}/{name}")]
    for folder, _, _ in os.walk(source):
        info = os.stat(folder)
        os.utime(target + folder[len(source) :], ns=(info.st_atime_ns, info.st_mtime_ns))
