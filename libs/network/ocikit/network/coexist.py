"""Living beside other firewalls that drop what they don't know.

Our rules are in a table of our own, where an accept overrules nobody. On a host whose own rules drop forwarded packets by
default (Docker, ufw) or reject what is in no zone (firewalld), containers would be cut off. There, and only there, the
network's bridge is let through in the other firewall's own words: ``iptables`` rules with our comment, or the subnets in
firewalld's zone ``trusted``. What is to be done is a value (``plan``); a note in the run directory says what was done, so
that the network's end takes back just that.
"""

from __future__ import annotations

import os

from .nft import NETLINK_NETFILTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .firewall import NetworkRules

FIREWALLD_PID = "/run/firewalld.pid"
ZONE = "trusted"
_NFT_MSG_GETCHAIN = (10 << 8) | 4
_NFTA_CHAIN_TABLE, _NFTA_CHAIN_NAME, _NFTA_CHAIN_POLICY = 1, 3, 5
_FAMILIES = {"iptables": 2, "ip6tables": 10}
_NF_DROP = 0
NOTE = "coexist-"


def plan(rules: NetworkRules, dropping: Sequence[tuple[str, str]], firewalld: bool) -> list[list[str]]:
    """The commands that let a bridge through, each the words behind which ``-I``/``-D`` or ``--add``/``--remove`` stand.

    ``dropping`` are (program, chain) whose policy is drop, as ``("iptables", "FORWARD")``.
    """
    comment = ["-m", "comment", "--comment", f"ocikit network {rules.id[:12]}", "-j", "ACCEPT"]
    commands = []
    for program, chain in dropping:
        if chain == "FORWARD" and rules.isolation != "internal":
            state = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED,DNAT"]
            commands.append([program, chain, "-i", rules.bridge, *comment])
            commands.append([program, chain, "-o", rules.bridge, *state, *comment])
        elif chain == "INPUT":
            commands += [
                [program, chain, "-i", rules.bridge, "-p", protocol, "--dport", str(rules.dns_port), *comment]
                for protocol in ("udp", "tcp")
            ]
    if firewalld:
        commands += [["firewall-cmd", ZONE, subnet] for subnet, _ in rules.subnets]
    return commands


def words(command: Sequence[str], *, add: bool) -> list[str]:
    """One command of a plan as it is run."""
    program, *rest = command
    if program == "firewall-cmd":
        zone, subnet = rest
        return [program, "-q", f"--zone={zone}", f"--{'add' if add else 'remove'}-source={subnet}"]
    return [program, "-w", "-I" if add else "-D", *rest]


def dropping_chains() -> list[tuple[str, str]]:
    """The chains of iptables (as it keeps them in nf_tables) whose policy is drop: four questions to the kernel."""
    from struct import unpack

    from .errors import NetlinkError
    from .netlink import Netlink, attr, attributes, message

    found = []
    with Netlink(NETLINK_NETFILTER) as netlink:
        for program, family in _FAMILIES.items():
            for chain in ("FORWARD", "INPUT"):
                body = bytes((family, 0, 0, 0)) + attr(_NFTA_CHAIN_TABLE, b"filter\0")
                body += attr(_NFTA_CHAIN_NAME, chain.encode() + b"\0")
                try:
                    answer = netlink.ask(message(_NFT_MSG_GETCHAIN, 0, body))
                except NetlinkError:
                    continue
                for kind, data in attributes(answer or b"", 4):
                    if kind == _NFTA_CHAIN_POLICY and unpack(">I", data)[0] == _NF_DROP:
                        found.append((program, chain))
    return found


def let_through(run_dir: str, rules: NetworkRules) -> None:
    """Does what is needed for a network that has just come up; usually nothing."""
    commands = plan(rules, dropping_chains(), os.path.exists(FIREWALLD_PID))
    if not commands:
        return
    from ocikit.common.files import atomic_write
    from ocikit.common.jsonfast import dumps

    folder = os.path.join(run_dir, "firewall")
    os.makedirs(folder, 0o700, exist_ok=True)
    take_back(run_dir, rules)
    atomic_write(os.path.join(folder, NOTE + rules.id), dumps(commands).encode(), sync=False)
    for command in commands:
        _run(words(command, add=True))


def take_back(run_dir: str, rules: NetworkRules) -> None:
    """Undoes ``let_through``."""
    from ocikit.common.files import read_small
    from ocikit.common.jsonfast import loads

    path = os.path.join(run_dir, "firewall", NOTE + rules.id)
    try:
        commands = loads(read_small(path))
    except (OSError, ValueError):
        return
    for command in commands:
        _run(words(command, add=False))
    os.unlink(path)


def _run(command: Sequence[str]) -> None:
    """Runs one; that the other firewall is gone by now, or knows the rule already, is no reason to fail."""
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
        environment = {
            **os.environ,
            "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin",
            "LC_ALL": "C",
        }
        pid = os.posix_spawnp(command[0], list(command), environment, file_actions=actions)
        os.waitpid(pid, 0)
    except OSError:
        pass
    finally:
        os.close(null)
