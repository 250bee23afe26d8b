"""podman secret create."""

from __future__ import annotations

import os
import sys

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="create [options] NAME FILE|-",
    short="Create a new secret",
    long='Stores the content of a file, or of standard input ("-"), as a secret. The driver "file" does not encrypt it.',
    example="podman secret create key ./key.pem\nprintf secret | podman secret create word -",
    flags=(
        Flag("driver", short="d", default="file", help="What keeps the data: file, pass or shell", shown="file", complete="none"),
        Flag("driver-opts", "map", help="Options of the driver, as key=value,...", complete="none"),
        Flag("env", "bool", help="The second word names an environment variable that holds the data"),
        Flag("ignore", "bool", help="A secret of that name is no error and stays as it is"),
        Flag("label", "stringArray", "l", help="Label, as key=value (repeatable)", complete="none"),
        Flag("replace", "bool", help="A secret of that name gets the new data"),
    ),
    args=exactly(2),
    complete="files",
)  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the id."""
    from ocikit.libpod.secrets import Secrets
    from ocikit.podman.engine import open_runtime

    name, source = args
    data = _read(source, opts.env)
    runtime = open_runtime(ctx)
    configured = runtime.conf.secrets
    driver = opts.driver if opts.changed("driver") else configured.driver
    options = opts.driver_opts or (configured.opts if driver == configured.driver else {})
    labels = dict(text.partition("=")[::2] for text in opts.label)
    id = Secrets.of(runtime).create(
        name, data, driver=driver, options=options, labels=labels, replace=opts.replace, ignore=opts.ignore
    )
    sys.stdout.write(id + "\n")
    return 0


def _read(source: str, variable: bool) -> bytes:
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.secrets import MAX_BYTES

    if variable:
        value = os.environb.get(os.fsencode(source))
        if value is None:
            raise OcikitError(f"cannot create store secret data: environment variable {source} is not set")
        return value
    if source == "-":
        if sys.stdin.isatty():
            raise OcikitError("if `-` is used, data must be passed into stdin")
        return sys.stdin.buffer.read(MAX_BYTES)
    try:
        with open(source, "rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise OcikitError(f"open {source}: {(error.strerror or '').lower()}") from None
