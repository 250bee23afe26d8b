"""The SQLite state: what goes in comes out, names and ids are found, broken states are refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocikit.common.errors import OcikitError
from ocikit.libpod.errors import Ambiguous, ContainerExists, DatabaseMismatch, NoSuchContainer
from ocikit.libpod.state import State, dependencies

PATHS = {
    "StaticDir": "/g/libpod",
    "TmpDir": "/t",
    "GraphRoot": "/g",
    "RunRoot": "/r",
    "GraphDriver": "overlay",
    "VolumeDir": "/g/volumes",
}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(str(tmp_path / "db.sql"), PATHS)
    yield opened
    opened.close()


def config(id: str, name: str, **more: Any) -> dict[str, Any]:
    return {"spec": {"process": {"args": ["x"]}, "linux": {}}, "id": id * 64, "name": name, "lockID": 0, **more}


def test_round_trip_and_lookup(state: State) -> None:
    first = config("a", "one", labels={"k": "ü"})
    state.add_container(first, {"state": 1})
    assert state.container("a" * 64) == (first, {"state": 1})
    assert state.find_container("one") == state.find_container("aaaa") == "a" * 64
    with pytest.raises(NoSuchContainer, match='no container with name or ID "nope" found'):
        state.find_container("nope")


def test_list_leaves_the_spec_out(state: State) -> None:
    state.add_container(config("a", "one"), {"state": 1})
    [(found, record)] = state.containers()
    assert "spec" not in found and found["name"] == "one" and record == {"state": 1}


def test_names_and_prefixes(state: State) -> None:
    state.add_container(config("a", "one"), {"state": 1})
    state.add_container({**config("a", "two"), "id": "ab" * 32}, {"state": 1})
    with pytest.raises(ContainerExists):
        state.add_container(config("c", "one"), {"state": 1})
    with pytest.raises(Ambiguous, match='more than one result for container "a"'):
        state.find_container("a")
    assert state.find_container("one") == "a" * 64


def test_a_glob_in_a_name_is_no_pattern(state: State) -> None:
    state.add_container(config("a", "one"), {"state": 1})
    with pytest.raises(NoSuchContainer):
        state.find_container("a*")
    with pytest.raises(NoSuchContainer):
        state.find_container("")


def test_dependencies_protect(state: State) -> None:
    state.add_container(config("a", "one"), {"state": 1})
    state.add_container(config("b", "two", netNsCtr="a" * 64), {"state": 1})
    assert state.dependents("a" * 64) == ["b" * 64]
    with pytest.raises(sqlite3.IntegrityError):
        state.remove_container("a" * 64)
    state.remove_container("b" * 64)
    state.remove_container("a" * 64)
    assert state.container_ids() == []


def test_dependencies_of_a_config_come_once() -> None:
    assert dependencies({"Dependencies": ["x"], "netNsCtr": "x", "pidNsCtr": "y"}) == ["x", "y"]


def test_exit_codes_outlive_containers(state: State) -> None:
    state.add_container(config("a", "one"), {"state": 3})
    state.finish("a" * 64, {"state": 4}, 7, 1000)
    state.remove_container("a" * 64)
    assert state.exit_code("a" * 64) == 7
    state.prune_exit_codes(2000)
    assert state.exit_code("a" * 64) is None


def test_saving_the_state_of_a_removed_container_fails(state: State) -> None:
    with pytest.raises(NoSuchContainer):
        state.save_state("a" * 64, {"state": 1})


def test_other_directories_are_refused(tmp_path: Path) -> None:
    State(str(tmp_path / "db.sql"), PATHS).close()
    with pytest.raises(DatabaseMismatch, match='database run root "/r" does not match our run root "/other"'):
        State(str(tmp_path / "db.sql"), {**PATHS, "RunRoot": "/other"})


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "db.sql").write_bytes(b"not a database" * 100)
    with pytest.raises(OcikitError, match="opening the state database"):
        State(str(tmp_path / "db.sql"), PATHS)


def test_a_database_that_nobody_finished(tmp_path: Path) -> None:
    (tmp_path / "db.sql").write_bytes(b"")
    state = State(str(tmp_path / "db.sql"), PATHS)
    assert state.container_ids() == []
    state.close()


def test_schema_is_podmans(state: State) -> None:
    tables = {row[0] for row in state._db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    assert tables == {
        "DBConfig", "IDNamespace", "ContainerConfig", "ContainerState", "ContainerExecSession", "ContainerDependency",
        "ContainerVolume", "ContainerExitCode", "PodConfig", "PodState", "VolumeConfig", "VolumeState",
    }  # fmt: skip


def test_volumes(state: State) -> None:
    assert state.add_volume({"name": "v", "lockID": 1}, {"mountCount": 0})
    assert not state.add_volume({"name": "v", "lockID": 1}, {"mountCount": 0})
    state.add_container(config("a", "one", namedVolumes=[{"volumeName": "v", "dest": "/v"}]), {"state": 1})
    assert state.volume_users("v") == ["a" * 64]
    with pytest.raises(OcikitError, match="volume is being used"):
        state.remove_volume("v")
