from __future__ import annotations

from pathlib import Path

import pytest

from ocikit.common.errors import ConfigError
from ocikit.image.registry import conf


def load(tmp_path: Path, text: str, *dropins: str) -> conf.RegistriesConf:
    main = tmp_path / "registries.conf"
    main.write_text(text)
    directory = tmp_path / "registries.conf.d"
    directory.mkdir()
    for number, dropin in enumerate(dropins):
        (directory / f"{number}.conf").write_text(dropin)
    return conf.load(str(main), str(directory))


@pytest.mark.parametrize(
    ("reference", "prefix", "length"),
    [
        ("h/a/b:1", "h/a", 3),
        ("h/a/b:1", "h/a/b", 5),
        ("h/ab:1", "h/a", -1),
        ("h:5000/a", "h", 1),
        ("h/a@sha256:00", "h/a", 3),
        ("x.example.com/a:1", "*.example.com", 13),
        ("x.example.com:5000/a:1", "*.example.com", 13),
        ("example.com/a:1", "*.example.com", -1),
        ("h/x.example.com", "*.example.com", -1),
    ],
)
def test_match_prefix(reference: str, prefix: str, length: int) -> None:
    assert conf.match_prefix(reference, prefix) == length


def test_mirrors_come_first_and_rewrite(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
[[registry]]
prefix = "example.com/ns"
location = "real.example.com/other"
insecure = true
[[registry.mirror]]
location = "mirror.local/m"
[[registry.mirror]]
location = "digests.local"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.local"
pull-from-mirror = "tag-only"
""",
    )
    by_tag = [(s.name, s.insecure, s.mirror) for s in found.pull_sources("example.com/ns/r:1", False)]
    assert by_tag == [
        ("mirror.local/m/r:1", False, True),
        ("tags.local/r:1", False, True),
        ("real.example.com/other/r:1", True, False),
    ]
    digest = "@sha256:" + "0" * 64
    by_digest = [s.name for s in found.pull_sources("example.com/ns/r" + digest, True)]
    assert by_digest == ["mirror.local/m/r" + digest, "digests.local/r" + digest, "real.example.com/other/r" + digest]
    assert [s.name for s in found.pull_sources("example.com/nsx/r:1", False)] == ["example.com/nsx/r:1"]


def test_longest_prefix_wins_and_blocked_says_where(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        '[[registry]]\nlocation = "h/a"\n[[registry]]\nlocation = "h/a/b"\nblocked = true\n'
        '[[registry]]\nprefix = "*.bad.test"\nblocked = true\n',
    )
    assert found.pull_sources("h/a/c:1", False)[0].name == "h/a/c:1"
    for name in ("h/a/b/c:1", "x.bad.test/r:1"):
        with pytest.raises(conf.Blocked, match=r"is blocked in .*registries.conf"):
            found.pull_sources(name, False)


def test_dropins_replace_by_prefix_and_merge_aliases(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        'unqualified-search-registries = ["a.example"]\n[aliases]\n"x" = "one.example/x"\n"y" = "one.example/y"\n',
        'unqualified-search-registries = []\nshort-name-mode = "enforcing"\n[aliases]\n"x" = "two.example/x"\n',
    )
    assert found.search == []
    assert found.short_name_mode == "enforcing"
    assert found.aliases == {"x": "two.example/x", "y": "one.example/y"}
    assert found.alias_origin["x"].endswith("0.conf")


def test_version_1_still_loads(tmp_path: Path) -> None:
    found = load(
        tmp_path, '[registries.search]\nregistries = ["a.example"]\n[registries.insecure]\nregistries = ["b"]\n'
    )
    assert found.search == ["a.example"]
    entry = found.find("b/x:1")
    assert entry is not None
    assert entry.insecure


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('unqualified-search-registries = ["a/b"]', 'Invalid unqualified-search-registries entry "a/b"'),
        ('short-name-mode = "x"', 'invalid short-name mode: "x"'),
        ("[[registry]]\n", "both location and prefix are unset"),
        ('[[registry]]\nprefix = "a"', "location is unset and prefix is not in the format"),
        ('[[registry]]\nlocation = "https://x"', "invalid location 'https://x': URI schemes are not supported"),
        ('[[registry]]\nprefix = "*.a.b/c"', "is incorrectly formatted"),
        (
            '[[registry]]\nprefix="a"\nlocation="l"\n[[registry]]\nprefix="b"\nlocation="l"\ninsecure=true',
            "conflicting",
        ),
        ('[aliases]\n"x" = "b"', 'invalid alias "b": must contain registry and repository'),
        ('[aliases]\n"x:1" = "h.x/b"', "invalid alias key"),
        ("unqualified-search-registries = 3", "must be a list of texts"),
        ("= broken", "registries.conf"),
        ("unqualified-search-registries=[]\n[registries.search]\nregistries=[]", "mixing sysregistry v1/v2"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_missing_files(tmp_path: Path) -> None:
    assert conf.load(root=str(tmp_path)).registries == {}
    with pytest.raises(ConfigError, match="No such file"):
        conf.load(str(tmp_path / "none"))


def test_the_quick_check_of_aliases_accepts_nothing_that_the_careful_one_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = [
        "",
        "a",
        "a-b",
        "-a",
        "a-",
        "a--b",
        "A",
        "a.b",
        "a_b",
        "localhost",
        "1",
        "é",
        "a:1",
        "a/b",
        "a//b",
        "f" * 64,
    ]
    values = [f"{host}/{path}" for host in ["a.b", "a..b", "a", "a.b:1", "-a.b", "a-.b"] for path in pieces] + pieces
    quick = [(name, value) for name in pieces for value in values if conf._plain_alias(name, value)]
    assert ("a-b", "a.b/a/b") in quick
    assert not conf._plain_alias("a", 3)
    monkeypatch.setattr(conf, "_plain_alias", lambda name, value: False)
    for name, value in quick:
        conf.check_alias(name, value)
