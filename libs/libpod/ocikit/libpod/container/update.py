"""``podman update``: limits, restart policy and health check of an existing container (podman-update(1))."""

from __future__ import annotations

from ocikit.libpod.container.options import CreateOptions
from ocikit.libpod.container.record import CREATED, PAUSED, RUNNING, Container
from ocikit.libpod.spec import limits
from ocikit.libpod.spec.misc import parse_restart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def update(container: Container, options: CreateOptions) -> None:
    """Changes the record and, if it runs, the container. Only given options count."""
    runtime = container.runtime
    with container.locked():
        container.reload()
        config = container.config
        linux = config["spec"]["linux"]
        old = linux.setdefault("resources", {})
        changed = limits.resources(options, options.pids_limit or 0)
        for key, value in changed.items():
            old[key] = {**old[key], **value} if isinstance(old.get(key), dict) else value
        if options.given("pids_limit") and (options.pids_limit or 0) <= 0:
            old["pids"] = {"limit": -1}
            changed["pids"] = old["pids"]
        if options.given("restart"):
            policy, retries = parse_restart(options.restart)
            config["restart_policy"] = policy
            config.pop("restart_retries", None)
            if retries:
                config["restart_retries"] = retries
        _environment(config, options)
        had_check = bool(config.get("healthcheck"))
        _health(config, options)
        runtime.state.save_config(config)
        if (had_check or config.get("healthcheck")) and container.number in (RUNNING, PAUSED, CREATED):
            from ocikit.libpod.container.healthlog import tell_interval

            tell_interval(container)
        if changed and container.number in (RUNNING, PAUSED, CREATED):
            runtime.oci_named(config.get("runtime", "")).update(container.id, changed)
        container.event("update")


def _environment(config: dict[str, Any], options: CreateOptions) -> None:
    if not options.env and not options.unsetenv:
        return
    from ocikit.libpod.spec.environment import parse_env, to_list

    process = config["spec"]["process"]
    env = dict(text.partition("=")[::2] for text in process.get("env") or ())
    env.update(parse_env(options.env, {}))
    for name in options.unsetenv:
        env.pop(name, None)
    process["env"] = to_list(env)


def _health(config: dict[str, Any], options: CreateOptions) -> None:
    fields = [name for name in vars(options) if name.startswith("health_") or name == "no_healthcheck"]
    if not fields:
        return
    from ocikit.libpod.spec import health

    check = health.healthcheck(options, config.get("healthcheck"))
    config.pop("healthcheck", None)
    if check:
        config["healthcheck"] = check
    if options.given("health_on_failure"):
        config["healthcheck_on_failure_action"] = health.on_failure(options.health_on_failure)
    for field, key in (
        ("health_log_destination", "healthLogDestination"),
        ("health_max_log_count", "healthMaxLogCount"),
        ("health_max_log_size", "healthMaxLogSize"),
    ):
        if options.given(field):
            config[key] = getattr(options, field)
