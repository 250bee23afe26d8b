"""Changes of a working container's configuration, as ``buildah config`` names them.

Source: buildah-config(1); the history texts are those that buildah writes with ``--add-history``.
"""

from __future__ import annotations

import shlex

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.history import NOP
from ocikit.libpod.build.lexer import json_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ocikit.libpod.build.working import WorkingContainer

_TEXTS = {
    "user": ("user", "USER"),
    "stop-signal": ("stop_signal", "STOPSIGNAL"),
    "author": ("author", ""),
    "workingdir": ("workdir", "WORKDIR"),
    "hostname": ("hostname", ""),
    "domainname": ("domainname", ""),
    "comment": ("comment", ""),
}
_PLATFORM = {"arch": "architecture", "os": "os", "variant": "variant", "os-version": "os.version"}
_TIMES = {
    "healthcheck-interval": ("Interval", 30.0),
    "healthcheck-timeout": ("Timeout", 30.0),
    "healthcheck-start-period": ("StartPeriod", 0.0),
    "healthcheck-start-interval": ("StartInterval", 0.0),
}


def change(container: WorkingContainer, wanted: Mapping[str, Any], warn: Callable[[str], None]) -> None:
    """Applies flags by name ("env": ["A=1", "B-"]). The caller saves. Raises BuildError for a value that makes no sense."""
    config, state = container.config, container.state
    noted: list[str] = []
    for flag, (field, word) in _TEXTS.items():
        if flag in wanted:
            setattr(config, field, wanted[flag])
            if word:
                noted.append(f"{word} {wanted[flag]}")
    for flag, key in _PLATFORM.items():
        if flag in wanted:
            state["ociv1"][key] = state.setdefault("docker", {})[key] = wanted[flag]
    for flag, key in (("created-by", "created-by"), ("history-comment", "history-comment")):
        if flag in wanted:
            state[key] = wanted[flag]
    if "os-feature" in wanted:
        state["ociv1"]["os.features"] = list(wanted["os-feature"])
    if "shell" in wanted:
        config.shell = shlex.split(wanted["shell"])
        noted.append(f"SHELL {wanted['shell']}")
    _pairs(config.env, wanted.get("env", ()), "ENV", noted)
    _pairs(config.labels, wanted.get("label", ()), "LABEL", noted)
    _pairs(config.annotations, wanted.get("annotation", ()), "", noted)
    for name in wanted.get("unsetlabel", ()):
        config.labels.pop(name, None)
    for name in wanted.get("unsetannotation", ()):
        config.annotations.pop(name, None)
    _ports_and_volumes(container, wanted, noted)
    _commands(container, wanted, noted, warn)
    _healthcheck(container, wanted, noted)
    for text in wanted.get("onbuild", ()):
        config.onbuild.append(text)
        noted.append(f"ONBUILD {text}")
    if wanted.get("add-history"):
        for text in noted:
            container.note(NOP + text)


def _pairs(values: dict[str, str], texts: Any, word: str, noted: list[str]) -> None:
    for text in texts:
        name, equals, value = text.partition("=")
        if equals:
            values[name] = value
            if word:
                noted.append(f"{word} {text}")
        elif text.endswith("-"):
            values.pop(text[:-1], None)
        elif text == "-":
            values.clear()
        else:
            values[name] = ""


def _ports_and_volumes(container: WorkingContainer, wanted: Mapping[str, Any], noted: list[str]) -> None:
    config = container.config
    for text in wanted.get("port", ()):
        if text.endswith("-"):
            config.ports.pop(text[:-1], None)
        else:
            config.ports[text] = {}
            noted.append(f"EXPOSE {text}")
    for text in wanted.get("volume", ()):
        if text.endswith("-"):
            config.volumes = [path for path in config.volumes if path != text[:-1]]
        elif text not in config.volumes:
            config.volumes.append(text)
            noted.append(f"VOLUME {text}")


def _commands(
    container: WorkingContainer, wanted: Mapping[str, Any], noted: list[str], warn: Callable[[str], None]
) -> None:
    config = container.config
    if "entrypoint" in wanted:
        text = wanted["entrypoint"]
        words = json_words(text)
        config.entrypoint = (words if words is not None else ["/bin/sh", "-c", text]) if text else None
        noted.append(f"ENTRYPOINT {text}" if text else "ENTRYPOINT []")
        if config.cmd and "cmd" not in wanted and text:
            warn(f'cmd "{" ".join(config.cmd)}" exists and will be passed to entrypoint as a parameter')
    if "cmd" in wanted:
        text = wanted["cmd"]
        try:
            config.cmd = (json_words(text) or shlex.split(text)) or None
        except ValueError as error:
            raise BuildError(f'parsing --cmd "{text}": {error}') from None
        noted.append(f"CMD {text}")


def _healthcheck(container: WorkingContainer, wanted: Mapping[str, Any], noted: list[str]) -> None:
    from ocikit.common.units import parse_duration

    config = container.config
    if not any(flag.startswith("healthcheck") for flag in wanted):
        return
    text = wanted.get("healthcheck", "")
    if text.upper() == "NONE":
        config.healthcheck = {"Test": ["NONE"]}
        noted.append("HEALTHCHECK NONE")
        return
    made = dict(config.healthcheck) or {"Interval": 30_000_000_000, "Timeout": 30_000_000_000, "Retries": 3}
    shown = []
    for flag, (key, _) in _TIMES.items():
        if flag in wanted:
            try:
                made[key] = round(parse_duration(wanted[flag]) * 1e9)
            except ValueError:
                raise BuildError(f'--{flag}: "{wanted[flag]}" is not a duration') from None
            shown.append(f"--{flag.removeprefix('healthcheck-')}={wanted[flag]}")
    if "healthcheck-retries" in wanted:
        made["Retries"] = wanted["healthcheck-retries"]
        shown.append(f"--retries={made['Retries']}")
    if text:
        kind, _, rest = text.partition(" ")
        words = json_words(rest.strip()) if kind.upper() in ("CMD", "CMD-SHELL") else None
        if kind.upper() == "CMD":
            made["Test"] = ["CMD", *(words if words is not None else shlex.split(rest))]
        elif kind.upper() == "CMD-SHELL":
            made["Test"] = ["CMD-SHELL", rest.strip()]
        else:
            made["Test"] = ["CMD-SHELL", text]
        order = ("Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")
        config.healthcheck = {key: made[key] for key in order if key in made}
    noted.append(" ".join(["HEALTHCHECK", *shown, text]).rstrip())
