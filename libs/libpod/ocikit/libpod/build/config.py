"""What instructions do to an image's configuration. Pure: no store, no files.

Sources: Dockerfile reference (one section an instruction), OCI image spec "config.md", docker image spec v1.2.
"""

from __future__ import annotations

import posixpath
import signal

from ocikit.libpod.build.expand import expand, expand_words
from ocikit.libpod.build.imageconfig import SHELL, BuildConfig
from ocikit.libpod.build.lexer import Instruction, json_words, parse_instruction
from ocikit.libpod.build.words import arg_pairs, pairs, split_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def apply(config: BuildConfig, step: Instruction, escape: str = "\\") -> None:
    """Changes the configuration as the instruction says. RUN, COPY and ADD change files only; ARG is apply_arg's.

    Raises ParseError with file and line.
    """
    action = _ACTIONS.get(step.keyword)
    if action is None:
        raise step.error(f'Unknown instruction: "{step.keyword}"')
    action(config, step, escape)


def apply_arg(
    config: BuildConfig, step: Instruction, given: Mapping[str, str], defaults: Mapping[str, str], escape: str = "\\"
) -> list[str]:
    """ARG: ``given`` are --build-arg values, ``defaults`` the global ARGs and the platform's. Returns names without a value."""
    missing = []
    for name, default in arg_pairs(step, escape):
        if name in given:
            config.args[name] = given[name]
        elif default is not None:
            config.args[name] = expand(default, config.variables(), escape)
        elif name in defaults:
            config.args[name] = defaults[name]
        elif name not in config.args:
            missing.append(name)
    return missing


def _nothing(config: BuildConfig, step: Instruction, escape: str) -> None:
    """RUN, COPY, ADD and FROM leave the configuration alone."""


def _env(config: BuildConfig, step: Instruction, escape: str) -> None:
    # Every value of one line sees the environment from before the line.
    before = config.variables()
    for name, value in pairs(step, escape):
        config.env[expand(name, before, escape)] = expand(value, before, escape)


def _label(config: BuildConfig, step: Instruction, escape: str) -> None:
    before = config.variables()
    for name, value in pairs(step, escape):
        config.labels[expand(name, before, escape)] = expand(value, before, escape)


def _one_word(config: BuildConfig, step: Instruction, escape: str) -> str:
    words = split_quoted(step.rest, escape)
    if len(words) != 1:
        raise step.error(f"{step.keyword} requires exactly one argument")
    return expand(words[0], config.variables(), escape)


def _workdir(config: BuildConfig, step: Instruction, escape: str) -> None:
    config.workdir = posixpath.normpath(posixpath.join("/", config.workdir, _one_word(config, step, escape)))


def _user(config: BuildConfig, step: Instruction, escape: str) -> None:
    config.user = _one_word(config, step, escape)


def _expose(config: BuildConfig, step: Instruction, escape: str) -> None:
    words = expand_words(step.rest, config.variables(), escape)
    if not words:
        raise step.error("EXPOSE requires at least one argument")
    for word in words:
        config.ports[word if "/" in word else f"{word}/tcp"] = {}


def _volume(config: BuildConfig, step: Instruction, escape: str) -> None:
    words = step.json if step.json is not None else split_quoted(step.rest, escape)
    if not words:
        raise step.error("VOLUME requires at least one argument")
    for word in words:
        path = expand(word, config.variables(), escape)
        if not path:
            raise step.error("VOLUME specified can not be an empty string")
        if path not in config.volumes:
            config.volumes.append(path)


def _stop_signal(config: BuildConfig, step: Instruction, escape: str) -> None:
    word = _one_word(config, step, escape)
    number = int(word) if word.isdigit() else None
    name = word.upper() if word.upper().startswith("SIG") else f"SIG{word.upper()}"
    if number is None and name not in signal.Signals.__members__ and not name.startswith(("SIGRTMIN", "SIGRTMAX")):
        raise step.error(f"Invalid signal: {word}")
    if number is not None and not 0 < number <= 64:
        raise step.error(f"Invalid signal: {word}")
    config.stop_signal = word


def _shell(config: BuildConfig, step: Instruction, escape: str) -> None:
    if not step.json:
        raise step.error("SHELL requires the arguments to be in JSON form")
    config.shell = step.json


def _maintainer(config: BuildConfig, step: Instruction, escape: str) -> None:
    if not step.rest:
        raise step.error("MAINTAINER requires exactly one argument")
    config.author = step.rest


def _cmd(config: BuildConfig, step: Instruction, escape: str) -> None:
    config.cmd = step.json if step.json is not None else [*SHELL, step.rest]
    config.cmd_set_here = True


def _entrypoint(config: BuildConfig, step: Instruction, escape: str) -> None:
    config.entrypoint = (step.json if step.json is not None else [*SHELL, step.rest]) if step.rest else None
    if not config.entrypoint:
        config.entrypoint = None
    # An inherited CMD was meant for the inherited entry point.
    if not config.cmd_set_here:
        config.cmd = None


def _onbuild(config: BuildConfig, step: Instruction, escape: str) -> None:
    trigger = parse_instruction(step.rest, escape)
    if not step.rest:
        raise step.error("ONBUILD requires at least one argument")
    if trigger.keyword == "ONBUILD":
        raise step.error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger.keyword in ("FROM", "MAINTAINER"):
        raise step.error(f"{trigger.keyword} isn't allowed as an ONBUILD trigger")
    config.onbuild.append(step.rest)


_DURATIONS = {
    "--interval": "Interval",
    "--timeout": "Timeout",
    "--start-period": "StartPeriod",
    "--start-interval": "StartInterval",
}


def _healthcheck(config: BuildConfig, step: Instruction, escape: str) -> None:
    from ocikit.common.units import parse_duration

    kind, _, rest = step.rest.partition(" ")
    kind, rest = kind.upper(), rest.strip()
    if not kind:
        raise step.error("HEALTHCHECK requires at least one argument")
    if kind == "NONE":
        if rest:
            raise step.error("HEALTHCHECK NONE takes no arguments")
        config.healthcheck = {"Test": ["NONE"]}
        return
    if kind != "CMD":
        raise step.error(f'Unknown type "{kind}" in HEALTHCHECK (try CMD)')
    if not rest:
        raise step.error("Missing command after HEALTHCHECK CMD")
    words = json_words(rest)
    made: dict[str, Any] = {"Test": ["CMD", *words] if words is not None else ["CMD-SHELL", rest]}
    for flag in step.flags:
        name, _, value = flag.partition("=")
        if name in _DURATIONS:
            try:
                seconds = parse_duration(value)
            except ValueError as error:
                raise step.error(str(error)) from None
            if seconds < 0.001:
                raise step.error(f'Interval "{name.strip("-")}" cannot be less than 1ms')
            made[_DURATIONS[name]] = round(seconds * 1e9)
        elif name == "--retries":
            if not value.isdigit() or int(value) < 1:
                raise step.error(f"--retries must be at least 1 (not {value})")
            made["Retries"] = int(value)
        else:
            raise step.error(f"Unknown flag: {name.strip('-')}")
    config.healthcheck = made


_ACTIONS = {
    "FROM": _nothing,
    "RUN": _nothing,
    "COPY": _nothing,
    "ADD": _nothing,
    "ENV": _env,
    "LABEL": _label,
    "WORKDIR": _workdir,
    "USER": _user,
    "EXPOSE": _expose,
    "VOLUME": _volume,
    "STOPSIGNAL": _stop_signal,
    "SHELL": _shell,
    "MAINTAINER": _maintainer,
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ONBUILD": _onbuild,
    "HEALTHCHECK": _healthcheck,
}
