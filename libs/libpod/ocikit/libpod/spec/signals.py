"""Signal names and numbers as Podman takes and prints them, without importing ``signal`` and its enums."""

from __future__ import annotations

from ocikit.common.errors import OcikitError

NAMES = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11,
    "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20,
    "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "POLL": 29,
    "PWR": 30, "SYS": 31, "RTMIN": 34, "RTMAX": 64,
}  # fmt: skip


def number(text: str) -> int:
    """``TERM``, ``SIGTERM``, ``15`` or ``RTMIN+3`` -> 15, 37, ... Raises OcikitError for anything else."""
    name = text.strip().upper()
    if name.isdigit():
        value = int(name)
    else:
        name = name.removeprefix("SIG")
        base, sign, offset = name, "", ""
        for mark in ("+", "-"):
            if mark in name:
                base, sign, offset = name.partition(mark)
        value = NAMES.get(base, 0)
        if offset:
            value = value + int(sign + offset) if offset.isdigit() and base in ("RTMIN", "RTMAX") else 0
    if not 1 <= value <= 64:
        raise OcikitError(f"invalid signal: {text}")
    return value


def name(value: int) -> str:
    """``15`` -> ``SIGTERM``; a number without a name stays a number."""
    for text, signal in NAMES.items():
        if signal == value:
            return "SIG" + text
    if 34 < value < 64:
        return f"SIGRTMIN+{value - 34}"
    return str(value)
