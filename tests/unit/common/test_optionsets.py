"""The shared sets of flags have every flag of the commands that they are for, and no other."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable

import pytest

from ocikit.common.cli.declare import Flag, Values
from ocikit.common.cli.optionsets import build, container, pick, registry, unsupported, without
from ocikit.common.cli.parse import parse
from ocikit.common.errors import Unsupported

SURFACE = json.loads((pathlib.Path(__file__).parents[2] / "data" / "cli-surface.json").read_text())


def facts(command: str) -> dict[str, dict[str, str]]:
    flags = SURFACE[command.split()[0]]["commands"][command]["flags"]
    return {flag["name"]: flag for flag in flags if flag["name"] != "help"}


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("podman create", (*container.CREATE, *container.INIT_CTR)),
        ("podman run", (*container.CREATE, *container.RUN)),
        ("podman exec", container.EXEC),
        ("podman build", (*build.BUILD, build.SQUASH_ALL)),
        ("buildah build", (*build.BUILD, build.RUNTIME)),
        ("podman pull", registry.PULL),
        ("podman push", registry.PUSH),
        ("podman login", registry.LOGIN),
        ("podman logout", registry.LOGOUT),
    ],
)
def test_sets_are_complete(command: str, flags: Iterable[Flag]) -> None:
    wanted = facts(command)
    have = {flag.name: flag for flag in flags}
    assert set(have) == set(wanted)
    for name, flag in have.items():
        assert flag.short == wanted[name].get("short", ""), name
        assert (flag.kind == "bool") == (wanted[name]["type"] == "bool"), name
        assert flag.help and flag.help[0].isupper() and not flag.help.endswith("."), name


def test_update_takes_parts() -> None:
    parts = {flag.name for flag in (*container.RESOURCES, *container.HEALTH, container.LATEST)}
    assert parts | {"env", "unsetenv", "restart", "ulimit"} == set(facts("podman update"))


@pytest.mark.parametrize("prefix", ["", "src-", "dest-"])
def test_skopeos_sides(prefix: str) -> None:
    command = "skopeo copy" if prefix else "skopeo inspect"
    assert {flag.name for flag in registry.skopeo_access(prefix)} <= set(facts(command))


def test_choosing() -> None:
    assert [flag.name for flag in pick(container.RESOURCES, "memory", "cpus")] == ["memory", "cpus"]
    assert "memory" not in {flag.name for flag in without(container.RESOURCES, "memory")}
    with pytest.raises(KeyError):
        pick(container.RESOURCES, "nothing")


def test_unsupported() -> None:
    flags = unsupported(container.SECURITY, {"gpus": "there are no GPUs here"})
    with pytest.raises(Unsupported, match="--gpus is not supported: there are no GPUs here"):
        parse(["--gpus=all"], (Values(flags),))
    assert all(not flag.unsupported for flag in container.SECURITY)
