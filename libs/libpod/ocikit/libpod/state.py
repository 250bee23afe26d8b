"""The state database ``GRAPHROOT/db.sql``: Podman's SQLite schema, version 1 (libpod.md section 2).

Configurations and states are kept as the dictionaries that the JSON columns hold; nothing is cached, so whoever holds an
object's lock reads what is true. The database is in WAL mode: a change is one transaction and one append to the log, and a
crash at any point leaves the last whole one.
"""

from __future__ import annotations

import os
import time

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.libpod.errors import (
    Ambiguous,
    ContainerExists,
    DatabaseMismatch,
    NoSuchContainer,
    NoSuchPod,
    NoSuchVolume,
)
from ocikit.libpod.sqlite import sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS DBConfig(
 ID INTEGER PRIMARY KEY NOT NULL, SchemaVersion INTEGER NOT NULL, OS TEXT NOT NULL, StaticDir TEXT NOT NULL,
 TmpDir TEXT NOT NULL, GraphRoot TEXT NOT NULL, RunRoot TEXT NOT NULL, GraphDriver TEXT NOT NULL, VolumeDir TEXT NOT NULL,
 CHECK (ID IN (1)));
CREATE TABLE IF NOT EXISTS IDNamespace(ID TEXT PRIMARY KEY NOT NULL);
CREATE TABLE IF NOT EXISTS ContainerConfig(
 ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, PodID TEXT, JSON TEXT NOT NULL,
 FOREIGN KEY (ID) REFERENCES IDNamespace(ID) DEFERRABLE INITIALLY DEFERRED,
 FOREIGN KEY (ID) REFERENCES ContainerState(ID) DEFERRABLE INITIALLY DEFERRED,
 FOREIGN KEY (PodID) REFERENCES PodConfig(ID));
