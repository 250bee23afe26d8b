"""storage.conf: which file, which keys, which variables; and the driver that is chosen when none is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocikit.common.errors import ConfigError
from ocikit.storage import Store, StoreOptions, config, userns
from ocikit.storage.config import settle
from ocikit.storage.errors import DriverUnsupported


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("STORAGE_", "CONTAINERS_", "XDG_", "_CONTAINERS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(userns, "rootless_uid", lambda: 0)
    monkeypatch.setattr(userns, "is_rootless", lambda: False)


@pytest.fixture
def conf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "storage.conf"
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(path))
    return path


def rootless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(userns, "rootless_uid", lambda: 1234)
    monkeypatch.setattr(userns, "is_rootless", lambda: True)


def test_named_file_must_exist(conf: Path) -> None:
    with pytest.raises(ConfigError, match=r"storage\.conf: no such file or directory"):
        settle()


def test_all_keys(conf: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    conf.write_text(f"""
[storage]
driver = "overlay"
graphroot = "{tmp_path}/g-$UID-${{HOME}}"
runroot = "{tmp_path}/r"
imagestore = "{tmp_path}/i"
transient_store = true
[storage.options]
additionalimagestores = ["{shared}"]
size = "1g"
ignore_chown_errors = "true"
root-auto-userns-user = "someone"
auto-userns-min-size = 2048
auto-userns-max-size = 4096
mountopt = "nodev"
disable-volatile = true
pull_options = {{ enable_partial_images = "false" }}
[storage.options.overlay]
mountopt = "nodev,metacopy=on"
inodes = "1000"
skip_mount_home = "true"
force_mask = "shared"
""")
    got = settle()
    assert got.graphroot == f"{tmp_path}/g-0-{tmp_path}/home"
    assert (got.runroot, got.imagestore, got.transient) == (f"{tmp_path}/r", f"{tmp_path}/i", True)
    assert got.stores == [got.graphroot, str(shared)]
    assert (got.size, got.inodes, got.ignore_chown_errors) == (1 << 30, 1000, True)
    assert (got.auto_userns_user, got.auto_userns_min, got.auto_userns_max) == ("someone", 2048, 4096)
    assert got.mountopt == "nodev,metacopy=on"  # the driver's table wins
    assert got.disable_volatile and got.skip_mount_home and got.force_mask == 0o755
    assert got.pull_options == {"enable_partial_images": "false"}
    assert got.warnings == [] and got.driver_named


def test_the_caller_beats_the_file(conf: Path, tmp_path: Path) -> None:
    conf.write_text('[storage]\ndriver = "overlay"\ngraphroot = "/g"\n[storage.options.overlay]\nmountopt = "nodev"\n')
    got = settle(StoreOptions(graphroot=str(tmp_path / "x")))
    assert (got.graphroot, got.driver, got.mountopt) == (
        str(tmp_path / "x"),
        "overlay",
        "",
    )  # its options are forgotten
    kept = settle(StoreOptions(graphroot=str(tmp_path / "x"), keep_file_options=True))
    assert kept.mountopt == "nodev"
    mine = settle(StoreOptions(graphroot=str(tmp_path / "x"), options=["overlay.mountopt=noexec", "overlay.size=5k"]))
    assert (mine.mountopt, mine.size) == ("noexec", 5120)
    assert settle(StoreOptions(driver="vfs", options=[], graphroot="/g")).driver == "vfs"


def test_environment(conf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    conf.write_text('[storage]\ndriver = "vfs"\n[storage.options.overlay]\nmountopt = "nodev"\n')
    monkeypatch.setenv("STORAGE_DRIVER", "overlay")
    monkeypatch.setenv("STORAGE_OPTS", "overlay.size=1m,overlay.ignore_chown_errors=true")
    got = settle()
    assert (got.driver, got.mountopt, got.size, got.ignore_chown_errors) == ("overlay", "", 1 << 20, True)
    rootless(monkeypatch)
    assert settle().mountopt == "nodev"  # added, not replacing


def test_strangers_are_named(conf: Path) -> None:
    conf.write_text("[storage]\nnonsense = 1\n[storage.options]\nx = 2\n[storage.options.overlay]\ny = 3\n")
    assert settle().warnings == [
        f'Failed to decode the keys ["storage.nonsense" "storage.options.x" "storage.options.overlay.y"] from "{conf}"'
    ]
    conf.write_text("[storage\n")
    with pytest.raises(ConfigError, match=r"storage\.conf"):
        settle()
    conf.write_text("[storage]\ngraphroot = 5\n")
    with pytest.raises(ConfigError, match=r"storage\.graphroot must be a string"):
        settle()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("overlay.what=1", "overlay: unknown option what"),
        ("overlay.size=much", '"much" is not a size'),
        ("overlay.force_mask=world", '"world" is neither shared, private nor an octal mode'),
        ("overlay.skip_mount_home=maybe", '"maybe" is neither true nor false'),
        ("overlay.mount_program=/no/such", "can't stat program /no/such"),
        ("overlay.imagestore=relative", "must be an absolute path"),
        ("overlay.use_composefs=true", "use_composefs is not supported"),
        ("strange.x=1", "belongs to no driver"),
    ],
)
def test_options_that_cannot_be(option: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settle(StoreOptions(graphroot="/g", driver="overlay", options=[option]))


def test_options_of_other_drivers_are_none_of_ours() -> None:
    got = settle(
        StoreOptions(graphroot="/g", driver="vfs", options=["overlay.mountopt=nodev", ".ignore_chown_errors=1"])
    )
    assert got.mountopt == "" and got.ignore_chown_errors
    with pytest.raises(ConfigError, match="vfs driver does not support mount options"):
        settle(StoreOptions(graphroot="/g", driver="vfs", options=["vfs.mountopt=nodev"]))


def test_image_store_must_be_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must either be not set or be a different than graphroot"):
        settle(StoreOptions(graphroot=str(tmp_path), imagestore=str(tmp_path), driver="vfs"))


def test_rootless_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rootless(monkeypatch)
    monkeypatch.setattr(config, "config_path", lambda rootless: ("", False))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    got = settle()
    assert got.graphroot == f"{tmp_path}/home/.local/share/containers/storage"
    assert got.runroot == f"{tmp_path}/run/containers"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert settle().graphroot == f"{tmp_path}/data/containers/storage"


def test_the_users_file_hides_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rootless(monkeypatch)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    own = tmp_path / "home/.config/containers/storage.conf"
    own.parent.mkdir(parents=True)
    own.write_text('[storage]\ndriver = "vfs"\n')
    assert config.config_path(True) == (str(own), True)
    assert settle().driver == "vfs"
    xdg = tmp_path / "xdg/containers/storage.conf"
    xdg.parent.mkdir(parents=True)
    xdg.write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert config.config_path(True)[0] == config.config_path(False)[0] == str(xdg)


def test_of_the_systems_file_users_get_little(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rootless(monkeypatch)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    system = tmp_path / "system.conf"
    system.write_text(f"""[storage]
