"""containers.conf and the TOML reader."""

from __future__ import annotations

import os
import pathlib
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.common import config
from ocikit.common.config import ContainersConf, load_containers_conf, toml
from ocikit.common.errors import ConfigError


@pytest.fixture
def machine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A machine without any configuration."""
    for name in ("CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(config, "USR", str(tmp_path / "usr"))
    monkeypatch.setattr(config, "ETC", str(tmp_path / "etc"))
    monkeypatch.setattr(config, "_loaded", {})
    return tmp_path


def write(path: pathlib.Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_defaults(machine: pathlib.Path) -> None:
    conf = load_containers_conf()
    assert conf.files == []
    assert conf.containers.pids_limit == 2048 and conf.containers.default_ulimits == []
    assert conf.engine.runtime == "" and conf.engine.cgroup_manager is None
    assert "SETFCAP" in conf.containers.default_capabilities and len(conf.containers.default_capabilities) == 11
    assert not conf.engine.given("runtime")
    with pytest.raises(AttributeError):
        _ = conf.engine.nonsense
    with pytest.raises(AttributeError):
        _ = conf.nonsense


def test_later_files_win(machine: pathlib.Path) -> None:
    write(
        machine / "usr/containers.conf", '[engine]\nruntime = "a"\nstop_timeout = 1\n[engine.runtimes]\nrunc = ["/1"]'
    )
    write(machine / "etc/containers.conf", '[engine]\nruntime = "b"\n')
    write(machine / "etc/containers.conf.d/20.conf", '[engine]\nruntime = "d"\n[engine.runtimes]\ncrun = ["/2"]')
    write(machine / "etc/containers.conf.d/10.conf", '[engine]\nruntime = "c"\n')
    write(machine / "etc/containers.conf.d/readme", "no TOML")
    write(machine / "home/.config/containers/containers.conf", '[engine]\nruntime = "e"\n')
    conf = load_containers_conf(rootless=False)
    assert (conf.engine.runtime, conf.engine.stop_timeout) == ("d", 1)
    assert conf.engine.runtimes == {"runc": ["/1"], "crun": ["/2"]}
    assert load_containers_conf(rootless=True).engine.runtime == "e"
    assert load_containers_conf(rootless=False) is conf


def test_environment_names_the_only_file(machine: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(machine / "etc/containers.conf", '[engine]\nruntime = "b"\nretry = 7\n')
    monkeypatch.setenv("CONTAINERS_CONF", write(machine / "only", '[engine]\nruntime = "o"\n'))
    assert (load_containers_conf().engine.runtime, load_containers_conf().engine.retry) == ("o", 3)
    monkeypatch.setenv("CONTAINERS_CONF_OVERRIDE", write(machine / "last", '[engine]\nruntime = "l"\n'))
    assert load_containers_conf().engine.runtime == "l"
    monkeypatch.setenv("CONTAINERS_CONF", str(machine / "nowhere"))
    with pytest.raises(ConfigError, match=r"nowhere \(CONTAINERS_CONF\): no such file"):
        load_containers_conf()
    monkeypatch.setenv("CONTAINERS_CONF", "/dev/null")
    assert load_containers_conf().engine.runtime == "l"


def test_modules(machine: pathlib.Path) -> None:
    write(machine / "etc/containers.conf.modules/x.conf", "[engine]\nretry = 9\n")
    assert load_containers_conf(["x.conf"]).engine.retry == 9
    with pytest.raises(ConfigError, match='module "y" was not found'):
        load_containers_conf(["y"])


def test_append() -> None:
    conf = ContainersConf()
    conf.add_text('[containers]\nenv = ["A=1"]\n', "one")
    conf.add_text('[containers]\nenv = ["B=2", {append=true}]\n', "two")
    assert conf.containers.env == ["A=1", "B=2"]
    conf.add_text('[containers]\nenv = ["C=3", {append=false}]\n', "three")
    assert conf.containers.env == ["C=3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[engine]\nretry = true", "f: engine.retry must be an integer"),
        ("[engine]\nruntime = 5", "f: engine.runtime must be a string"),
        ("[containers]\ninit = 1", "f: containers.init must be true or false"),
        ("[containers]\nenv = [1]", "f: containers.env must be a list of strings"),
        ("[containers]\nenv = 'x'", "f: containers.env must be a list"),
        ("[engine]\nruntimes = 1", "f: engine.runtimes must be a table"),
        ("containers = 1", "f: containers must be a table"),
        ("[containers", "f: Expected"),
    ],
)
def test_mistakes_name_the_file_and_the_option(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ContainersConf().add_text(text, "f")
    assert str(caught.value).startswith(message)


def test_unknown_options_are_kept_aside() -> None:
    conf = ContainersConf()
    conf.add_text("[engine]\nnew_thing = 1\n[new_table]\na = 1", "f")
    assert conf.unknown == ["f: engine.new_thing", "f: new_table"]


def test_not_text(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        toml.load(str(tmp_path / "x"))


TYPICAL = """
# comment
unqualified-search-registries = ["docker.io", 'quay.io',] # more
[[registry]]
prefix = "a"
insecure = true

[[registry]]
location = "b:5000"
[aliases]
  "centos" = "quay.io/centos/centos"
  # comment
[engine.runtimes]
crun = [
  "/usr/bin/crun", # here
  "/usr/local/bin/crun",
]
[containers]
pids_limit = -1
pools = [{"base" = "10.89.0.0/16", size = 24}, {}]
"""


def test_usual_files_need_no_tomllib(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = tomllib.loads(TYPICAL)
    monkeypatch.setattr(tomllib, "loads", None)
    assert toml.loads(TYPICAL.replace("\n", "\r\n")) == expected


@pytest.mark.skipif(not os.path.exists("/usr/share/containers/containers.conf"), reason="no containers.conf here")
def test_the_distributions_file(monkeypatch: pytest.MonkeyPatch) -> None:
    text = pathlib.Path("/usr/share/containers/containers.conf").read_text()
    expected = tomllib.loads(text)
    monkeypatch.setattr(tomllib, "loads", None)
    assert toml.loads(text) == expected


WORDS = """[ ] [[ ]] { } = , . # a b "c" 'd' "e\\\\n" ''' \"\"\" 1 -1 +1 01 0 1.5 1_0 0x1 true false 1979-05-27 12:00:00
inf nan [a] [b] [a.b] [[a]] [[a.b]] a=1 b="x" c=[1,2] d={x=1} a.b=1 ü \\x00 \\r "k"="v" "c"="" "e"\t=\t"f" '"="'""".split(
    " "
)
pieces = st.sampled_from([*WORDS, " ", "\n", "\t", "\n", "\n"])


@given(st.lists(pieces, max_size=30).map("".join) | st.text(max_size=30))
def test_agrees_with_tomllib(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(ConfigError):
            toml.loads(text)
    else:
        assert repr(toml.loads(text)) == repr(expected)