CREATE TABLE IF NOT EXISTS ContainerState(
 ID TEXT PRIMARY KEY NOT NULL, State INTEGER NOT NULL, ExitCode INTEGER, JSON TEXT NOT NULL,
 FOREIGN KEY (ID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED,
 CHECK (ExitCode BETWEEN -1 AND 255));
CREATE TABLE IF NOT EXISTS ContainerExecSession(
 ID TEXT PRIMARY KEY NOT NULL, ContainerID TEXT NOT NULL, FOREIGN KEY (ContainerID) REFERENCES ContainerConfig(ID));
CREATE TABLE IF NOT EXISTS ContainerDependency(
 ID TEXT NOT NULL, DependencyID TEXT NOT NULL, PRIMARY KEY (ID, DependencyID),
 FOREIGN KEY (ID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED,
 FOREIGN KEY (DependencyID) REFERENCES ContainerConfig(ID), CHECK (ID <> DependencyID));
CREATE TABLE IF NOT EXISTS ContainerVolume(
 ContainerID TEXT NOT NULL, VolumeName TEXT NOT NULL, PRIMARY KEY (ContainerID, VolumeName),
 FOREIGN KEY (ContainerID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED,
 FOREIGN KEY (VolumeName) REFERENCES VolumeConfig(Name));
CREATE TABLE IF NOT EXISTS ContainerExitCode(
 ID TEXT PRIMARY KEY NOT NULL, Timestamp INTEGER NOT NULL, ExitCode INTEGER NOT NULL,
 CHECK (ExitCode BETWEEN -1 AND 255));
CREATE TABLE IF NOT EXISTS PodConfig(
 ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, JSON TEXT NOT NULL,
 FOREIGN KEY (ID) REFERENCES IDNamespace(ID) DEFERRABLE INITIALLY DEFERRED,
 FOREIGN KEY (ID) REFERENCES PodState(ID) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE IF NOT EXISTS PodState(
 ID TEXT PRIMARY KEY NOT NULL, InfraContainerID TEXT, JSON TEXT NOT NULL,
 FOREIGN KEY (ID) REFERENCES PodConfig(ID) DEFERRABLE INITIALLY DEFERRED,
 FOREIGN KEY (InfraContainerID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE IF NOT EXISTS VolumeConfig(
 Name TEXT PRIMARY KEY NOT NULL, StorageID TEXT, JSON TEXT NOT NULL,
 FOREIGN KEY (Name) REFERENCES VolumeState(Name) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE IF NOT EXISTS VolumeState(
 Name TEXT PRIMARY KEY NOT NULL, JSON TEXT NOT NULL,
 FOREIGN KEY (Name) REFERENCES VolumeConfig(Name) DEFERRABLE INITIALLY DEFERRED);
"""

_PATHS = (
    ("StaticDir", "static dir"),
    ("GraphRoot", "graph root"),
    ("RunRoot", "run root"),
    ("TmpDir", "tmp dir"),
    ("GraphDriver", "graph driver"),
    ("VolumeDir", "volume path"),
)


class State:
    """One connection. ``paths`` maps the DBConfig columns (StaticDir, TmpDir, ...) to the values in use; a different
    stored value raises DatabaseMismatch."""

    def __init__(self, path: str, paths: dict[str, str]) -> None:
        self.path = path
        attempts = 200
        while True:
            try:
                row = self._open(paths)
                break
            except sqlite.OperationalError as error:
                # SQLite does not wait while another process makes the database, whatever the time limit says.
                attempts -= 1
                if "locked" not in str(error) or not attempts:
                    raise OcikitError(f"opening the state database {path}: {error}") from None
                self._db.close()
                time.sleep(0.025)
            except sqlite.DatabaseError as error:
                raise OcikitError(f"opening the state database {path}: {error}") from None
        self._check(row, paths)

    def _open(self, paths: dict[str, str]) -> Sequence[Any]:
        """Connects; makes the tables where there are none. The stored schema version and paths."""
        fresh = not os.path.exists(self.path)
        self._db = sqlite.connect(self.path, timeout=100.0, isolation_level=None, check_same_thread=False)
        if fresh:
            self._create(paths)
        self._db.execute("PRAGMA foreign_keys=ON")
        # WAL needs no fsync per commit to stay whole; what a power cut may take back is at most the last commands.
        self._db.execute("PRAGMA synchronous=NORMAL")
        # The first to open the database reads the whole log, and here that is nearly every command: 1,000 pages, the
        # usual limit, cost 5 ms. A checkpoint costs two fsyncs; this is where both together cost least.
        self._db.execute("PRAGMA wal_autocheckpoint=250")
        row: Sequence[Any] | None = None
        try:
            row = self._db.execute(
                "SELECT SchemaVersion, StaticDir, GraphRoot, RunRoot, TmpDir, GraphDriver, VolumeDir FROM DBConfig"
            ).fetchone()
        except sqlite.OperationalError as error:
            if "no such table" not in str(error) or fresh:
                raise
        if row is None:
            self._create(paths)
            row = (SCHEMA_VERSION, *(paths[column] for column, _ in _PATHS))
        return row

    def _create(self, paths: dict[str, str]) -> None:
        os.chmod(self.path, 0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript("BEGIN EXCLUSIVE;" + _SCHEMA)
        self._db.execute(
            "INSERT OR IGNORE INTO DBConfig VALUES (1, ?, 'linux', ?, ?, ?, ?, ?, ?)",
            (
                SCHEMA_VERSION,
                *(paths[c] for c in ("StaticDir", "TmpDir", "GraphRoot", "RunRoot", "GraphDriver", "VolumeDir")),
            ),
        )
        self._db.execute("COMMIT")

    def _check(self, row: Sequence[Any], paths: dict[str, str]) -> None:
        if row[0] > SCHEMA_VERSION:
            raise OcikitError(
                f"the state database {self.path} has schema version {row[0]}, this program knows {SCHEMA_VERSION}",
                hint="It was written by a newer Podman: use that one.",
            )
        for (column, words), stored in zip(_PATHS, row[1:], strict=True):
            wanted = paths[column]
            if stored != wanted and os.path.realpath(stored) != os.path.realpath(wanted):
                raise DatabaseMismatch(
                    f'database {words} "{stored}" does not match our {words} "{wanted}": database configuration mismatch'
                )

    def close(self) -> None:
        """Closes the connection; SQLite then folds the log into the database if nobody else has it open."""
        self._db.close()

    def _write(self, *statements: tuple[str, Sequence[Any]]) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for text, values in statements:
                db.execute(text, values)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    # --- containers -------------------------------------------------------------------------------------------------

    def find_container(self, name: str) -> str:
        """The id for a name, an id or the beginning of one. Raises NoSuchContainer or Ambiguous."""
        rows = self._db.execute(
            "SELECT ID, Name FROM ContainerConfig WHERE Name = ? OR ID GLOB ?", (name, _prefix(name))
        ).fetchall()
        return _choose(rows, name, "container", NoSuchContainer)

    def container(self, id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """(ContainerConfig, ContainerState) of a full id. Raises NoSuchContainer."""
        row = self._db.execute(
            "SELECT c.JSON, s.JSON FROM ContainerConfig c JOIN ContainerState s ON s.ID = c.ID WHERE c.ID = ?", (id,)
        ).fetchone()
        if row is None:
            raise NoSuchContainer(id)
        return jsonfast.loads(row[0]), jsonfast.loads(row[1])

    def container_state(self, id: str) -> dict[str, Any]:
        """The ContainerState alone."""
        row = self._db.execute("SELECT JSON FROM ContainerState WHERE ID = ?", (id,)).fetchone()
        if row is None:
            raise NoSuchContainer(id)
        state: dict[str, Any] = jsonfast.loads(row[0])
        return state

    def container_ids(self) -> list[str]:
        """Every container's id."""
        return [row[0] for row in self._db.execute("SELECT ID FROM ContainerConfig")]

    def container_names(self) -> dict[str, str]:
        """id -> name of all."""
        return dict(self._db.execute("SELECT ID, Name FROM ContainerConfig").fetchall())

    def containers(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(config without its ``spec``, state) of all containers.

        The template is most of a record's text, and listing commands don't need it: it is skipped unparsed.
        """
        rows = self._db.execute(
            "SELECT c.ID, c.Name, c.JSON, s.JSON FROM ContainerConfig c JOIN ContainerState s ON s.ID = c.ID"
        ).fetchall()
        return [(_without_spec(id, name, config), jsonfast.loads(state)) for id, name, config, state in rows]

    def add_container(self, config: dict[str, Any], state: dict[str, Any]) -> None:
        """Inserts a container with its dependencies and volumes. Raises ContainerExists."""
        id, name = config["id"], config["name"]
        statements: list[tuple[str, Sequence[Any]]] = [
            ("INSERT INTO IDNamespace VALUES (?)", (id,)),
            ("INSERT INTO ContainerConfig VALUES (?, ?, ?, ?)", (id, name, config.get("pod") or None, _blob(config))),
            (
                "INSERT INTO ContainerState VALUES (?, ?, ?, ?)",
                (id, state["state"], state.get("exitCode", 0), _blob(state)),
            ),
        ]
        statements += [("INSERT INTO ContainerDependency VALUES (?, ?)", (id, other)) for other in dependencies(config)]
        statements += [
            ("INSERT OR IGNORE INTO ContainerVolume VALUES (?, ?)", (id, volume["volumeName"]))
            for volume in config.get("namedVolumes") or ()
        ]
        try:
            self._write(*statements)
        except sqlite.IntegrityError as error:
            if "UNIQUE" in str(error):
                raise ContainerExists(
                    f'adding container to state: name "{name}" is in use: container already exists'
                ) from None
            raise OcikitError(f"adding container {name} to the state: {error}") from None

    def save_state(self, id: str, state: dict[str, Any]) -> None:
        """Replaces the state of a container. Raises NoSuchContainer if it was removed meanwhile."""
        cursor = self._db.execute("UPDATE ContainerState SET JSON = ? WHERE ID = ?", (_blob(state), id))
        if cursor.rowcount == 0:
            raise NoSuchContainer(id)

    def save_config(self, config: dict[str, Any]) -> None:
        """Replaces the configuration (rename, update)."""
        try:
            self._write(
                (
                    "UPDATE ContainerConfig SET Name = ?, JSON = ? WHERE ID = ?",
                    (config["name"], _blob(config), config["id"]),
                ),
            )
        except sqlite.IntegrityError:
            raise ContainerExists(f'name "{config["name"]}" is in use: container already exists') from None

    def remove_container(self, id: str) -> None:
        """Deletes every row of a container; gone already is fine. Its recorded exit code stays for those who wait."""
        self._write(
            *(
                ("DELETE FROM " + table + " WHERE " + column + " = ?", (id,))  # noqa: S608
                for table, column in (
                    ("ContainerExecSession", "ContainerID"),
                    ("ContainerDependency", "ID"),
                    ("ContainerVolume", "ContainerID"),
                    ("ContainerState", "ID"),
                    ("ContainerConfig", "ID"),
                    ("IDNamespace", "ID"),
                )
            )
        )

    def dependents(self, id: str) -> list[str]:
        """The ids of containers that need this one."""
        return [row[0] for row in self._db.execute("SELECT ID FROM ContainerDependency WHERE DependencyID = ?", (id,))]

    def volume_users(self, name: str) -> list[str]:
        """The ids of containers that use a volume."""
        return [
            row[0] for row in self._db.execute("SELECT ContainerID FROM ContainerVolume WHERE VolumeName = ?", (name,))
        ]

    # --- exit codes, exec sessions ----------------------------------------------------------------------------------

    def set_exit_code(self, id: str, code: int, seconds: int) -> None:
        """Remembers the exit code of a container that may be removed soon."""
        self._db.execute("INSERT OR REPLACE INTO ContainerExitCode VALUES (?, ?, ?)", (id, seconds, code))

    def finish(self, id: str, state: dict[str, Any], code: int, seconds: int) -> None:
        """State and exit code in one transaction."""
        self._write(
            ("UPDATE ContainerState SET JSON = ? WHERE ID = ?", (_blob(state), id)),
            ("INSERT OR REPLACE INTO ContainerExitCode VALUES (?, ?, ?)", (id, seconds, code)),
        )

    def exit_code(self, id: str) -> int | None:
        """The remembered code."""
        row = self._db.execute("SELECT ExitCode FROM ContainerExitCode WHERE ID = ?", (id,)).fetchone()
        return None if row is None else int(row[0])

    def prune_exit_codes(self, before: int) -> None:
        """Forgets the codes of removed containers from before that second."""
        self._db.execute(
            "DELETE FROM ContainerExitCode WHERE Timestamp < ? AND ID NOT IN (SELECT ID FROM ContainerConfig)",
            (before,),
        )

    def clear_exit_codes(self) -> None:
        """Forgets all codes (after a reboot)."""
        self._db.execute("DELETE FROM ContainerExitCode")

    def add_exec_session(self, session: str, container: str) -> None:
        """Registers an exec session's id."""
        self._db.execute("INSERT OR IGNORE INTO ContainerExecSession VALUES (?, ?)", (session, container))

    def remove_exec_session(self, session: str) -> None:
        """Drops it."""
        self._db.execute("DELETE FROM ContainerExecSession WHERE ID = ?", (session,))

    def exec_session(self, session: str) -> str | None:
        """The container's id of a session."""
        row = self._db.execute("SELECT ContainerID FROM ContainerExecSession WHERE ID = ?", (session,)).fetchone()
        return None if row is None else str(row[0])

    # --- volumes ----------------------------------------------------------------------------------------------------

    def find_volume(self, name: str) -> str:
        """The name of a volume, given it or its unique beginning."""
        rows = self._db.execute("SELECT Name, Name FROM VolumeConfig WHERE Name GLOB ?", (_prefix(name),)).fetchall()
        return _choose(rows, name, "volume", NoSuchVolume)

    def volume(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """(VolumeConfig, VolumeState). Raises NoSuchVolume."""
        row = self._db.execute(
            "SELECT c.JSON, s.JSON FROM VolumeConfig c JOIN VolumeState s ON s.Name = c.Name WHERE c.Name = ?", (name,)
        ).fetchone()
        if row is None:
            raise NoSuchVolume(name)
        return jsonfast.loads(row[0]), jsonfast.loads(row[1])

    def volumes(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """All of them, by name."""
        rows = self._db.execute(
            "SELECT c.JSON, s.JSON FROM VolumeConfig c JOIN VolumeState s ON s.Name = c.Name ORDER BY c.Name"
        ).fetchall()
        return [(jsonfast.loads(config), jsonfast.loads(state)) for config, state in rows]

    def add_volume(self, config: dict[str, Any], state: dict[str, Any]) -> bool:
        """Inserts a volume; False if the name exists already."""
        name = config["name"]
        try:
            self._write(
                ("INSERT INTO VolumeConfig VALUES (?, ?, ?)", (name, config.get("storageID") or None, _blob(config))),
                ("INSERT INTO VolumeState VALUES (?, ?)", (name, _blob(state))),
            )
        except sqlite.IntegrityError:
            return False
        return True

    def save_volume_state(self, name: str, state: dict[str, Any]) -> None:
        """Replaces a volume's state."""
        self._db.execute("UPDATE VolumeState SET JSON = ? WHERE Name = ?", (_blob(state), name))

    def remove_volume(self, name: str) -> None:
        """Deletes a volume's rows. Raises OcikitError if a container uses it."""
        try:
            self._write(
                ("DELETE FROM VolumeState WHERE Name = ?", (name,)),
                ("DELETE FROM VolumeConfig WHERE Name = ?", (name,)),
            )
        except sqlite.IntegrityError:
            raise OcikitError(
                f"volume {name} is being used by a container: volume is being used", exit_code=2
            ) from None

    # --- pods -------------------------------------------------------------------------------------------------------

    def find_pod(self, name: str) -> str:
        """The id for a pod's name, id or the beginning of one."""
        rows = self._db.execute(
            "SELECT ID, Name FROM PodConfig WHERE Name = ? OR ID GLOB ?", (name, _prefix(name))
        ).fetchall()
        return _choose(rows, name, "pod", NoSuchPod)

    def pod(self, id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """(PodConfig, PodState)."""
        row = self._db.execute(
            "SELECT c.JSON, s.JSON FROM PodConfig c JOIN PodState s ON s.ID = c.ID WHERE c.ID = ?", (id,)
        ).fetchone()
        if row is None:
            raise NoSuchPod(id)
        return jsonfast.loads(row[0]), jsonfast.loads(row[1])

    def pods(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """All of them."""
        rows = self._db.execute("SELECT c.JSON, s.JSON FROM PodConfig c JOIN PodState s ON s.ID = c.ID").fetchall()
        return [(jsonfast.loads(config), jsonfast.loads(state)) for config, state in rows]


def dependencies(config: dict[str, Any]) -> list[str]:
    """The ids that a container needs: ``--requires`` and the owners of joined namespaces, each once."""
    ids = list(config.get("Dependencies") or ())
    for key in ("ipcNsCtr", "mountNsCtr", "netNsCtr", "pidNsCtr", "userNsCtr", "utsNsCtr", "cgroupNsCtr"):
        other = config.get(key)
        if other and other not in ids:
            ids.append(other)
    return ids


def _prefix(text: str) -> str:
    """A GLOB pattern for "begins with" (case-sensitive, and it uses the index)."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in text) + "*"


def _choose(rows: Iterable[Sequence[Any]], name: str, kind: str, missing: Any) -> str:
    found = list(rows)
    for id, own_name in found:
        if name in (own_name, id):
            return str(id)
    if not found or not name:
        raise missing(name)
    if len(found) > 1:
        raise Ambiguous(f'more than one result for {kind} "{name}": {kind} already exists')
    return str(found[0][0])


def _blob(value: dict[str, Any]) -> bytes:
    return jsonfast.dumps(value).encode("utf-8", "surrogateescape")


def _without_spec(id: str, name: str, data: bytes | str) -> dict[str, Any]:
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    # "spec" comes first and "id","name" right behind it, in Podman's records and in ours.
    if text.startswith('{"spec":{'):
        start = text.find(f'}}}},"id":"{id}","name":"{name}",')
        if start > 0:
            try:
                config: dict[str, Any] = jsonfast.loads("{" + text[start + 3 :])
                return config
            except ValueError:
                pass
    whole: dict[str, Any] = jsonfast.loads(text)
    return whole