driver = "vfs"
graphroot = "/not/for/users"
rootless_storage_path = "{tmp_path}/rootless/$UID"
[storage.options]
ignore_chown_errors = "true"
size = "5g"
""")
    monkeypatch.setattr(config, "config_path", lambda rootless: (str(system), False))
    got = settle()
    assert (got.graphroot, got.driver, got.ignore_chown_errors) == (f"{tmp_path}/rootless/1234", "vfs", True)


def test_driver_of_what_is_there(tmp_path: Path) -> None:
    def chosen() -> str:
        return settle(StoreOptions(graphroot=str(tmp_path), options=[])).driver

    (tmp_path / "vfs").mkdir()
    assert chosen() == "vfs"
    (tmp_path / "overlay").mkdir()
    with pytest.raises(ConfigError, match=r"contains several valid graphdrivers: overlay, vfs; Please cleanup"):
        chosen()
    (tmp_path / "vfs").rmdir()
    assert chosen() == "overlay"
    (tmp_path / "overlay").rename(tmp_path / "btrfs")
    assert chosen() == "btrfs"
    with pytest.raises(DriverUnsupported, match='"btrfs" is not supported: ocikit has the drivers "overlay" and "vfs"'):
        Store.open(StoreOptions(graphroot=str(tmp_path), options=[]))


def test_overlay2_is_overlay() -> None:
    got = settle(StoreOptions(graphroot="/g", driver="overlay2", options=["overlay2.mountopt=nodev"]))
    assert (got.driver, got.mountopt) == ("overlay", "nodev")
    assert len(got.warnings) == 1
