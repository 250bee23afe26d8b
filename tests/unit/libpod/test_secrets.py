"""Secrets on disk: the records, the three drivers, names and sizes, and what --secret may say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocikit.common.errors import NameInUse, OcikitError
from ocikit.libpod.container.secretmounts import parse
from ocikit.libpod.secretdrivers import NoData, PassDriver, ShellDriver
from ocikit.libpod.secrets import MAX_BYTES, NoSuchSecret, Secrets, check_name


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(str(tmp_path / "secrets"))


def shell(folder: Path) -> dict[str, str]:
    folder.mkdir()
    return {
        "list": f"ls {folder}",
        "lookup": f"cat {folder}/$SECRET_ID",
        "store": f"cat > {folder}/$SECRET_ID",
        "delete": f"rm {folder}/$SECRET_ID",
    }


def test_files_are_podmans(secrets: Secrets) -> None:
    id = secrets.create("one", b"\0data\xff", labels={"a": "b"})
    assert len(id) == 25 and set(id) <= set("0123456789abcdef")
    folder = Path(secrets.folder)
    document = json.loads((folder / "secrets.json").read_text())
    record = document["secrets"][id]
    assert list(record) == ["name", "id", "labels", "createdAt", "updatedAt", "driver", "driverOptions"]
    assert record["driverOptions"] == {"path": f"{folder}/filedriver"}
    assert (document["nameToID"], document["idToName"]) == ({"one": id}, {id: "one"})
    assert (folder / "filedriver/secretsdata.json").read_text() == f'{{\n  "{id}": "AGRhdGH/"\n}}'
    for path in ("secrets.json", "filedriver/secretsdata.json"):
        assert (folder / path).stat().st_mode & 0o777 == 0o600
    for name in ("one", id, id[:5]):
        assert secrets.data(secrets.get(name)) == b"\0data\xff"


def test_taken_replaced_ignored_removed(secrets: Secrets) -> None:
    id = secrets.create("one", b"1")
    before = secrets.get("one")
    with pytest.raises(NameInUse, match="one: secret name in use"):
        secrets.create("one", b"2")
    assert secrets.create("one", b"2", ignore=True) == id
    assert secrets.data(secrets.get("one")) == b"1"
    assert secrets.create("one", b"3", replace=True) == id
    after = secrets.get("one")
    assert secrets.data(after) == b"3"
    assert after["createdAt"] == before["createdAt"] and after["updatedAt"] > before["updatedAt"]
    assert secrets.remove(id) == id
    with pytest.raises(NoSuchSecret, match='no secret with name or id "one": no such secret'):
        secrets.get("one")
    with pytest.raises(NoSuchSecret):
        secrets.remove("one")
    assert secrets.list() == []


@pytest.mark.parametrize("name", ["", "a/b", "a,b", "a=b", "a\0b", "x" * 254])
def test_names_that_will_not_do(name: str) -> None:
    with pytest.raises(OcikitError, match="invalid secret name"):
        check_name(name)


@pytest.mark.parametrize("size", [0, MAX_BYTES])
def test_sizes_that_will_not_do(secrets: Secrets, size: int) -> None:
    with pytest.raises(OcikitError, match="larger than 0 and less than 512000"):
        secrets.create("s", b"x" * size)
    assert secrets.list() == []


def test_shell_driver(secrets: Secrets, tmp_path: Path) -> None:
    options = shell(tmp_path / "kept")
    id = secrets.create("s", b"data", driver="shell", options=options)
    assert (tmp_path / "kept" / id).read_bytes() == b"data"
    assert secrets.data(secrets.get("s")) == b"data"
    assert ShellDriver(options, "").list() == [id]
    secrets.remove("s")
    assert not list((tmp_path / "kept").iterdir())


def test_drivers_say_what_is_wrong(secrets: Secrets, tmp_path: Path) -> None:
    options = shell(tmp_path / "kept")
    for driver, given, text in (
        ("nope", {}, "invalid driver"),
        ("shell", {"list": "true"}, "missing config value"),
        ("shell", options | {"more": "x"}, "invalid shell driver option: more"),
        ("shell", options | {"store": "exit 3"}, "creating secret s: secret command for store: exit status 3"),
        ("pass", {"root": str(tmp_path)}, ".gpg-id is missing"),
        ("pass", {"other": "x"}, "invalid pass driver option: other"),
        ("file", {"other": "x"}, "the file driver knows path"),
    ):
        with pytest.raises(OcikitError, match=text):
            secrets.create("s", b"data", driver=driver, options=given)
    assert secrets.list() == []


def test_pass_driver_takes_its_key_from_the_store(tmp_path: Path) -> None:
    (tmp_path / ".gpg-id").write_text("me@example.org\n")
    driver = PassDriver({"root": str(tmp_path)}, "")
    assert driver.options == {"key": "me@example.org", "root": str(tmp_path)}
    assert driver.list() == []
    with pytest.raises(NoData):
        driver.lookup("abc")


def test_a_damaged_file_is_named(secrets: Secrets) -> None:
    Path(secrets.folder).mkdir()
    (Path(secrets.folder) / "secrets.json").write_text("{")
    with pytest.raises(OcikitError, match=r"secrets\.json is damaged"):
        secrets.list()


def test_what_secret_flags_may_say() -> None:
    assert parse("s") == {"source": "s", "type": "mount"}
    assert parse("source=s,type=env,target=T") == {"source": "s", "type": "env", "target": "T"}
    assert parse("s,uid=1,gid=2,mode=0400") == {"source": "s", "type": "mount", "uid": "1", "gid": "2", "mode": "0400"}
    for text, why in (
        ("type=env", "no secret found"),
        ("s,type=x", "type x is invalid"),
        ("s,type=env,mode=0400", "mode cannot be set with type env"),
        ("s,nope=1", "option nope=1 .* is invalid"),
    ):
        with pytest.raises(OcikitError, match=why):
            parse(text)
