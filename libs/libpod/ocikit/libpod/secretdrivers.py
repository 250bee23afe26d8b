"""Where the bytes of secrets are: a file of Podman's, gpg files as pass keeps them, or whatever four commands do.

A driver has ``options`` (what the record remembers) and four methods: list, lookup, store, delete. Ids are the secrets'.
"""

from __future__ import annotations

import os

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    class Driver(Protocol):
        """What a secret driver can do. Errors are OcikitError; an id without data raises NoData."""

        options: dict[str, str]

        def list(self) -> list[str]: ...

        def lookup(self, id: str) -> bytes: ...

        def store(self, id: str, data: bytes) -> None: ...

        def delete(self, id: str) -> None: ...


class NoData(OcikitError):
    """The driver has nothing under that id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"no secret data with ID {id}: no such secret data")


class Locked:
    """An exclusive lock on a file, as the Go tools take it; the file stays."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        import fcntl

        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.lockf(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def write_indented(path: str, document: object) -> None:
    """JSON as Go's MarshalIndent with two spaces, for nobody else's eyes."""
    import json

    from ocikit.common.files import atomic_write

    text = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=False)
    for plain, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(plain, escaped)
    atomic_write(path, text.encode("utf-8", "surrogateescape"), mode=0o600)


class FileDriver:
    """``PATH/secretsdata.json``: ``{id: base64}``, unencrypted, for root's (the user's) eyes only."""

    def __init__(self, options: Mapping[str, str], folder: str) -> None:
        unknown = set(options) - {"path"}
        if unknown:
            raise OcikitError(f"invalid driver option {sorted(unknown)[0]}: the file driver knows path")
        self._folder = options.get("path") or f"{folder}/filedriver"
        self.options = {"path": self._folder}

    def _read(self) -> dict[str, str]:
        try:
            with open(f"{self._folder}/secretsdata.json", "rb") as file:
                text = file.read()
        except FileNotFoundError:
            return {}
        try:
            data: dict[str, str] = jsonfast.loads(text) if text else {}
        except ValueError as error:
            raise OcikitError(f"{self._folder}/secretsdata.json is damaged: {error}") from None
        return data

    def _locked(self) -> Locked:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        return Locked(f"{self._folder}/secretsdata.lock")

    def list(self) -> list[str]:
        """Ids."""
        return sorted(self._read())

    def lookup(self, id: str) -> bytes:
        """The data."""
        import binascii

        try:
            return binascii.a2b_base64(self._read()[id])
        except KeyError:
            raise NoData(id) from None

    def store(self, id: str, data: bytes) -> None:
        """Adds it."""
        import binascii

        with self._locked():
            everything = self._read()
            everything[id] = binascii.b2a_base64(data, newline=False).decode()
            write_indented(f"{self._folder}/secretsdata.json", everything)

    def delete(self, id: str) -> None:
        """Takes it out."""
        with self._locked():
            everything = self._read()
            if everything.pop(id, None) is None:
                raise NoData(id)
            write_indented(f"{self._folder}/secretsdata.json", everything)


