"""``--change``: Containerfile instructions that alter an image's config (podman-commit(1), podman-import(1)). Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from ocikit.common.errors import UsageError

INSTRUCTIONS = ("CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR")


def apply_changes(config: dict[str, Any], changes: Sequence[str]) -> None:
    """Alter ``config`` (the OCI config's ``config`` member) in place. Raises UsageError for what can't be understood."""
    for change in changes:
        _apply(config, change)


def _split(change: str) -> tuple[str, str]:
    """("CMD", rest): the word ends at the first blank or "="."""
    text = change.strip()
    at = next((i for i, c in enumerate(text) if c in " \t="), len(text))
    return text[:at].upper(), text[at + 1 :].strip()


def _bad(change: str, why: str) -> UsageError:
    return UsageError(f'invalid change "{change}" - {why}', hint=f"instructions: {', '.join(INSTRUCTIONS)}")


def _words(change: str, value: str) -> list[str] | None:
    """The JSON form ["a","b"], None when it isn't one."""
    if not value.startswith("["):
        return None
    try:
        words = json.loads(value)
    except ValueError:
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise _bad(change, "the list must hold texts only")
    return words


def _pairs(change: str, value: str) -> list[tuple[str, str]]:
    """``a=b c="d e"``, or the old ``a b c`` (one key, the rest its value)."""
    key, equals, rest = value.partition("=")
    if not equals or (" " in key.strip() and "=" not in key):
        key, _, rest = value.partition(" ")
        if not rest:
            raise _bad(change, "must be in the form KEY=VALUE")
        return [(key, rest.strip())]
    try:
        return [(word.partition("=")[0], word.partition("=")[2]) for word in shlex.split(value)]
    except ValueError as exc:
        raise _bad(change, str(exc)) from exc


def _apply(config: dict[str, Any], change: str) -> None:
    instruction, value = _split(change)
    if instruction not in INSTRUCTIONS:
        raise _bad(change, f"invalid instruction {instruction}")
    if not value and instruction not in ("CMD", "ENTRYPOINT"):
        raise _bad(change, f"{instruction} needs a value")
    if instruction in ("CMD", "ENTRYPOINT"):
        words = _words(change, value)
        config[instruction.capitalize()] = words if words is not None else ["/bin/sh", "-c", value]
    elif instruction == "ENV":
        env: list[str] = list(config.get("Env") or [])
        for key, content in _pairs(change, value):
            env = [*(e for e in env if e.partition("=")[0] != key), f"{key}={content}"]
        config["Env"] = env
    elif instruction == "LABEL":
        config["Labels"] = {**(config.get("Labels") or {}), **dict(_pairs(change, value))}
    elif instruction == "EXPOSE":
        ports = dict(config.get("ExposedPorts") or {})
        for word in value.split():
            ports[_port(change, word)] = {}
        config["ExposedPorts"] = ports
    elif instruction == "VOLUME":
        paths = _words(change, value) or value.split()
        config["Volumes"] = {**(config.get("Volumes") or {}), **{path: {} for path in paths}}
    elif instruction == "ONBUILD":
        config["OnBuild"] = [*(config.get("OnBuild") or []), value]
    else:
        config[{"USER": "User", "WORKDIR": "WorkingDir", "STOPSIGNAL": "StopSignal"}[instruction]] = value


def _port(change: str, word: str) -> str:
    number, _, protocol = word.partition("/")
    protocol = protocol or "tcp"
    first, _, last = number.partition("-")
    if not first.isdigit() or (last and not last.isdigit()) or protocol not in ("tcp", "udp", "sctp"):
        raise _bad(change, f"invalid port {word}")
    return f"{number}/{protocol}"
