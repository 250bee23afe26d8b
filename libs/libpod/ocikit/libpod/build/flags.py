"""From the flags of ``podman build`` and ``buildah build`` to BuildOptions: both commands mean the same by them."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.build.options import BuildOptions, Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.common.cli.declare import Values


def options_from(opts: Values, args: Sequence[str], *, buildah: bool) -> BuildOptions:
    """The options object. Raises OcikitError for values that no declaration can check. ``buildah``: its own defaults."""
    layers = bool(opts.layers)
    if buildah and not opts.changed("layers"):
        layers = os.environ.get("BUILDAH_LAYERS", "").lower() in ("true", "1", "yes")
    squash, squash_all = bool(opts.squash), False
    if buildah:
        # For buildah --squash is podman's --squash-all.
        squash, squash_all = False, squash
    elif opts.squash_all:
        squash, squash_all = False, True
    timestamp, epoch = seconds(opts, "timestamp"), seconds(opts, "source-date-epoch")
    if epoch is None and os.environ.get("SOURCE_DATE_EPOCH", "").isdigit():
        epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    if timestamp is not None and opts.changed("source-date-epoch"):
        raise OcikitError("timestamp and source-date-epoch would be ambiguous if allowed together")
    _check_places(opts)
    platforms = platforms_from(opts)
    if len(platforms) > 1 and opts.iidfile:
        text = f'building multiple images, but iidfile "{opts.iidfile}" can only be used to store one image ID'
        raise OcikitError(text)
    return BuildOptions(
        context=args[0] if args else ".",
        containerfiles=tuple(opts.file),
        tags=tuple(opts.tag),
        target=opts.target,
        build_args=_build_args(opts.build_arg, opts.build_arg_file),
        labels=tuple(opts.label),
        annotations=tuple(opts.annotation),
        env=tuple(_env(pair) for pair in opts.env),
        unset_env=tuple(opts.unsetenv),
        unset_labels=tuple(opts.unsetlabel),
        unset_annotations=tuple(opts.unsetannotation),
        inherit_labels=opts.inherit_labels,
        inherit_annotations=opts.inherit_annotations,
        image_format=image_format(opts),
        layers=layers and not squash and not squash_all,
        cache=not opts.no_cache,
        cache_ttl_s=_cache_ttl(opts.cache_ttl),
        squash=squash,
        squash_all=squash_all,
        omit_history=opts.omit_history,
        pull=pull_policy(opts.pull),
        base_override=opts["from"],
        build_contexts=_build_contexts(opts.build_context),
        ignore_file=opts.ignorefile,
        platform=platforms[0] if platforms else "",
        platforms=platforms,
        manifest=opts.manifest,
        outputs=outputs_from(opts.output),
        layer_labels=tuple(opts.layer_label),
        runtime_flags=tuple(opts.runtime_flag),
        devices=tuple(opts.device),
        stdin=opts.stdin,
        timestamp_s=timestamp,
        source_date_epoch_s=epoch if timestamp is None else None,
        rewrite_timestamp=opts.rewrite_timestamp,
        identity_label=opts.identity_label,
        created_annotation=opts.created_annotation,
        skip_unused_stages=opts.skip_unused_stages,
        jobs=_jobs(opts.jobs),
        network=opts.network,
        isolation=opts.isolation or os.environ.get("BUILDAH_ISOLATION", ""),
        runtime=opts.runtime if "runtime" in opts else "",
        http_proxy=opts.http_proxy,
        add_hosts=tuple(opts.add_host),
        no_hosts=opts.no_hosts,
        dns=tuple(opts.dns),
        dns_options=tuple(opts.dns_option),
        dns_search=tuple(opts.dns_search),
        cap_add=tuple(opts.cap_add),
        cap_drop=tuple(opts.cap_drop),
        ulimits=tuple(opts.ulimit),
        volumes=tuple(opts.volume),
        shm_size=opts.shm_size,
        memory=opts.memory,
        memory_swap=opts.memory_swap,
        cpu_period=opts.cpu_period,
        cpu_quota=opts.cpu_quota,
        cpu_shares=opts.cpu_shares,
        cpuset_cpus=opts.cpuset_cpus,
        cpuset_mems=opts.cpuset_mems,
        security_opts=tuple(opts.security_opt),
        group_add=tuple(opts.group_add),
        cgroup_parent=opts.cgroup_parent,
        no_hostname=opts.no_hostname,
        **namespaces_from(opts),
        os_version=opts.os_version,
        os_features=tuple(opts.os_feature),
        agents=dict(_agent(text) for text in opts.ssh),
        secrets=tuple(_secret(text) for text in opts.secret),
        cpp_flags=tuple(opts.cpp_flag),
        quiet=opts.quiet,
        keep_containers=not opts.rm,
        **access_from(opts),
    )


def namespaces_from(opts: Values) -> dict[str, str]:
    """The namespaces of RUN containers: private, host, or the path of somebody else's."""
    found = {}
    for name in ("pid", "ipc", "uts", "cgroupns"):
        text = opts[name]
        if text and text not in ("private", "host", "container") and not text.startswith("/"):
            raise OcikitError(f'--{name} is "private", "host" or a path, not "{text}"')
        found[name] = f"ns:{text}" if text.startswith("/") else text.replace("container", "private")
    return found


