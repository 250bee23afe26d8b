"""Health checks and secrets of an ordinary user."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import leaks
from tests.support.sandbox import CONTAINERS_CONF
from tests.support.users import Result, User


class Person:
    """A user with podman and an image."""

    def __init__(self, user: User, image: Path) -> None:
        self.user = user
        conf = user.folder / "containers.conf"
        conf.write_text(CONTAINERS_CONF)
        self.env = {"CONTAINERS_CONF": str(conf)}
        shutil.copytree(image, user.folder / "image")
        user.folder.joinpath("image").chmod(0o755)
        self.image = self.podman("pull", "-q", f"oci:{user.folder}/image:latest").stdout.strip()

    def podman(self, *words: str | Path, check: bool = True) -> Result:
        return self.user.tool("podman", *words, check=check, env=self.env)


@pytest.fixture
def person(busybox: Path) -> Iterator[Person]:
    user = User()
    try:
        made = Person(user, busybox)
        yield made
        made.podman("rm", "-f", "-a", "-t", "0", check=False)
    finally:
        deadline = time.monotonic() + 10
        while leaks.processes_with(str(user.folder)) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = user.close()
    assert not left


def test_health_checks_run_by_themselves(person: Person) -> None:
    flags = ["--health-cmd=test -f /tmp/ok", "--health-interval=1s", "--health-retries=1"]
    person.podman("run", "-d", "--name=h", "--network=none", *flags, person.image, "sleep", "300")
    person.podman("wait", "--condition=unhealthy", "h")
    person.podman("exec", "h", "touch", "/tmp/ok")
    person.podman("wait", "--condition=healthy", "h")
    assert person.podman("ps", "--format={{.Status}}").stdout.strip().endswith("(healthy)")


def test_secrets(person: Person) -> None:
    (person.user.folder / "word").write_text("data")
    person.podman("secret", "create", "s", person.user.folder / "word")
    folder = person.user.home / ".local/share/containers/storage/secrets"
    assert (folder / "secrets.json").stat().st_uid == person.user.uid
    ran = person.podman(
        "run", "--rm", "--network=none", "--secret=s,uid=7,gid=8,mode=0440", "--secret=s,type=env,target=V", person.image,
        "sh", "-c", "stat -c '%a %u:%g' /run/secrets/s; cat /run/secrets/s; echo $V",
    )  # fmt: skip
    assert ran.stdout == "440 7:8\ndatadata\n"
