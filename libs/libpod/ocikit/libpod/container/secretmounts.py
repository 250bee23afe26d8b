"""``--secret``: files below /run/secrets, or environment variables (libpod.md section 1.2)."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.secrets import Secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.container.record import Container
    from ocikit.libpod.runtime import Runtime
    from ocikit.libpod.spec.finish import Facts

_KEYS = frozenset(("source", "type", "target", "uid", "gid", "mode"))


def parse(text: str) -> dict[str, str]:
    """``NAME[,type=mount|env][,target=...][,uid=][,gid=][,mode=]``, or the same with ``source=NAME``. Pure."""
    name, *rest = text.split(",")
    if "=" in name:
        name, rest = "", [name, *rest]
    options = {"type": "mount", "source": name}
    for part in rest:
        key, equals, value = part.partition("=")
        if key not in _KEYS or not equals:
            raise OcikitError(f"option {part} in --secret {text} is invalid: {', '.join(sorted(_KEYS))} are known")
        options[key] = value
    if not options["source"]:
        raise OcikitError(f"no secret found in --secret {text}: give its name first, or source=NAME")
    if options["type"] == "env":
        wrong = options.keys() & {"uid", "gid", "mode"}
        if wrong:
            raise OcikitError(f"--secret {text}: {sorted(wrong)[0]} cannot be set with type env")
    elif options["type"] != "mount":
        raise OcikitError(f"type {options['type']} is invalid: a secret is of type mount or env")
    return options


def plan(runtime: Runtime, config: dict[str, Any], texts: Sequence[str]) -> None:
    """Parses the options, copies mounted secrets into the container's directory, notes both kinds in the record."""
    secrets = Secrets.of(runtime)
    mounted: list[dict[str, Any]] = []
    env: dict[str, Any] = {}
    for text in texts:
        options = parse(text)
        record = secrets.get(options["source"])
        if options["type"] == "env":
            env[options.get("target") or record["name"]] = record
            continue
        entry = {**record, "target": options.get("target", "")}
        for key, default, base in (("uid", "0", 10), ("gid", "0", 10), ("mode", "444", 8)):
            try:
                entry[key] = int(options.get(key) or default, base)
            except ValueError:
                raise OcikitError(f"--secret {text}: {key} is no number") from None
        mounted.append(entry)
    if mounted:
        config["secrets"] = mounted
        os.makedirs(config["secretsPath"], mode=0o755, exist_ok=True)
        for entry in mounted:
            _copy(config, entry, secrets.data(entry))
    if env:
        config["secret_env"] = env


def _copy(config: dict[str, Any], entry: dict[str, Any], data: bytes) -> None:
    path = f"{config['secretsPath']}/{entry['name']}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
        maps = config.get("idMappingsOptions") or {}
        os.fchown(fd, _on_host(maps.get("UIDMap"), entry["uid"]), _on_host(maps.get("GIDMap"), entry["gid"]))
        os.fchmod(fd, entry["mode"])


def _on_host(rows: Sequence[dict[str, int]] | None, id: int) -> int:
    """What the container's user or group is outside; itself where nothing is mapped."""
    for row in rows or ():
        if 0 <= id - row["container_id"] < row["size"]:
            return row["host_id"] + id - row["container_id"]
    return id


def environment(container: Container) -> dict[str, str]:
    """The variables that secrets give; read now, never stored."""
    wanted = container.config.get("secret_env") or {}
    secrets = Secrets.of(container.runtime)
    return {name: secrets.data(record).decode("utf-8", "surrogateescape") for name, record in wanted.items()}


def apply(container: Container, facts: Facts) -> None:
    """Puts the secrets into the facts of the configuration."""
    config = container.config
    taken = [m["destination"] for m in config["spec"]["mounts"]] + [v["dest"] for v in config.get("namedVolumes") or ()]
    if config.get("secrets") and "/run/secrets" not in taken:
        facts.extra_mounts.append(_folder(container))
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
    facts.secret_env.update(environment(container))


def _folder(container: Container) -> dict[str, Any]:
    """The mount of /run/secrets: the runtime makes the places of the secrets in it, not in the container's layer."""
    path = f"{container.run_dir}/run/secrets"
    os.makedirs(path, mode=0o755, exist_ok=True)
    maps = container.config.get("idMappingsOptions") or {}
    os.chown(path, _on_host(maps.get("UIDMap"), 0), _on_host(maps.get("GIDMap"), 0))
    return {"destination": "/run/secrets", "type": "bind", "source": path, "options": ["bind", "rprivate"]}