def _run(words: Sequence[str], what: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
    """A program's output. It inherits our stderr: a passphrase may be asked for there, and its complaints belong there."""
    import subprocess

    try:
        done = subprocess.run(words, input=data, stdout=subprocess.PIPE, env=env, check=False)
    except OSError as error:
        raise OcikitError(f"{what}: cannot run {words[0]}: {error.strerror}") from None
    if done.returncode:
        raise OcikitError(f"{what}: exit status {done.returncode}")
    return done.stdout


class ShellDriver:
    """Four commands for the shell; ``SECRET_ID`` names the secret, data comes and goes on stdin and stdout."""

    KEYS = ("delete", "list", "lookup", "store")

    def __init__(self, options: Mapping[str, str], _: str) -> None:
        unknown = set(options) - set(self.KEYS)
        if unknown:
            raise OcikitError(f"invalid shell driver option: {sorted(unknown)[0]}")
        for key in self.KEYS:
            if not options.get(key):
                raise OcikitError(f"the shell driver needs a command for {key}: missing config value")
        self.options = {key: options[key] for key in self.KEYS}

    def _shell(self, key: str, id: str = "", data: bytes = b"") -> bytes:
        env = {**os.environ, "SECRET_ID": id} if id else None
        return _run(("/bin/sh", "-c", self.options[key]), f"secret command for {key}", data, env)

    def list(self) -> list[str]:
        """Ids: one a line."""
        return sorted(self._shell("list").decode("utf-8", "surrogateescape").split())

    def lookup(self, id: str) -> bytes:
        """The data."""
        return self._shell("lookup", id)

    def store(self, id: str, data: bytes) -> None:
        """Adds it."""
        self._shell("store", id, data)

    def delete(self, id: str) -> None:
        """Takes it out."""
        self._shell("delete", id)


class PassDriver:
    """``ROOT/ID.gpg``, encrypted to ``key`` (default: the id in ``ROOT/.gpg-id``, as pass(1) keeps it)."""

    KEYS = ("gpghomedir", "key", "root")

    def __init__(self, options: Mapping[str, str], _: str) -> None:
        unknown = set(options) - set(self.KEYS)
        if unknown:
            raise OcikitError(f"invalid pass driver option: {sorted(unknown)[0]}")
        chosen = dict(options)
        if not chosen.get("root"):
            home = os.environ.get("HOME") or os.path.expanduser("~")
            chosen["root"] = os.environ.get("PASSWORD_STORE_DIR") or f"{home}/.password-store"
        if not chosen.get("key"):
            try:
                with open(f"{chosen['root']}/.gpg-id", encoding="utf-8") as file:
                    chosen["key"] = file.read().strip()
            except FileNotFoundError:
                raise OcikitError(
                    f"the pass driver has no key and {chosen['root']}/.gpg-id is missing: give --driver-opts key=..."
                ) from None
        self.options = {key: chosen[key] for key in self.KEYS if chosen.get(key)}

    def _gpg(self, *words: str, data: bytes = b"") -> bytes:
        home = ("--homedir", self.options["gpghomedir"]) if "gpghomedir" in self.options else ()
        return _run(("gpg", *home, *words), "gpg", data)

    def _path(self, id: str) -> str:
        path = f"{self.options['root']}/{id}.gpg"
        if "/" in id:
            raise OcikitError(f"secret id {id!r} is no name of a file")
        return path

    def list(self) -> list[str]:
        """Ids of all gpg files at the top of the root."""
        try:
            return sorted(
                name.removesuffix(".gpg") for name in os.listdir(self.options["root"]) if name.endswith(".gpg")
            )
        except FileNotFoundError:
            return []

    def lookup(self, id: str) -> bytes:
        """Decrypts it."""
        path = self._path(id)
        if not os.path.exists(path):
            raise NoData(id)
        return self._gpg("--quiet", "--decrypt", path)

    def store(self, id: str, data: bytes) -> None:
        """Encrypts it."""
        os.makedirs(self.options["root"], mode=0o700, exist_ok=True)
        self._gpg("--quiet", "--yes", "--encrypt", "--recipient", self.options["key"], "-o", self._path(id), data=data)

    def delete(self, id: str) -> None:
        """Removes the file."""
        try:
            os.unlink(self._path(id))
        except FileNotFoundError:
            raise NoData(id) from None


DRIVERS: dict[str, Callable[[Mapping[str, str], str], Driver]] = {
    "file": FileDriver,
    "pass": PassDriver,
    "shell": ShellDriver,
}


def driver(name: str, options: Mapping[str, str], folder: str) -> Driver:
    """The driver of that name; ``folder`` is ``GRAPHROOT/secrets``."""
    if name not in DRIVERS:
        raise OcikitError(f'secret driver "{name}" is unknown, use file, pass or shell: invalid driver')
    return DRIVERS[name](options, folder)