def access_from(opts: Values) -> dict[str, Any]:
    """The fields of BuildOptions about registries, for all commands that pull."""
    from ocikit.image.local.common import Retries

    fields: dict[str, Any] = {
        field: opts.get(flag) or ""
        for field, flag in (("authfile", "authfile"), ("cert_dir", "cert-dir"), ("creds", "creds"))
    }
    if opts.changed("tls-verify"):
        fields["tls_verify"] = opts.tls_verify
    delay_s = None
    if opts.retry_delay:
        from ocikit.common.units import parse_duration

        try:
            delay_s = parse_duration(opts.retry_delay)
        except ValueError as error:
            raise OcikitError(f"unable to parse value provided for --retry-delay: {error}") from None
    fields["retries"] = Retries(opts.retry if opts.changed("retry") else 3, delay_s)
    return fields


def seconds(opts: Values, name: str) -> int | None:
    text = opts[name]
    if not text and not opts.changed(name):
        return None
    try:
        return int(text)
    except ValueError:
        problem = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise OcikitError(f'invalid argument "{text}" for "--{name}" flag: {problem}') from None


def _build_args(pairs: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in files:
        try:
            with open(path, errors="surrogateescape") as file:
                lines = [line.strip() for line in file]
        except OSError as error:
            raise OcikitError(f"cannot read the build argument file {path}: {error.strerror}") from None
        found |= _arguments([line for line in lines if line and not line.startswith("#")])
    return found | _arguments(pairs)


def _arguments(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if equals:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
    return found


def _env(pair: str) -> str:
    return pair if "=" in pair else f"{pair}={os.environ.get(pair, '')}"


def image_format(opts: Values) -> str:
    text = opts.format if opts.changed("format") else os.environ.get("BUILDAH_FORMAT", "oci")
    known = {"oci": "oci", "docker": "docker"}
    if text not in known:
        raise OcikitError(f'unrecognized image type "{text}"')
    return known[text]


def _cache_ttl(text: str) -> float | None:
    if not text:
        return None
    from ocikit.common.units import parse_duration

    try:
        return parse_duration(text)
    except ValueError:
        problem = f'time: invalid duration "{text}"'
        raise OcikitError(f'unable to parse value provided "{text}" as --cache-ttl: {problem}') from None


_POLICIES = {"ifmissing": "missing", "notpresent": "missing", "ifnewer": "newer", "true": "always", "1": "always"}


def pull_policy(text: str) -> str:
    return _POLICIES.get(text, "missing" if text in ("", "false", "0") else text)


def _build_contexts(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or not value:
            raise OcikitError(
                f'while parsing additional build context: ["{pair}"], accepts value in the form of key=value'
            )
        found[name] = value
    return found


def _check_places(opts: Values) -> None:
    """What is better said before the first step runs."""
    for text in opts.volume:
        if not text.startswith("/"):
            path = text.partition(":")[0]
            raise OcikitError(f'validating volumes: invalid host path, must be an absolute path "{path}"')
    for text in opts.add_host:
        if ":" not in text:
            raise OcikitError(f'invalid value for add-host: bad format for add-host: "{text}"')


def outputs_from(texts: Sequence[str]) -> tuple[str, ...]:
    """Checked before anything is built."""
    from ocikit.libpod.build.exporting import parse_output

    for text in texts:
        parse_output(text)
    return tuple(texts)


def platforms_from(opts: Values) -> tuple[str, ...]:
    """All of ``--platform``, or the one that ``--os``, ``--arch`` and ``--variant`` describe; empty for the host's."""
    if len(opts.platform) > 1:
        return tuple(opts.platform)
    one = platform_from(opts)
    return (one,) if one else ()


def platform_from(opts: Values) -> str:
    """The one platform that is asked for, or an empty text."""
    given = list(opts.platform)
    if len(given) > 1:
        raise OcikitError(f"--platform {','.join(given)}: only one platform can be chosen here")
    if given:
        return str(given[0])
    if opts.os or opts.arch or opts.variant:
        parts = [opts.os or "linux", opts.arch or "", opts.variant]
        return "/".join(part for part in parts if part)
    return ""


def _jobs(number: int) -> int:
    if number < 0:
        raise OcikitError("building: invalid value for jobs.  It must be a positive integer")
    return number


def _agent(text: str) -> tuple[str, str]:
    """``default`` or ``ID[=socket]``: (id, path of an agent's socket)."""
    import stat

    name, _, place = text.partition("=")
    place = place or os.environ.get("SSH_AUTH_SOCK", "")
    if not place:
        raise OcikitError(
            f"--ssh {text}: no agent is running (SSH_AUTH_SOCK is not set)", hint="Start one: eval $(ssh-agent)"
        )
    try:
        is_socket = stat.S_ISSOCK(os.stat(place).st_mode)
    except OSError as error:
        raise OcikitError(f"--ssh {text}: {place}: {error.strerror}") from None
    if not is_socket:
        raise OcikitError(
            f"--ssh {text}: {place} is a key, and only agents can be given", hint="Add the key to an agent: ssh-add KEY"
        )
    return name, os.path.realpath(place)


def _secret(text: str) -> Secret:
    problem = OcikitError(
        "creating build executor: incorrect secret flag format: should be --secret id=foo,src=bar[,env=ENV][,type=file|env]"
    )
    fields = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals:
            raise problem
        fields[{"source": "src"}.get(key, key)] = value
    if "id" not in fields or set(fields) - {"id", "src", "env", "type"}:
        raise problem
    kind = fields.get("type") or ("env" if "env" in fields else "file")
    if kind == "env":
        return Secret(name=fields["id"], source=fields.get("env") or fields.get("src") or fields["id"], kind="env")
    source = os.path.abspath(fields.get("src") or fields["id"])
    if not os.path.exists(source):
        detail = f"faccessat {source}: no such file or directory"
        raise OcikitError(f"creating build executor: could not parse secrets: {detail}")
    return Secret(name=fields["id"], source=source)
