"""pasta(1): the default network of a container without root (spec: network.md, 9.1).

pasta copies the host's addresses into the namespace and forwards traffic between sockets. It ends by itself when the
namespace's file is unmounted, so there is nothing to stop.
"""

from __future__ import annotations

import os

from ..errors import SetupFailed
from .programs import find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import PortMapping

SIGPIPE = 13  # Python ignores it, and the pasta of Debian 12 refuses to start where it is ignored
DNS_FORWARD = "169.254.1.1"
MAP_GUEST = "169.254.1.2"
_QUIET = ("-d", "--debug", "--trace", "-q", "--quiet")
_TOO_OLD = "unrecognized option '--map-guest-addr"


class PastaResult:
    """What the container's files need to know: forwarders for resolv.conf, the address that stands for the host
    (``""``: none), the container's own addresses."""

    __slots__ = ("dns_forwarders", "map_guest", "own")

    def __init__(self, dns_forwarders: Sequence[str], map_guest: str, own: Sequence[str]) -> None:
        self.dns_forwarders = list(dns_forwarders)
        self.map_guest = map_guest
        self.own = list(own)


def arguments(
    netns_path: str,
    ports: Sequence[PortMapping] = (),
    options: Sequence[str] = (),
    *,
    configured: Sequence[str] = (),
    map_guest: bool = True,
) -> list[str]:
    """The command line behind ``pasta``, pure. ``configured`` are containers.conf's ``pasta_options``, ``options`` the
    words of ``--network pasta:``."""
    words = ["--config-net", *configured, *options]
    given = {word.split("=")[0] for word in words}
    for port in ports:
        flag = {"tcp": "-t", "udp": "-u"}.get(port.protocol)
        if flag is None:
            raise SetupFailed(f"can't forward protocol: {port.protocol}", hint="pasta forwards tcp and udp only")
        address = f"{port.host_ip}/" if port.host_ip else ""
        last = port.range - 1
        span = f"{port.host_port}-{port.host_port + last}:{port.container_port}-{port.container_port + last}"
        words += [flag, f"{address}{span}"]
        given.add(flag)
    if not given & {"--dns-forward"}:
        words += ["--dns-forward", DNS_FORWARD]
    for short, long in (("-t", "--tcp-ports"), ("-u", "--udp-ports"), ("-T", "--tcp-ns"), ("-U", "--udp-ns")):
        if not given & {short, long}:
            words += [short, "none"]
    if "--map-gw" in words:
        words.remove("--map-gw")
    else:
        words.append("--no-map-gw")
    if not given.intersection(_QUIET):
        words.append("--quiet")
    words += ["--netns", netns_path]
    if map_guest and "--map-guest-addr" not in given:
        words += ["--map-guest-addr", MAP_GUEST]
    return words


def start(
    netns_path: str,
    ports: Sequence[PortMapping] = (),
    options: Sequence[str] = (),
    *,
    configured: Sequence[str] = (),
    program: str = "",
) -> PastaResult:
    """Runs pasta for a namespace and returns when it is ready (it then goes to the background).

    Raises SetupFailed with pasta's own words.
    """
    program = program or find_program("pasta", package="passt")
    mapped = True
    code, output = _run([program, *arguments(netns_path, ports, options, configured=configured)])
    if code == 1 and _TOO_OLD in output:
        mapped = False
        words = arguments(netns_path, ports, options, configured=configured, map_guest=False)
        code, output = _run([program, *words])
    if code:
        raise SetupFailed(f"pasta failed with exit code {code}: {_told(output)}", hint=_advice(output))
    return _result(netns_path, [*configured, *options], mapped)


def _told(output: str) -> str:
    """The lines of pasta's output that say what is wrong, as one."""
    return "; ".join(line.strip() for line in output.splitlines() if line.strip()) or "no output"


def _advice(output: str) -> str:
    if "tun" in output:
        return "pasta needs /dev/net/tun to be there and open for this user: chmod 0666 /dev/net/tun"
    if "in use" in output:
        return "a published port is taken by another program: see 'ss -lnp'"
    return ""


def _run(words: list[str]) -> tuple[int, str]:
    """Exit code and output. pasta's background process keeps the descriptors, so a file it is, not a pipe."""
    out = os.memfd_create("pasta", 0)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions, setsigdef=[SIGPIPE])
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), os.pread(out, 65536, 0).decode(errors="replace")
    except OSError as error:
        raise SetupFailed(f"cannot run {words[0]}: {error.strerror}") from None
    finally:
        os.close(null)
        os.close(out)


def _value(words: Sequence[str], key: str, default: str) -> str:
    for i, word in enumerate(words):
        if word == key and i + 1 < len(words):
            return words[i + 1]
        if word.startswith(key + "="):
            return word[len(key) + 1 :]
    return default


def _result(netns_path: str, words: Sequence[str], mapped: bool) -> PastaResult:
    from .. import files, netns

    fd = netns.open_fd(netns_path)
    try:
        own = netns.run_in(fd, files.host_addresses)
    finally:
        os.close(fd)
    forward = _value(words, "--dns-forward", DNS_FORWARD)
    forwarders = [forward] if forward != "none" and any((":" in ip) == (":" in forward) for ip in own) else []
    guest = _value(words, "--map-guest-addr", MAP_GUEST) if mapped else ""
    if guest == "none":
        guest = ""
    if not guest:
        # an address of the host that the container has not got itself, or none
        guest = next((ip for ip in files.host_addresses() if ip not in own), "")
    return PastaResult(forwarders, guest, own)
