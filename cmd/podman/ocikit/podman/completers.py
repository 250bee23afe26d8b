"""Live names for shell completion: each function is called with (context, what was typed) and returns names.

A failure is the caller's to swallow: a shell that waits for an answer has no use for an error.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context

# Ids are offered when so many digits were typed; before that they would bury the names.
ID_DIGITS = 2
PREFIXES = ("docker.io/library/", "docker.io/", "localhost/")


def images(ctx: Context, incomplete: str) -> list[str]:
    """Names of local images, also without the registry that is assumed where none is typed."""
    from ocikit.podman.imaging import open_store

    found: list[str] = []
    with open_store(ctx) as store:
        for image in store.images():
            for name in image.names or ():
                if "@" in name:
                    continue
                found.append(name)
                found += [name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix)]
            if len(incomplete) >= ID_DIGITS:
                found.append(image.id[:12] if len(incomplete) <= 12 else image.id)
    return sorted(dict.fromkeys(found))


def containers(ctx: Context, incomplete: str) -> list[str]:
    """Names of containers, those of buildah and of other tools too."""
    from ocikit.podman.imaging import open_store

    found: list[str] = []
    with open_store(ctx) as store:
        for container in store.containers():
            found += container.names or ()
            if len(incomplete) >= ID_DIGITS:
                found.append(container.id[:12] if len(incomplete) <= 12 else container.id)
    return sorted(dict.fromkeys(found))


def networks(ctx: Context, incomplete: str) -> list[str]:
    """Names of networks and the modes that need none."""
    from ocikit.network import Networks

    nets = Networks.open(config_dir=ctx.globals.network_config_dir or None)
    return [*sorted(network.name for network in nets.list()), "host", "none", "bridge", "private"]


def secrets(ctx: Context, incomplete: str) -> list[str]:
    """Names of secrets."""
    from ocikit.libpod.secrets import Secrets
    from ocikit.podman.imaging import open_store

    with open_store(ctx) as store:
        return sorted(str(record["name"]) for record in Secrets(f"{store.graphroot}/secrets").list())
