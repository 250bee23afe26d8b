"""From flags to the image library: the store, the system context, reporters. Shared by all image commands."""

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
    from ocikit.image.local.artifacts import ArtifactStore
    from ocikit.image.local.common import Retries
    from ocikit.storage import Store


def open_store(ctx: Context) -> Store:
    """The store that the global flags describe; an ordinary user enters his user namespace first."""
    from ocikit.storage.config import StoreOptions
    from ocikit.storage.store import Store

    g = ctx.globals
    refuse_remote(ctx)
    if os.geteuid() != 0:
        from ocikit.storage.userns import become_root_in_userns

        become_root_in_userns()
    return Store.open(
        StoreOptions(
            graphroot=g.root or None,
            runroot=g.runroot or None,
            driver=g.storage_driver or None,
            options=g.storage_opt or None,
            imagestore=g.imagestore or None,
        )
    )


def artifact_store(ctx: Context) -> ArtifactStore:
    """Where artifacts are kept: beside the images."""
    from ocikit.image.local.artifacts import ArtifactStore

    return ArtifactStore(open_store(ctx).graphroot)


def refuse_remote(ctx: Context) -> None:
    """Raises Unsupported for ``--remote`` and its like."""
    g = ctx.globals
    if g.remote or g.changed("url") or g.changed("connection"):
        from ocikit.common.errors import Unsupported

        raise Unsupported("this podman has no remote client: leave out --remote, --url and --connection")


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


def container_remover(ctx: Context, store: Store) -> Callable[[str], None]:
    """Removes a container of the store, whoever made it: podman's through libpod, others from the store alone."""

    def remove(container_id: str) -> None:
        from ocikit.podman.engine import open_runtime

        runtime = open_runtime(ctx)
        try:
            from ocikit.common.errors import NotFound

            try:
                container = runtime.containers.get(container_id)
            except NotFound:
                store.delete_container(container_id)
            else:
                container.remove(force=True)
        finally:
            runtime.close()

    return remove


def event(ctx: Context, store: Store, status: str, image_id: str, name: str) -> None:
    """One line in podman's event log, as ``podman events`` shows it."""
    from ocikit.common.config import load_containers_conf
    from ocikit.libpod.events import EventLog
    from ocikit.libpod.runtime import default_tmpdir
    from ocikit.storage.userns import is_rootless

    engine = load_containers_conf().engine
    tmpdir = ctx.globals.tmpdir or engine.get("tmp_dir") or default_tmpdir(is_rootless())
    backend = ctx.globals.events_backend or engine.get("events_logger") or "file"
    path = engine.get("events_logfile_path") or f"{tmpdir}/events/events.log"
    EventLog(path, enabled=backend != "none").write("image", status, None, ID=image_id, Name=name)


def signers(opts: Values) -> list[Any]:
    """The signers that the ``--sign-*`` flags describe."""
    if not any(
        opts.get(flag)
        for flag in ("sign-by", "sign-by-sigstore", "sign-by-sigstore-private-key", "sign-by-sq-fingerprint")
    ):
        return []
    from ocikit.image.signature.signers import from_options

    return from_options(
        sign_by=opts.sign_by,
        sigstore_key=opts.sign_by_sigstore_private_key,
        sigstore_params=opts.sign_by_sigstore,
        sequoia=opts.sign_by_sq_fingerprint,
        passphrase_file=opts.sign_passphrase_file,
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


def external_remover(ctx: Context, store: Store) -> Callable[[str], None]:
    """Removes containers that podman doesn't know (buildah's); one that it knows is left, and so is its image."""

    def remove(container_id: str) -> None:
        from ocikit.common.errors import NotFound
        from ocikit.podman.engine import open_runtime
        from ocikit.storage.errors import ImageInUse

        runtime = open_runtime(ctx)
        try:
            runtime.containers.get(container_id)
        except NotFound:
            store.delete_container(container_id)
        else:
            raise ImageInUse(f"image used by {container_id}: image is in use by a container")
        finally:
            runtime.close()

    return remove


def require_mount_namespace(ctx: Context, command: str) -> None:
    """An ordinary user's mount ends with his process, so it has to be asked for inside ``podman unshare``."""
    if os.geteuid() != 0 and not os.environ.get("_CONTAINERS_USERNS_CONFIGURED"):
        from ocikit.common.errors import PermissionNeeded

        raise PermissionNeeded(
            f'cannot run command "{command}" in rootless mode, must execute `podman unshare` first',
        )


def remove_build_cache() -> None:
    """Empties the caches of ``RUN --mount=type=cache``."""
    from ocikit.common.files import remove_tree

    base = os.environ.get("TMPDIR") or "/var/tmp"
    for name in os.listdir(base):
        if name.startswith("buildah-cache-") and name[14:] == str(os.getuid()):
            remove_tree(os.path.join(base, name))


def secret_data(ctx: Context, name: str) -> str:
    """The content of a podman secret."""
    from ocikit.common.errors import Unsupported

    raise Unsupported(f"--secret {name}: secrets are not there yet", hint="use --password-stdin")
