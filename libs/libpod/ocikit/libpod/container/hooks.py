"""OCI hooks from hooks directories (oci-hooks(5); libpod.md section 4.1)."""

from __future__ import annotations

import os

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.container.record import Container

STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def add_hooks(spec: dict[str, Any], directories: Sequence[str], container: Container) -> dict[str, Any]:
    """The spec with the matching hooks; ``precreate`` ones run now and may rewrite it."""
    files: dict[str, str] = {}
    for directory in directories:
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        files.update({name: f"{directory}/{name}" for name in names if name.endswith(".json")})
    for name in sorted(files):
        with open(files[name], "rb") as file:
            try:
                document = jsonfast.loads(file.read())
            except ValueError as error:
                raise OcikitError(f"parsing hook {files[name]}: {error}") from None
        if not matches(document.get("when") or {}, spec, container.config):
            continue
        for stage in document.get("stages") or ():
            if stage == "precreate":
                spec = _run(document["hook"], spec)
            elif stage in STAGES:
                spec.setdefault("hooks", {}).setdefault(stage, []).append(document["hook"])
            else:
                raise OcikitError(f'hook {files[name]}: unknown stage "{stage}"')
    return spec


def matches(when: dict[str, Any], spec: dict[str, Any], config: dict[str, Any]) -> bool:
    """All conditions of ``when`` that are given must hold."""
    import re

    given = False
    if "always" in when:
        given = True
        if not when["always"]:
            return False
    if when.get("annotations"):
        given = True
        annotations = spec.get("annotations") or {}
        for key, value in when["annotations"].items():
            if not any(re.search(key, k) and re.search(value, v) for k, v in annotations.items()):
                return False
    if when.get("commands"):
        given = True
        args = spec["process"].get("args") or []
        if not args or not any(re.search(pattern, args[0]) for pattern in when["commands"]):
            return False
    if when.get("hasBindMounts") is not None:
        given = True
        own = any(mount["type"] == "bind" for mount in config["spec"]["mounts"])
        if own != when["hasBindMounts"]:
            return False
    return given


def _run(hook: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    import subprocess

    done = subprocess.run(
        hook.get("args") or [hook["path"]],
        executable=hook["path"],
        input=jsonfast.dumps(spec).encode(),
        env=dict(item.partition("=")[::2] for item in hook.get("env") or ()),
        timeout=hook.get("timeout"),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise OcikitError(f"precreate hook {hook['path']} failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    rewritten: dict[str, Any] = jsonfast.loads(done.stdout) if done.stdout.strip() else spec
    return rewritten
