"""From flags to the image library: the system context, reporters, retries. For every tool with commands on images."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.context import SystemContext
    from ocikit.image.copy.report import Reporter
    from ocikit.image.local.common import Retries
    from ocikit.storage import Store


def service(ctx: Context, name: str) -> Any:
    """A function of the tool that runs, by its name in the module that ``Program.services`` says."""
    from importlib import import_module

    return getattr(import_module(ctx.program.services), name)


def open_store(ctx: Context) -> Store:
    """The store that the tool's global flags describe; an ordinary user enters his user namespace first."""
    store: Store = service(ctx, "open_store")(ctx)
    return store


def event(ctx: Context, store: Store, status: str, image_id: str, name: str) -> None:
    """Tells the tool's event log."""
    service(ctx, "event")(ctx, store, status, image_id, name)


def secret_data(ctx: Context, name: str) -> str:
    """The content of a secret that the tool keeps."""
    return str(service(ctx, "secret_data")(ctx, name))


def system_context(opts: Values) -> SystemContext:
    """How to reach registries, from the flags that the command has (``--authfile``, ``--creds``, ``--tls-verify``...)."""
    if opts.get("authfile"):
        check_authfile(opts["authfile"])
    return registry_context(opts)


def registry_context(opts: Values) -> SystemContext:
    """As :func:`system_context`; a credentials file that doesn't exist yet is fine (login)."""
    from ocikit.image.context import SystemContext

    values: dict[str, Any] = {}
    if opts.get("tls-verify") is not None and "tls-verify" in opts and opts.changed("tls-verify"):
        values["tls_verify"] = bool(opts["tls-verify"])
    for flag, field in (("cert-dir", "cert_dir"), ("authfile", "authfile"), ("signature-policy", "policy")):
        if opts.get(flag):
            values[field] = opts[flag]
    if opts.get("creds"):
        values["creds"] = parse_creds(opts["creds"])
    values |= platform_fields(opts)
    if opts.get("compression-format"):
        values["compression_format"] = opts["compression-format"]
    if "compression-level" in opts and opts.changed("compression-level"):
        values["compression_level"] = opts["compression-level"]
    return SystemContext(**values)


def check_authfile(path: str) -> None:
    """A credentials file that was named must be there."""
    if not os.path.exists(path):
        from ocikit.common.errors import ConfigError

        raise ConfigError(
            f"credential file is not accessible: faccessat {path}: no such file or directory",
            hint=f"`podman login --authfile {path}` makes it",
        )


def parse_creds(text: str) -> tuple[str, str]:
    """``USER[:PASSWORD]``; the password is asked for on the terminal when it's missing."""
    from ocikit.common.errors import UsageError

    user, colon, password = text.partition(":")
    if not user:
        raise UsageError("username can't be empty", hint="-")
    if not colon:
        import getpass

        password = getpass.getpass("Password: ")
    return user, password


def platform_fields(opts: Values) -> dict[str, str]:
    """os, arch and variant out of ``--os``, ``--arch``, ``--variant`` or ``--platform os/arch[/variant]``."""
    found = {name: opts[name] for name in ("os", "arch", "variant") if opts.get(name)}
    platform = opts.get("platform")
    if not platform:
        return found
    from ocikit.common.errors import UsageError

    if not isinstance(platform, str):
        if len(platform) > 1:
            raise UsageError(f"--platform {','.join(platform)}: only one platform can be chosen here", hint="-")
        platform = platform[0]
    if found:
        raise UsageError("--platform option can not be specified with --arch or --os", hint="-")
    parts = platform.split("/")
    if len(parts) > 3 or not all(parts):
        raise UsageError(f'invalid platform "{platform}": it must be os/arch[/variant]', hint="-")
    return dict(zip(("os", "arch", "variant"), parts, strict=False))


