"""Completers that need no store: each is called with (context, what was typed) and returns names or (name, help)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context

_CAPABILITIES = (
    "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER "
    "FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE "
    "NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE "
    "SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM"
)
_ARCHS = "386 amd64 arm arm64 loong64 mips mips64le ppc64le riscv64 s390x"


def capabilities(context: Context, incomplete: str) -> list[str]:
    """Linux capabilities without CAP_, unless that was typed."""
    lead = "CAP_" if incomplete.startswith("CAP_") else ""
    return ["ALL", *(lead + name for name in _CAPABILITIES.split())]


def signals(context: Context, incomplete: str) -> list[str]:
    """Names of signals."""
    import signal

    return sorted(item.name for item in signal.Signals)


def archs(context: Context, incomplete: str) -> list[str]:
    """Architectures by their Go names."""
    return _ARCHS.split()


def platforms(context: Context, incomplete: str) -> list[str]:
    """Platforms of Linux images."""
    return [f"linux/{arch}" for arch in _ARCHS.split()]


def namespaces(context: Context, incomplete: str) -> list[str]:
    """What most namespace flags take."""
    return ["private", "host", "container:", "ns:"]


def userns(context: Context, incomplete: str) -> list[str]:
    """What --userns takes."""
    return ["auto", "host", "keep-id", "nomap", "private", "container:", "ns:"]


def restarts(context: Context, incomplete: str) -> list[str]:
    """Restart policies."""
    return ["always", "no", "on-failure", "unless-stopped"]


def streams(context: Context, incomplete: str) -> list[str]:
    """Standard streams."""
    return ["stdin", "stdout", "stderr"]


def loglevels(context: Context, incomplete: str) -> list[str]:
    """Levels of messages."""
    return ["trace", "debug", "info", "warn", "error", "fatal", "panic"]


def format(context: Context, incomplete: str) -> list[str]:
    """The start of a format."""
    return ["json", "table ", "{{."]
