"""Builds by an ordinary user with subordinate ids: his own store, files of other owners, and working containers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import leaks, machine
from tests.support.sandbox import CONTAINERS_CONF
from tests.support.users import User

PODMAN = "import sys; from ocikit.podman.main import main; sys.argv[0] = 'podman'; sys.exit(main())"
BUILDAH = "import sys; from ocikit.buildah.main import main; sys.argv[0] = 'buildah'; sys.exit(main())"
FILE = """FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV A=1
COPY --chown=7:8 busybox /owned
RUN id -u && touch /x && chown 5:6 /x
CMD ["sh", "-c", "echo $A; stat -c %u:%g /x /owned"]
"""


@pytest.fixture
def user() -> Iterator[User]:
    made = User()
    try:
        yield made
    finally:
        # The monitor of a container that "podman run --rm" has told of cleans up a moment longer.
        deadline = time.monotonic() + 10
        while leaks.processes_with(str(made.folder)) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = made.close()
    assert not left


@pytest.fixture
def env(user: User) -> dict[str, str]:
    conf = user.folder / "containers.conf"
    conf.write_text(CONTAINERS_CONF)
    return {"CONTAINERS_CONF": str(conf)}


@pytest.fixture
def context(user: User) -> Path:
    folder = user.folder / "context"
    folder.mkdir()
    shutil.copy(str(machine.find("busybox")), folder / "busybox")
    (folder / "busybox").chmod(0o755)
    (folder / "Containerfile").write_text(FILE)
    return folder


def test_both_commands_build_and_share_the_cache(user: User, env: dict[str, str], context: Path) -> None:
    first = user.python(PODMAN, "build", "--tag=x", context, env=env).stdout.splitlines()
    assert "0" in first, "RUN is root inside"
    second = user.python(BUILDAH, "bud", "--layers", "--tag=x", context, env=env).stdout.splitlines()
    assert sum("Using cache" in line for line in second) == 6
    assert first[-1] == second[-1]
    ran = user.python(PODMAN, "run", "--rm", "--network=none", "x", env=env)
    assert ran.stdout == "1\n5:6\n7:8\n"


def test_working_container(user: User, env: dict[str, str], context: Path) -> None:
    user.python(PODMAN, "build", "--tag=x", "--network=none", context, env=env)
    assert user.python(BUILDAH, "from", "x", env=env).stdout == "x-working-container\n"
    user.python(BUILDAH, "run", "x-working-container", "sh", "-c", "echo new > /new; chown 9 /new", env=env)
    user.python(BUILDAH, "commit", "--rm", "x-working-container", "y", env=env)
    ran = user.python(PODMAN, "run", "--rm", "--network=none", "y", "stat", "-c", "%u", "/new", env=env)
    assert ran.stdout == "9\n"