def reporter(quiet: bool) -> Reporter:
    """Bars on a terminal, lines elsewhere (on standard error, as podman), nothing if quiet."""
    from ocikit.common.cli.progress import Progress

    chosen: Any = Progress.choose(quiet, "", sys.stderr)
    found: Reporter = chosen
    return found


def say(text: str) -> None:
    """A line for the user that isn't the command's result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def quiet_say(text: str) -> None:
    """Nothing."""


def retries(opts: Values) -> Retries:
    """``--retry`` and ``--retry-delay`` (podman: three times, a second apart)."""
    from ocikit.common import log
    from ocikit.image.local.common import Retries

    delay = 1.0
    if opts.get("retry-delay"):
        from ocikit.common.units import parse_duration

        delay = parse_duration(opts["retry-delay"])
    times = opts["retry"] if "retry" in opts and opts.changed("retry") else 3
    return Retries(times, delay, log.warning)


def no_retries() -> Retries:
    """For sources on this machine: what fails there fails again."""
    from ocikit.image.local.common import Retries

    return Retries(0)


def chooser() -> Callable[[list[str]], str] | None:
    """Asks which of several full names is meant; None where there is no terminal to ask on."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None

    def choose(names: list[str]) -> str:
        import click

        say("? Please select an image:")
        for number, name in enumerate(names, 1):
            say(f"  {number}) {name}")
        number = click.prompt("Number", type=click.IntRange(1, len(names)), default=1, err=True)
        return names[number - 1]

    return choose


def write_file(path: str, text: str) -> None:
    """A small result file such as ``--digestfile``, 0644."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def join_errors(errors: Sequence[Exception]) -> str:
    """One error as it is, several as podman lists them."""
    if len(errors) == 1:
        return str(errors[0])
    return f"{len(errors)} errors occurred:\n" + "".join(f"\t* {error}\n" for error in errors).rstrip("\n") + "\n"


def confirm(question: str) -> bool:
    """``[y/N]`` on standard input; end of input is an error as in podman."""
    from ocikit.common.errors import OcikitError

    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise OcikitError("EOF", hint="use --force where nobody can answer")
    return answer.strip().lower()[:1] == "y"


def signers(opts: Values) -> list[Any]:
    """The signers that the ``--sign-*`` flags describe."""
    if not any(
        opts.get(flag)
        for flag in ("sign-by", "sign-by-sigstore", "sign-by-sigstore-private-key", "sign-by-sq-fingerprint")
    ):
        return []
    from ocikit.image.signature.signers import from_options

    return from_options(
        sign_by=opts.get("sign-by") or "",
        sigstore_key=opts.get("sign-by-sigstore-private-key") or "",
        sigstore_params=opts.get("sign-by-sigstore") or "",
        sequoia=opts.get("sign-by-sq-fingerprint") or "",
        passphrase_file=opts.get("sign-passphrase-file") or "",
    )


def encryption(opts: Values) -> Any:
    """What ``--encryption-key`` and ``--encrypt-layer`` ask for; None if nothing."""
    if not opts.encryption_key:
        if opts.encrypt_layer:
            from ocikit.common.errors import UsageError

            raise UsageError("--encrypt-layer can only be used with --encryption-key", hint="-")
        return None
    from ocikit.image.encryption import Encryptor

    return Encryptor(opts.encryption_key, opts.encrypt_layer)


def decryption(opts: Values) -> Any:
    """What ``--decryption-key`` gives; None if nothing."""
    if not opts.get("decryption-key"):
        return None
    from ocikit.image.encryption import Decryptor

    return Decryptor(opts["decryption-key"])


def remove_build_cache() -> None:
    """Empties the caches of ``RUN --mount=type=cache``."""
    from ocikit.common.files import remove_tree

    base = os.environ.get("TMPDIR") or "/var/tmp"
    for name in os.listdir(base):
        if name.startswith("buildah-cache-") and name[14:] == str(os.getuid()):
            remove_tree(os.path.join(base, name))
