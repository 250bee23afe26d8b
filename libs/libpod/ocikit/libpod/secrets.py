"""Secrets: named bytes for containers, in Podman's files (libpod.md section 1.2).

A record is the dictionary in ``secrets.json``: name, id, labels, metadata, createdAt, updatedAt (RFC 3339), driver,
driverOptions. The bytes are the driver's (``secretdrivers``).
"""

from __future__ import annotations

import os

from ocikit.common import jsonfast
from ocikit.common.errors import NameInUse, NotFound, OcikitError
from ocikit.libpod import times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ocikit.libpod.events import EventLog
    from ocikit.libpod.runtime import Runtime
    from ocikit.libpod.secretdrivers import Driver

MAX_BYTES = 512_000
ID_DIGITS = 25


class NoSuchSecret(NotFound):
    """No secret of that name or id."""

    def __init__(self, name: str) -> None:
        super().__init__(f'no secret with name or id "{name}": no such secret')


class Secrets:
    """The secrets below one folder (``GRAPHROOT/secrets``)."""

    def __init__(self, folder: str, events: EventLog | None = None) -> None:
        self.folder = folder
        self._events = events

    @classmethod
    def of(cls, runtime: Runtime) -> Secrets:
        """Those of a runtime."""
        return cls(f"{runtime.paths.graphroot}/secrets", runtime.events)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            with open(f"{self.folder}/secrets.json", "rb") as file:
                text = file.read()
        except FileNotFoundError:
            text = b""
        try:
            document = jsonfast.loads(text) if text else {}
        except ValueError as error:
            raise OcikitError(f"{self.folder}/secrets.json is damaged: {error}") from None
        return {key: document.get(key) or {} for key in ("secrets", "nameToID", "idToName")}

    def list(self) -> Sequence[dict[str, Any]]:
        """All records, the oldest first."""
        return sorted(self._read()["secrets"].values(), key=lambda record: times.parse_ns(record["createdAt"]))

    def get(self, name: str) -> dict[str, Any]:
        """By name, id or the unique beginning of an id. Raises NoSuchSecret."""
        return _find(self._read(), name)

    def data(self, record: Mapping[str, Any]) -> bytes:
        """A secret's bytes."""
        return self._driver(record).lookup(record["id"])

    def _driver(self, record: Mapping[str, Any]) -> Driver:
        from ocikit.libpod.secretdrivers import driver

        return driver(record.get("driver") or "file", record.get("driverOptions") or {}, self.folder)

    # -- changing -----------------------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        data: bytes,
        *,
        driver: str = "file",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        replace: bool = False,
        ignore: bool = False,
    ) -> str:
        """Stores a secret; its id. ``replace`` gives an existing one new bytes, ``ignore`` leaves it as it is.

        Raises NameInUse, or OcikitError for a name, size or driver that will not do.
        """
        from ocikit.libpod import secretdrivers

        check_name(name)
        if not 0 < len(data) < MAX_BYTES:
            raise OcikitError(f"secret data must be larger than 0 and less than {MAX_BYTES} bytes")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with secretdrivers.Locked(f"{self.folder}/secrets.lock"):
            document = self._read()
            old = document["secrets"].get(document["nameToID"].get(name, ""))
            if old is not None and not replace:
                if ignore:
                    return str(old["id"])
                raise NameInUse(f"{name}: secret name in use")
            keeper = secretdrivers.driver(driver, options or {}, self.folder)
            now = times.now()
            id = str(old["id"]) if old else _new_id(document["secrets"])
            record: dict[str, Any] = {"name": name, "id": id}
            if labels:
                record["labels"] = dict(labels)
            record.update(
                createdAt=old["createdAt"] if old else now, updatedAt=now, driver=driver, driverOptions=keeper.options
            )
            if old:
                try:
                    self._driver(old).delete(id)
                except secretdrivers.NoData:
                    pass
            try:
                keeper.store(id, data)
            except OcikitError as error:
                raise OcikitError(f"creating secret {name}: {error}") from None
            document["secrets"][id] = record
            document["nameToID"][name] = id
            document["idToName"][id] = name
            self._write(document)
        self._event("create", id, name)
        return id

    def remove(self, name: str) -> str:
        """Removes a secret; its id. Containers that have it keep their copy. Raises NoSuchSecret."""
        from ocikit.libpod import secretdrivers

        if not os.path.isdir(self.folder):
            raise NoSuchSecret(name)
        with secretdrivers.Locked(f"{self.folder}/secrets.lock"):
            document = self._read()
            record = _find(document, name)
            id = str(record["id"])
            try:
                self._driver(record).delete(id)
            except secretdrivers.NoData:
                pass  # half-removed by somebody else: the rest goes now
            del document["secrets"][id]
            document["nameToID"].pop(record["name"], None)
            document["idToName"].pop(id, None)
            self._write(document)
        self._event("remove", id, record["name"])
        return id

    def _write(self, document: dict[str, dict[str, Any]]) -> None:
        from ocikit.libpod.secretdrivers import write_indented

        write_indented(f"{self.folder}/secrets.json", {key: dict(sorted(document[key].items())) for key in document})

    def _event(self, status: str, id: str, name: str) -> None:
        if self._events is not None:
            self._events.write("secret", status, None, ID=id, Name=name)


def check_name(name: str) -> None:
    """Raises OcikitError for a name that Podman refuses."""
    if not 1 <= len(name) <= 253 or any(sign in name for sign in "=/,\0"):
        raise OcikitError(
            f"secret name \"{name}\" can not include '=', '/', ',', or the NULL ('\\0') and be between 1 and 253 "
            "characters: invalid secret name"
        )


def _find(document: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any]:
    secrets = document["secrets"]
    id = document["nameToID"].get(name) or (name if name in secrets else None)
    if id is None and name:
        matches = [key for key in secrets if key.startswith(name)]
        if len(matches) > 1:
            raise OcikitError(f'more than one secret has an ID that begins with "{name}": secret is ambiguous')
        id = matches[0] if matches else None
    if id is None or id not in secrets:
        raise NoSuchSecret(name)
    record: dict[str, Any] = secrets[id]
    return record


def _new_id(taken: Mapping[str, Any]) -> str:
    from ocikit.common.files import random_hex

    while True:
        id = random_hex(13)[:ID_DIGITS]
        # Digits alone could be taken for a number.
        if id not in taken and not id.isdigit():
            return id
