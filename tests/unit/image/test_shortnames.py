from __future__ import annotations

from pathlib import Path

import pytest

from ocikit.image import shortnames
from ocikit.image.context import SystemContext


@pytest.fixture
def make_ctx(tmp_path: Path) -> object:
    def make(text: str) -> SystemContext:
        (tmp_path / "registries.conf").write_text(text)
        (tmp_path / "d").mkdir(exist_ok=True)
        return SystemContext(
            registries_conf=str(tmp_path / "registries.conf"),
            registries_conf_dir=str(tmp_path / "d"),
            short_name_aliases_conf=str(tmp_path / "cache/aliases.conf"),
        )

    return make


def names(resolved: shortnames.Resolved) -> list[str]:
    return [str(c) for c in resolved.candidates]


def test_full_names_stay(make_ctx: object) -> None:
    ctx = make_ctx("")  # type: ignore[operator]
    assert names(shortnames.resolve("h.x/a", ctx)) == ["h.x/a:latest"]
    assert names(shortnames.resolve("localhost/a:1", ctx)) == ["localhost/a:1"]


def test_alias_carries_tag(make_ctx: object, tmp_path: Path) -> None:
    ctx = make_ctx('unqualified-search-registries = ["s.x"]\n[aliases]\n"al/ias" = "h.x/real"\n')  # type: ignore[operator]
    found = shortnames.resolve("al/ias:7", ctx)
    assert names(found) == ["h.x/real:7"]
    assert found.reason == f'Resolved "al/ias" as an alias ({tmp_path}/registries.conf)'
    shortnames.record_alias("al/ias", "cached.x/real", ctx)
    assert names(shortnames.resolve("al/ias", ctx)) == ["cached.x/real:latest"]
    assert (tmp_path / "cache/aliases.conf").read_text() == '[aliases]\n  "al/ias" = "cached.x/real"\n'


def test_search_registries_in_order(make_ctx: object, tmp_path: Path) -> None:
    ctx = make_ctx('unqualified-search-registries = ["a.x", "docker.io"]\n')  # type: ignore[operator]
    found = shortnames.resolve("box", ctx)
    assert names(found) == ["a.x/box:latest", "docker.io/library/box:latest"]
    assert found.reason == f'Resolving "box" using unqualified-search registries ({tmp_path}/registries.conf)'
    asked: list[list[str]] = []

    def choose(options: list[str]) -> str:
        asked.append(options)
        return options[1]

    chosen = shortnames.resolve("box", ctx, choose=choose)
    assert names(chosen) == ["docker.io/library/box:latest"]
    assert chosen.record
    assert asked == [["a.x/box:latest", "docker.io/library/box:latest"]]


def test_enforcing_without_terminal(make_ctx: object) -> None:
    ctx = make_ctx('unqualified-search-registries = ["a.x", "b.x"]\nshort-name-mode = "enforcing"\n')  # type: ignore[operator]
    with pytest.raises(shortnames.ShortNameUnresolved, match="short-name resolution enforced but cannot prompt"):
        shortnames.resolve("box", ctx)


def test_nothing_configured_says_which_line_to_add(make_ctx: object, tmp_path: Path) -> None:
    with pytest.raises(shortnames.ShortNameUnresolved) as caught:
        shortnames.resolve("box", make_ctx(""))  # type: ignore[operator]
    assert str(caught.value) == (
        'short-name "box" did not resolve to an alias and no unqualified-search registries are defined in '
        f'"{tmp_path}/registries.conf"'
    )
    assert 'unqualified-search-registries = ["docker.io"]' in caught.value.hint
    assert f"{tmp_path}/registries.conf" in caught.value.hint


def test_local_candidates(make_ctx: object) -> None:
    ctx = make_ctx('unqualified-search-registries = ["a.x"]\n[aliases]\n"box" = "h.x/box"\n')  # type: ignore[operator]
    assert [str(c) for c in shortnames.local_candidates("box:2", ctx)] == [
        "h.x/box:2",
        "localhost/box:2",
        "a.x/box:2",
        "docker.io/library/box:2",
    ]
