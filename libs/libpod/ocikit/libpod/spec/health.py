"""Health checks as ContainerConfig holds them (libpod.md section 6)."""

from __future__ import annotations

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.common.units import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions


def nanoseconds(flag: str, text: str) -> int:
    """A duration flag in ns."""
    try:
        return round(parse_duration(text) * 1e9)
    except (ValueError, OcikitError):
        raise OcikitError(f'invalid {flag} {text}: time: invalid duration "{text}"') from None


def _command(text: str) -> list[str]:
    if text == "none":
        return ["NONE"]
    if text.startswith("["):
        try:
            parsed = jsonfast.loads(text)
        except ValueError:
            parsed = None
        if isinstance(parsed, list) and all(isinstance(item, str) for item in parsed) and parsed:
            return parsed if parsed[0] in ("CMD", "CMD-SHELL", "NONE") else ["CMD", *parsed]
    return ["CMD-SHELL", text]


def healthcheck(options: CreateOptions, image: dict[str, Any] | None) -> dict[str, Any] | None:
    """The ``healthcheck`` record: the image's, each field overridden by its flag; None without a check."""
    if options.no_healthcheck:
        if options.health_cmd is not None:
            raise OcikitError("cannot specify both --no-healthcheck and --health-cmd")
        return {"Test": ["NONE"]}
    if options.health_cmd is None and not image:
        return None
    result: dict[str, Any] = dict(image or {})
    if options.health_cmd is not None:
        if not options.health_cmd:
            raise OcikitError("must define a healthcheck command for all healthchecks")
        result["Test"] = _command(options.health_cmd)
    if result.get("Test") in ([], [""], None):
        return None
    for key, flag, text, default in (
        ("Interval", "healthcheck-interval", options.health_interval, 30_000_000_000),
        ("Timeout", "healthcheck-timeout", options.health_timeout, 30_000_000_000),
        ("StartPeriod", "healthcheck-start-period", options.health_start_period, 0),
    ):
        given = options.given(key_to_field(key))
        if given or (options.health_cmd is not None and key not in result) or key not in result:
            disabled = key == "Interval" and text in ("disable", "0")
            value = 0 if disabled else nanoseconds(flag, text) if given else default
            if value < 0 or (key == "Timeout" and value < 1_000_000_000):
                raise OcikitError(f"{flag} must be at least 1 second" if key == "Timeout" else f"{flag} must be 0 seconds or greater")  # fmt: skip
            result[key] = value
    if options.given("health_retries") or not result.get("Retries"):
        if options.health_retries < 1:
            raise OcikitError("healthcheck-retries must be greater than 0")
        result["Retries"] = options.health_retries
    return {key: result[key] for key in ("Test", "StartPeriod", "Interval", "Timeout", "Retries") if result.get(key)}


def key_to_field(key: str) -> str:
    """The option field of a healthcheck key."""
    return {"Interval": "health_interval", "Timeout": "health_timeout", "StartPeriod": "health_start_period"}[key]


def startup(options: CreateOptions) -> dict[str, Any] | None:
    """The ``startupHealthCheck`` record."""
    if not options.health_startup_cmd:
        for field in ("interval", "retries", "success", "timeout"):
            if options.given(f"health_startup_{field}"):
                raise OcikitError("a startup healthcheck command must be given: use --health-startup-cmd")
        return None
    return {
        "Test": _command(options.health_startup_cmd),
        "Interval": nanoseconds("health-startup-interval", options.health_startup_interval),
        "Timeout": nanoseconds("health-startup-timeout", options.health_startup_timeout),
        "Retries": options.health_startup_retries,
        "Successes": options.health_startup_success,
    }


ON_FAILURE = {"none": 0, "": 0, "kill": 2, "restart": 3, "stop": 4}


def on_failure(text: str) -> int:
    """The number that ContainerConfig stores for ``--health-on-failure``."""
    if text not in ON_FAILURE:
        raise OcikitError(f"invalid healthcheck on failure action: {text}: must be none, kill, restart or stop")
    return ON_FAILURE[text]
