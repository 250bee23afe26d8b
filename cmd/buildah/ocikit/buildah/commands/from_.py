"""buildah from."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, at_least
from ocikit.common.cli.optionsets import unsupported
from ocikit.common.cli.optionsets.build import (
    CAPABILITIES,
    NAMESPACES,
    NETWORK,
    PULL,
    RESOURCES,
    RUN_STEPS,
    TARGET_PLATFORM,
    USERNS,
)
from ocikit.libpod.build.unsupported import UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="from [flags] IMAGE",
    short="Create a working container based on an image",
    long='Makes a working container on top of an image, or an empty one from "scratch", and prints its name.',
    example="buildah from alpine\nbuildah from --name work scratch",
    flags=unsupported(
        (
            Flag("cidfile", help="Write the container's id to this file", complete="files"),
            Flag("format", short="f", default="oci", help="Type of the image to commit", choices=("oci", "docker"), metavar="format"),
            Flag("name", help="Name of the working container", metavar="name", complete="none"),
            Flag("quiet", "bool", "q", help="Show no progress of pulling"),
            *PULL,
            *(flag for flag in TARGET_PLATFORM),
            *RUN_STEPS,
            *CAPABILITIES,
            *NAMESPACES,
            *USERNS,
            *RESOURCES,
            *NETWORK,
        ),
        {
            **UNSUPPORTED,
            "device": "give devices to buildah run",
            **{flag.name: "namespaces are chosen by buildah run" for flag in NAMESPACES},
        },
    ),
    args=at_least(1),
    interspersed=False,
    complete="images",
)  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Makes the container and prints its name."""
    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.build.bases import base_image
    from ocikit.libpod.build.flags import access_from, platform_from, pull_policy
    from ocikit.libpod.build.options import BuildOptions
    from ocikit.libpod.build.working import WorkingContainer

    if len(args) > 1:
        raise OcikitError("too many arguments specified")
    options = BuildOptions(
        pull=pull_policy(opts.pull),
        platform=platform_from(opts),
        image_format=opts.format,
        isolation=opts.isolation,
        quiet=opts.quiet,
        add_hosts=tuple(opts.add_host),
        dns=tuple(opts.dns),
        dns_options=tuple(opts.dns_option),
        dns_search=tuple(opts.dns_search),
        cpu_period=opts.cpu_period,
        cpu_quota=opts.cpu_quota,
        cpu_shares=opts.cpu_shares,
        cpuset_cpus=opts.cpuset_cpus,
        cpuset_mems=opts.cpuset_mems,
        shm_size=opts.shm_size,
        ulimits=tuple(opts.ulimit),
        volumes=tuple(opts.volume),
        http_proxy=opts.http_proxy,
        cgroup_parent=opts.cgroup_parent,
        **access_from(opts),
    )
    name = args[0]
    with open_store(ctx) as store:
        image = None if name == "scratch" else base_image(store, options, name, options.platform)
        shown = image.names[0] if image and image.names else name
        made = WorkingContainer.create(store, image, shown, name=opts.name, options=options)
        print(made.name)
        if opts.cidfile:
            with open(opts.cidfile, "w") as file:
                file.write(made.record.id)
    return 0
