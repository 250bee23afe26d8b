"""Every command and flag that buildah declares is one that the Go tool has, with the same letter and type, or is marked as ours."""

from tests.support import surface


def test_nothing_is_declared_that_buildah_does_not_have() -> None:
    surface.nothing_is_declared_that_the_tool_does_not_have("buildah")


def test_every_command_has_words_and_help() -> None:
    surface.every_command_has_words_and_help("buildah")
