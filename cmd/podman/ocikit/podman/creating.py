"""From the words of create and run to ``CreateOptions``."""

from __future__ import annotations

import os
import sys

from ocikit.libpod.container.options import CreateOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.common.cli.declare import Flag, Values


def options_from(opts: Values, flags: Sequence[Flag], args: Sequence[str]) -> CreateOptions:
    """The options that were given; an unset flag keeps the default of ``CreateOptions``."""
    fields: dict[str, Any] = {
        "image": args[0],
        "command": list(args[1:]),
        "create_command": ["podman", *sys.argv[1:]],
    }
    for flag in flags:
        if opts.changed(flag.name):
            field = flag.name.replace("-", "_")
            if hasattr(CreateOptions, field):
                fields[field] = opts[flag.name]
    if fields.pop("env_file", None) is not None:
        fields["env_file"] = opts["env-file"]
    return CreateOptions(**fields)


def print_id_file(path: str, cid: str) -> None:
    """``--cidfile`` is written by the library; this is for ids of pods."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with open(fd, "w", encoding="ascii") as file:
        file.write(cid)
