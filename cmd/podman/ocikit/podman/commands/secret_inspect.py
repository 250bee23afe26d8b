"""podman secret inspect."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="inspect [options] SECRET [SECRET...]",
    short="Inspect a secret",
    long="Shows what is known of secrets as JSON, as lines, or by a Go template; the data only with --showsecret.",
    example='podman secret inspect key\npodman secret inspect --format "{{.Spec.Driver.Name}}" key',
    flags=(
        Flag("format", short="f", help="Print by a Go template", complete="format"),
        Flag("pretty", "bool", help="Print lines for people"),
        Flag("showsecret", "bool", help="Show the data, too"),
    ),
    args=at_least(1),
    complete="secrets",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints what was found, then fails for what was not."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.secrets import NoSuchSecret, Secrets
    from ocikit.podman.engine import open_runtime

    secrets = Secrets.of(open_runtime(ctx))
    found: list[dict[str, Any]] = []
    missing = []
    for name in args:
        try:
            record = secrets.get(name)
        except NoSuchSecret as error:
            missing.append(str(error))
            continue
        document = _document(record)
        if opts.showsecret:
            document["SecretData"] = secrets.data(record).decode("utf-8", "surrogateescape")
        found.append(document)
    if opts.pretty:
        sys.stdout.write("".join(_pretty(document) for document in found))
    elif opts.format and opts.format != "json":
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, found, name="inspect"))
    else:
        from ocikit.podman.imageformat import dump_json

        sys.stdout.write((dump_json(found, 4) if found else "[]") + "\n")
    sys.stdout.flush()
    if missing:
        raise OcikitError("\n".join(f"inspecting secret: {text}" for text in missing))
    return 0


def _document(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "ID": record["id"],
        "CreatedAt": record["createdAt"],
        "UpdatedAt": record.get("updatedAt") or record["createdAt"],
        "Spec": {
            "Name": record["name"],
            "Driver": {"Name": record["driver"], "Options": record.get("driverOptions") or {}},
            "Labels": record.get("labels") or {},
        },
    }


def _pretty(document: dict[str, Any]) -> str:
    from ocikit.common.units import format_go_time, parse_rfc3339

    spec = document["Spec"]
    lines = [f"ID:              {document['ID']}", f"Name:              {spec['Name']}"]
    if spec["Labels"]:
        lines.append("Labels:")
        lines += [f" - {key}={value}" if value else f" - {key}" for key, value in sorted(spec["Labels"].items())]
    lines.append(f"Driver:            {spec['Driver']['Name']}")
    for title, key in (("Created at:", "CreatedAt"), ("Updated at:", "UpdatedAt")):
        lines.append(f"{title}        {format_go_time(parse_rfc3339(document[key]), local=False)}")
    if "SecretData" in document:
        lines.append(f"Secret:            {document['SecretData']}")
    return "\n".join(lines) + "\n"
