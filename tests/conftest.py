"""Fixtures that own what they make: a test that fails or is interrupted leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import images, machine
from tests.support.registry import Registry
from tests.support.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A store of the test's own, as root; the test fails if it leaves a mount, process, link, namespace or table behind."""
    machine.skip(machine.why_not_containers())
    box = Sandbox()
    try:
        yield box
    finally:
        left = box.close()
    assert not left, "left behind: " + "; ".join(left)


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OCI layout with the image ``latest``: a static busybox with a small root file system around it."""
    machine.skip(machine.why_not_tool("busybox"))
    layout = tmp_path_factory.mktemp("busybox")
    images.busybox_layout(layout)
    return layout


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """An open registry without TLS, shared by the whole run: use repository names of your own."""
    server = Registry(tmp_path_factory.mktemp("registry"))
    yield server
    server.stop()


@pytest.fixture
def make_registry(tmp_path: Path) -> Iterator[Callable[..., Registry]]:
    """Makes registries with options (``tls``, ``user``, ``password``); they end with the test."""
    made: list[Registry] = []

    def make(**options: object) -> Registry:
        made.append(Registry(tmp_path / f"registry{len(made)}", **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for server in made:
        server.stop()
