"""Ignore files: the table measured with buildah."""

import pytest

from ocikit.libpod.build.ignore import parse_ignore

TREE = [
    "a",
    "a/1",
    "a/b",
    "a/b/2",
    "a/b/3.md",
    "node_modules",
    "node_modules/x",
    "node_modules/x/y",
    "README.md",
    "top.md",
]
TREE += ["keep", "keep/k", ".hidden", "secret.key"]


@pytest.mark.parametrize(
    ("lines", "left_out"),
    [
        ("node_modules\n*.md", {"node_modules", "node_modules/x", "node_modules/x/y", "README.md", "top.md"}),
        ("**/*.md\n!README.md", {"a/b/3.md", "top.md"}),
        ("*\n!a/b", set(TREE) - {"a/b", "a/b/2", "a/b/3.md"}),
        ("/a\nsecret.*", {"a", "a/1", "a/b", "a/b/2", "a/b/3.md", "secret.key"}),
        ("a/\nkeep/*", {"a", "a/1", "a/b", "a/b/2", "a/b/3.md", "keep/k"}),
        ("# comment\n\n  top.md  ", {"top.md"}),
    ],
)
def test_table(lines: str, left_out: set[str]) -> None:
    ignore = parse_ignore(lines)
    assert {path for path in TREE if ignore.excluded(path)} == left_out
