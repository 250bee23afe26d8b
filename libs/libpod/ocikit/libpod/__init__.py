"""Containers, volumes and builds, without a daemon.

from ocikit.libpod import Runtime

with Runtime.open() as runtime:
    result = runtime.containers.run(image="alpine", command=["echo", "hello"], rm=True)
    print(result.exit_code, result.stdout)
"""

from __future__ import annotations

_WHERE = {
    "AttachOptions": "container.run",
    "Container": "container.record",
    "CreateOptions": "container.options",
    "ExecOptions": "container.execs",
    "Runtime": "runtime",
    "RuntimeOptions": "runtime",
}

__all__ = [*_WHERE]


def __getattr__(name: str) -> object:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
