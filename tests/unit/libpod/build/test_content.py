"""What COPY finds, and the digest of it. The two check values come from the specification of builds, 7.2."""

import os
from pathlib import Path

import pytest

from ocikit.libpod.build.copying import Attributes
from ocikit.libpod.build.digest import ContentDigest, TarHash
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.ignore import Ignore, parse_ignore
from ocikit.libpod.build.rooted import resolve
from ocikit.libpod.build.sources import find_sources, parents_prefix

NONE = Ignore([])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "f.txt").write_text("hello\n")
    (tmp_path / "d/sub").mkdir(parents=True)
    (tmp_path / "e").mkdir()
    (tmp_path / "e/a").write_text("a\n")
    (tmp_path / "e/b").write_text("b\n")
    (tmp_path / "d/one.md").write_text("1")
    (tmp_path / "d/sub/two.md").write_text("2")
    (tmp_path / "link").symlink_to("d")
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o644)
    return tmp_path


def digest(root: Path, pattern: str) -> str:
    content = ContentDigest()
    for source in find_sources(str(root), [pattern], NONE, NONE):
        tar = TarHash(Attributes())
        for entry in source.entries():
            if entry.name or not source.is_directory:
                tar.add(entry, entry.name or source.base_name)
        content.add("dir" if source.is_directory else "file", tar.hexdigest())
    return content.text


def test_digests_are_buildahs(tree: Path) -> None:
    assert digest(tree, "f.txt") == "file:19b06ffbf3ba0aadfe6af34e4fac422597ca4ab7f6b6086f2e2d3421c9767c80"
    assert digest(tree, "e") == "dir:2b6fd77744e7073ff82d974d8048459f82934d957a74d2a8ffecb4132fb6cd59"
    assert digest(tree, "*").startswith("multi:")


def test_digest_ignores_times_and_sees_modes(tree: Path) -> None:
    before = digest(tree, "f.txt")
    os.utime(tree / "f.txt", (1, 1))
    assert digest(tree, "f.txt") == before
    (tree / "f.txt").chmod(0o755)
    assert digest(tree, "f.txt") != before


def names(root: Path, pattern: str, ignore: str = "", exclude: str = "") -> list[str]:
    found = find_sources(str(root), [pattern], parse_ignore(ignore), parse_ignore(exclude))
    return [entry.name for source in found for entry in source.entries() if entry.name]


@pytest.mark.parametrize(
    ("pattern", "ignore", "exclude", "expected"),
    [
        ("d", "", "", ["one.md", "sub", "sub/two.md"]),
        ("/d/", "", "", ["one.md", "sub", "sub/two.md"]),
        ("d", "**/*.md", "", ["sub"]),
        ("d", "d/sub", "", ["one.md"]),
        ("d", "", "d/one.md", ["sub", "sub/two.md"]),
        ("d", "*\n!d/sub/two.md", "", ["sub", "sub/two.md"]),
        ("link", "", "", ["one.md", "sub", "sub/two.md"]),
    ],
)
def test_walk(tree: Path, pattern: str, ignore: str, exclude: str, expected: list[str]) -> None:
    assert names(tree, pattern, ignore, exclude) == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("../x", "possible escaping context directory error"),
        ("nope", 'copier: stat: "/nope": no such file or directory'),
        ("zz*", r'copier: stat: \["/zz\*"\]: no such file or directory'),
    ],
)
def test_errors(tree: Path, pattern: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        find_sources(str(tree), [pattern], NONE, NONE)


def test_symlinks_stay_below_the_root(tree: Path) -> None:
    (tree / "up").symlink_to("../../../etc")
    (tree / "abs").symlink_to("/e/a")
    assert resolve(str(tree), "up/passwd") == f"{tree}/etc/passwd"
    assert resolve(str(tree), "abs") == f"{tree}/e/a"
    (tree / "loop").symlink_to("loop")
    with pytest.raises(BuildError, match="too many levels"):
        resolve(str(tree), "loop")


@pytest.mark.parametrize(
    ("pattern", "relative", "folder"), [("a/b/c", "a/b/c", "a/b"), ("a/./b/c", "a/b/c", "b"), ("c", "c", "")]
)
def test_parents(pattern: str, relative: str, folder: str) -> None:
    assert parents_prefix(pattern, relative) == folder
