"""Images from machine to machine and from user to user: ``save`` here, ``load`` there, an archive between them."""

from __future__ import annotations

import os
import subprocess
import tempfile

from ocikit.common.errors import OcikitError, PermissionNeeded, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.storage import Store


class Place:
    """One side: ``[user@]host::[image]``. host "" is this store; "localhost" with a user another user of this machine."""

    __slots__ = ("host", "image", "user")

    def __init__(self, text: str) -> None:
        head, colons, image = text.partition("::")
        self.image = image if colons else text
        head = head if colons else ""
        self.user, at, self.host = head.rpartition("@")
        if not at:
            self.host = head
        if self.host.startswith("-") or self.user.startswith("-"):
            raise UsageError(f"invalid place {text}", hint="-")

    @property
    def here(self) -> bool:
        return not self.host or (self.host == "localhost" and not self.user)

    def command(self, *words: str) -> list[str]:
        """What runs podman there."""
        if self.host == "localhost":
            if os.geteuid() != 0:
                raise PermissionNeeded("copying between users needs root: run it with sudo")
            return ["runuser", "-u", self.user, "--", "podman", *words]
        import shlex

        target = f"{self.user}@{self.host}" if self.user else self.host
        uri = destination_uri(self.host) if not self.user else ""
        port: list[str] = []
        if uri:
            from urllib.parse import urlsplit

            parts = urlsplit(uri)
            target = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname)
            port = ["-p", str(parts.port)] if parts.port else []
        return ["ssh", *port, "--", target, "podman " + " ".join(shlex.quote(word) for word in words)]


def destination_uri(name: str) -> str:
    """The address of a saved connection in containers.conf, "" if there is none of that name."""
    from ocikit.common.config import load_containers_conf

    saved = load_containers_conf().engine.get("service_destinations") or {}
    entry = saved.get(name) if isinstance(saved, dict) else None
    return str(entry.get("uri") or "") if isinstance(entry, dict) else ""


def transfer(store: Store, source: str, target: str, quiet: bool) -> list[str]:
    """Copy; the names under which the image is at the target now (only known when that is here)."""
    from ocikit.image.local.archive import SaveOptions, load, save
    from ocikit.image.local.common import Retries
    from ocikit.image.local.pulling import PullOptions
    from ocikit.podman.imaging import reporter

    first, second = Place(source), Place(target)
    if not first.image:
        raise UsageError("you must specify an image as the first argument", hint="-")
    if second.image:
        raise UsageError("the destination takes no image name: end it with ::", hint="-")
    if first.here and second.here:
        raise UsageError("must specify a destination", hint="for example user@host:: or someuser@localhost::")
    fd, path = tempfile.mkstemp(prefix="podman-scp-", dir="/var/tmp", suffix=".tar")
    os.close(fd)
    try:
        if first.here:
            save(store, [first.image], path, SaveOptions(report=reporter(quiet)))
        else:
            with open(path, "wb") as file:
                _run(first.command("save", "--quiet", "--format", "docker-archive", first.image), stdout=file.fileno())
        if second.here:
            return load(store, path, PullOptions("always", report=reporter(quiet), retries=Retries(0)))
        with open(path, "rb") as file:
            _run(second.command("load", *(["--quiet"] if quiet else [])), stdin=file.fileno())
        return []
    finally:
        os.unlink(path)


def _run(command: list[str], stdin: int | None = None, stdout: int | None = None) -> None:
    try:
        code = subprocess.run(command, stdin=stdin, stdout=stdout, check=False).returncode
    except FileNotFoundError:
        raise OcikitError(f"{command[0]} is not installed, and copying needs it") from None
    if code:
        raise OcikitError(f"{command[0]} exited with {code}: the image was not copied")
