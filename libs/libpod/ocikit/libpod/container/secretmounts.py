"""``--secret``: files below /run/secrets, or environment variables (libpod.md section 1.2)."""

from __future__ import annotations

import base64
import os

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.container.record import Container
    from ocikit.libpod.runtime import Runtime
    from ocikit.libpod.spec.finish import Facts


def find_secret(runtime: Runtime, name: str) -> dict[str, Any]:
    """A secret's record by name, id or beginning of its id."""
    path = f"{runtime.paths.graphroot}/secrets/secrets.json"
    try:
        with open(path, "rb") as file:
            document = jsonfast.loads(file.read())
    except FileNotFoundError:
        document = {}
    secrets: dict[str, dict[str, Any]] = document.get("secrets") or {}
    id = (document.get("nameToID") or {}).get(name)
    if id is None:
        matches = [key for key in secrets if key.startswith(name)]
        id = matches[0] if len(matches) == 1 else None
    if id is None or id not in secrets:
        raise OcikitError(f'no secret with name or id "{name}": no such secret')
    return secrets[id]


def secret_data(runtime: Runtime, record: dict[str, Any]) -> bytes:
    """The secret itself (file driver)."""
    if record.get("driver", "file") != "file":
        raise OcikitError(f"secret {record['name']}: the driver {record['driver']} is not available here")
    folder = (record.get("driverOptions") or {}).get("path") or f"{runtime.paths.graphroot}/secrets/filedriver"
    with open(f"{folder}/secretsdata.json", "rb") as file:
        data = jsonfast.loads(file.read())
    return base64.b64decode(data[record["id"]])


def plan(runtime: Runtime, config: dict[str, Any], texts: Sequence[str]) -> None:
    """Parses the options, copies mounted secrets into the container's directory, notes both kinds in the record."""
    mounted: list[dict[str, Any]] = []
    env: dict[str, Any] = {}
    for text in texts:
        name, *rest = text.split(",")
        options = dict(part.partition("=")[::2] for part in rest)
        if "=" in name:
            options.update([name.partition("=")[::2]])
            name = options.pop("source", "")
        kind = options.get("type", "mount")
        record = find_secret(runtime, name)
        unknown = set(options) - {"type", "target", "uid", "gid", "mode", "source"}
        if unknown:
            raise OcikitError(f"secret option {sorted(unknown)[0]} is invalid")
        if kind == "env":
            env[options.get("target") or record["name"]] = record
        elif kind == "mount":
            mounted.append(
                {
                    **record,
                    "uid": int(options.get("uid") or 0),
                    "gid": int(options.get("gid") or 0),
                    "mode": int(options.get("mode") or "444", 8),
                    "target": options.get("target") or "",
                }
            )
        else:
            raise OcikitError(f"type {kind} is invalid: a secret is of type mount or env")
    if mounted:
        config["secrets"] = mounted
        os.makedirs(config["secretsPath"], mode=0o755, exist_ok=True)
        for entry in mounted:
            path = f"{config['secretsPath']}/{entry['name']}"
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, entry["mode"])
            with open(fd, "wb") as file:
                file.write(secret_data(runtime, entry))
            os.chmod(path, entry["mode"])
            os.chown(path, entry["uid"], entry["gid"])
    if env:
        config["secret_env"] = env


def apply(container: Container, facts: Facts) -> None:
    """Puts the secrets into the facts of the configuration."""
    config = container.config
    for entry in config.get("secrets") or ():
        target = entry.get("target") or entry["name"]
        dest = target if target.startswith("/") else f"/run/secrets/{target}"
        facts.extra_mounts.append(
            {
                "destination": dest,
                "type": "bind",
                "source": f"{config['secretsPath']}/{entry['name']}",
                "options": ["bind", "rprivate"],
            }
        )
    for name, record in (config.get("secret_env") or {}).items():
        facts.secret_env[name] = secret_data(container.runtime, record).decode("utf-8", "surrogateescape")
