"""Resource limits: ``--ulimit``, memory, cpu, block I/O, pids (podman-run(1); libpod.md section 4.3)."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.common.units import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.spec.host import Host

RLIMIT_NAMES = ("AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE", "NPROC", "RSS",
                "RTPRIO", "RTTIME", "SIGPENDING", "STACK")  # fmt: skip
_INFINITY = 18446744073709551615  # RLIM_INFINITY as the OCI specification writes it: an unsigned 64-bit number
CODE_DEFAULT = 1048576


def parse_ulimit(text: str) -> tuple[str, int, int]:
    """``name=soft[:hard]`` -> ("NOFILE", soft, hard); -1 is unlimited."""
    name, equals, value = text.partition("=")
    name = name.strip().upper().removeprefix("RLIMIT_")
    if not equals or name not in RLIMIT_NAMES:
        raise OcikitError(f"ulimit option {text!r} requires name=SOFT:HARD, failed to be parsed: invalid ulimit type: {name.lower()}" if equals else f"ulimit option \"{text}\" requires name=SOFT:HARD, failed to be parsed: invalid ulimit argument: {text}")  # fmt: skip
    soft_text, colon, hard_text = value.partition(":")
    try:
        soft = int(soft_text)
        hard = int(hard_text) if colon else soft
    except ValueError:
        raise OcikitError(f'ulimit option "{text}" requires name=SOFT:HARD, failed to be parsed: "{value}" is not a number') from None  # fmt: skip
    if hard != -1 and (soft > hard or soft == -1):
        raise OcikitError(f'ulimit option "{text}" requires name=SOFT:HARD, failed to be parsed: ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}')  # fmt: skip
    return name, soft, hard


def rlimits(
    wanted: Sequence[str], configured: Sequence[str], host: Host, warn: Callable[[str], None]
) -> list[dict[str, Any]]:
    """``process.rlimits``, sorted by name.

    A limit above what this process may set is lowered to its own hard limit; the user hears of it if he asked for it himself.
    """
    if "host" in wanted:
        if len(wanted) > 1:
            raise OcikitError("ulimit can use host only alone")
        return [_rlimit(name, soft, hard) for name, (soft, hard) in sorted(host.rlimits.items())]
    chosen: dict[str, tuple[int, int, bool]] = {}
    if host.rootless or not configured:
        for name in ("NOFILE", "NPROC"):
            soft, hard = host.rlimits[name]
            if not host.rootless:
                hard = CODE_DEFAULT if hard == -1 else min(CODE_DEFAULT, hard)
                soft = hard
            chosen[name] = (soft, hard, False)
    for text in configured:
        name, soft, hard = parse_ulimit(text)
        chosen[name] = (soft, hard, False)
    for text in wanted:
        name, soft, hard = parse_ulimit(text)
        chosen[name] = (soft, hard, True)
    result = []
    for name, (soft, hard, asked) in sorted(chosen.items()):
        ceiling = host.rlimits.get(name, (-1, -1))[1]
        if ceiling != -1 and not host.may_raise_limits and (hard == -1 or hard > ceiling):
            if asked:
                shown = "unlimited" if hard == -1 else hard
                warn(
                    f"ulimit {name.lower()}: this process may not set more than {ceiling}, using it instead of {shown}"
                )
            hard = ceiling
            soft = ceiling if soft == -1 else min(soft, ceiling)
        result.append(_rlimit(name, soft, hard))
    return result


def _rlimit(name: str, soft: int, hard: int) -> dict[str, Any]:
    return {"type": f"RLIMIT_{name}", "hard": _INFINITY if hard < 0 else hard, "soft": _INFINITY if soft < 0 else soft}


def memory(options: CreateOptions) -> dict[str, Any]:
    """``linux.resources.memory``; a swap limit is set along with a memory limit (twice its size) unless -1."""
    result: dict[str, Any] = {}
    limit = _size("memory", options.memory)
    if limit:
        result["limit"] = limit
    swap_text = options.memory_swap
    if swap_text:
        if swap_text == "-1":
            if options.given("memory_swap") and not limit:
                result["swap"] = -1
        else:
            swap = _size("memory-swap", swap_text)
            if not limit:
                raise OcikitError("you should always set the memory limit when using memory-swap limit, see usage")
            if swap < limit:
                raise OcikitError("minimum memoryswap limit should be larger than memory limit, see usage")
            result["swap"] = swap
    elif limit:
        result["swap"] = 2 * limit
    reservation = _size("memory-reservation", options.memory_reservation)
    if reservation:
        if limit and limit < reservation:
            raise OcikitError("minimum memory limit cannot be less than memory reservation limit, see usage")
        result["reservation"] = reservation
    if options.memory_swappiness != -1:
        if not 0 <= options.memory_swappiness <= 100:
            raise OcikitError(f"invalid value: {options.memory_swappiness}, valid memory swappiness range is 0-100")
        result["swappiness"] = options.memory_swappiness
    if options.oom_kill_disable:
        result["disableOOMKiller"] = True
    return result


def _size(flag: str, text: str) -> int:
    if not text:
        return 0
    try:
        value = parse_size(text)
    except (ValueError, OcikitError):
        raise OcikitError(f"invalid value for {flag}: invalid size: '{text}'") from None
    if value < 0:
        raise OcikitError(f"invalid value for {flag}: invalid size: '{text}'")
    return int(value)


def cpu(options: CreateOptions) -> dict[str, Any]:
    """``linux.resources.cpu``."""
    result: dict[str, Any] = {}
    if options.cpus:
        if options.cpu_period or options.cpu_quota:
            raise OcikitError("--cpu-period and --cpus cannot be set together" if options.cpu_period else "--cpu-quota and --cpus cannot be set together")  # fmt: skip
        result["quota"] = int(options.cpus * 100000)
        result["period"] = 100000
    if options.cpu_shares:
        result["shares"] = options.cpu_shares
    extra: tuple[tuple[str, int | str], ...] = (
        ("quota", options.cpu_quota),
        ("period", options.cpu_period),
        ("realtimeRuntime", options.cpu_rt_runtime),
        ("realtimePeriod", options.cpu_rt_period),
        ("cpus", options.cpuset_cpus),
        ("mems", options.cpuset_mems),
    )
    result.update({key: value for key, value in extra if value})
    return result


def block_io(options: CreateOptions) -> dict[str, Any]:
    """``linux.resources.blockIO``; devices are looked up for their numbers."""
    result: dict[str, Any] = {}
    if options.blkio_weight:
        try:
            weight = int(options.blkio_weight)
        except ValueError:
            raise OcikitError(f'invalid value for blkio-weight: strconv.ParseUint: parsing "{options.blkio_weight}": invalid syntax') from None  # fmt: skip
        if not 10 <= weight <= 1000:
            raise OcikitError("range of blkio weight is from 10 to 1000")
        result["weight"] = weight
    weights = []
    for text in options.blkio_weight_device:
        path, value = _device_pair(text)
        if not value.isdigit() or not 10 <= int(value) <= 1000:
            raise OcikitError(f"invalid weight for device: {text}")
        weights.append({**_numbers(path), "weight": int(value)})
    if weights:
        result["weightDevice"] = weights
    for key, flag, size in (
        ("throttleReadBpsDevice", options.device_read_bps, True),
        ("throttleWriteBpsDevice", options.device_write_bps, True),
        ("throttleReadIOPSDevice", options.device_read_iops, False),
        ("throttleWriteIOPSDevice", options.device_write_iops, False),
    ):
        rates = []
        for text in flag:
            path, value = _device_pair(text)
            try:
                rate = int(parse_size(value)) if size else int(value)
            except (ValueError, OcikitError):
                rate = -1
            if rate < 0:
                form = "<device-path>:<number>[<unit>]" if size else "<device-path>:<number>"
                raise OcikitError(f"invalid rate for device: {text}. The correct format is {form}")
            rates.append({**_numbers(path), "rate": rate})
        if rates:
            result[key] = rates
    return result


def _device_pair(text: str) -> tuple[str, str]:
    path, colon, value = text.rpartition(":")
    if not colon or not path:
        raise OcikitError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise OcikitError(f"bad format for device path: {text}")
    return path, value


def _numbers(path: str) -> dict[str, int]:
    try:
        info = os.stat(path)
    except OSError as error:
        raise OcikitError(f"could not find device path: stat {path}: {(error.strerror or '').lower()}") from None
    return {"major": os.major(info.st_rdev), "minor": os.minor(info.st_rdev)}


def resources(options: CreateOptions, pids_limit: int) -> dict[str, Any]:
    """``linux.resources`` without the device rules; ``pids_limit`` <= 0 means none."""
    result: dict[str, Any] = {}
    result.update({key: value for key, value in (("memory", memory(options)), ("cpu", cpu(options))) if value})
    if pids_limit > 0:
        result["pids"] = {"limit": pids_limit}
    blocks = block_io(options)
    if blocks:
        result["blockIO"] = blocks
    unified = {}
    for text in options.cgroup_conf:
        key, equals, setting = text.partition("=")
        if not equals:
            raise OcikitError("--cgroup-conf should be formatted KEY=VALUE")
        unified[key] = setting
    if unified:
        result["unified"] = unified
    return result
