"""Carries rule sets out: ``nft -f -`` once per change, which the kernel applies whole or not at all."""

from __future__ import annotations

import os

from .errors import SetupFailed
from .firewall import SKELETON_USE, TABLE, remove_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .firewall import Removal

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"

NETLINK_NETFILTER = 12
_NFT_MSG_GETTABLE = (10 << 8) | 1
_NFTA_TABLE_NAME, _NFTA_TABLE_USE = 1, 3
_NFPROTO_INET = 1


def find() -> str:
    """The nft program; raises SetupFailed where there is none."""
    for folder in (os.environ.get("PATH", "") + ":" + _PATH).split(":"):
        path = os.path.join(folder, "nft")
        if folder and os.access(path, os.X_OK):
            return path
    raise SetupFailed(
        "no nft program found: bridge networks need it for their firewall rules",
        hint='install the package "nftables", or set firewall_driver="none" in containers.conf',
    )


class Transaction:
    """A running ``nft``: started at once, so that links can be made meanwhile; ``wait`` says how it went."""

    __slots__ = ("_errors", "_lines", "_pid")

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self._pid = 0
        if not lines:
            return
        program = find()
        source = os.memfd_create("nft", 0)
        self._errors = os.memfd_create("nft-errors", 0)
        try:
            os.write(source, ("\n".join(lines) + "\n").encode())
            os.lseek(source, 0, os.SEEK_SET)
            actions = [
                (os.POSIX_SPAWN_DUP2, source, 0),
                (os.POSIX_SPAWN_DUP2, self._errors, 1),
                (os.POSIX_SPAWN_DUP2, self._errors, 2),
            ]
            self._pid = os.posix_spawn(
                program, [program, "-f", "-"], {"PATH": _PATH, "LC_ALL": "C"}, file_actions=actions
            )
        except OSError as error:
            os.close(self._errors)
            raise SetupFailed(f"cannot run {program}: {error.strerror}") from None
        finally:
            os.close(source)

    def wait(self) -> None:
        """Waits for the end; raises SetupFailed with nft's own first words when it refused."""
        if not self._pid:
            return
        pid, self._pid = self._pid, 0
        _, status = os.waitpid(pid, 0)
        try:
            if status:
                text = os.pread(self._errors, 65536, 0).decode(errors="replace").strip()
                first = text.splitlines()[0] if text else f"exit status {os.waitstatus_to_exitcode(status)}"
                raise SetupFailed(f"nft refused the firewall rules: {first}", hint=_advice(text))
        finally:
            os.close(self._errors)


def _advice(text: str) -> str:
    if "Operation not permitted" in text:
        return "changing the firewall needs root (CAP_NET_ADMIN)"
    if "not supported" in text:
        return 'this kernel lacks nf_tables support; firewall_driver="none" in containers.conf does without'
    return ""


def apply(lines: Sequence[str]) -> None:
    """Applies a rule set in one transaction."""
    Transaction(lines).wait()


def table_use() -> int | None:
    """How many sets, maps and chains our table holds; None where there is no table."""
    from struct import pack, unpack

    from .netlink import Netlink, attr, attributes, message

    body = pack("=BBH", _NFPROTO_INET, 0, 0) + attr(_NFTA_TABLE_NAME, TABLE.split()[1].encode() + b"\0")
    with Netlink(NETLINK_NETFILTER) as netlink:
        answer = netlink.ask(message(_NFT_MSG_GETTABLE, 0, body))
    if answer is None:
        return None
    for kind, data in attributes(answer, 4):
        if kind == _NFTA_TABLE_USE:
            (use,) = unpack(">I", data)
            return int(use)
    return None


class RunningRemoval:
    """Removals at work; the whole table goes when nothing but its base chains would be left."""

    __slots__ = ("_removal", "_transaction")

    def __init__(self, removal: Removal) -> None:
        self._removal = removal
        lines = removal.lines()
        if lines and table_use() == SKELETON_USE + len(set(removal.chains)):
            lines = remove_table()
        self._transaction = Transaction(lines)

    def wait(self) -> None:
        """Waits for the end. Where a key belongs to somebody else by now (a port that another container publishes after
        ours was killed), the rest is removed piece by piece."""
        try:
            self._transaction.wait()
        except SetupFailed:
            for part in self._removal.parts():
                try:
                    apply(part)
                except SetupFailed:
                    continue
            if table_use() == SKELETON_USE:
                apply(remove_table())


def conflicting(lines: Sequence[str]) -> list[str]:
    """Statements that delete the elements of the kernel's port maps that are in the way of those that ``lines`` add."""
    import json
    import subprocess

    wanted: dict[str, list[tuple[list[str], str]]] = {}
    for line in lines:
        words = line.split()
        if words[:2] == ["add", "element"] and words[4].startswith(("ports", "hostports")):
            for element in line[line.index("{") + 1 : line.rindex("}")].split(","):
                key, _, target = element.partition(" : ")
                wanted.setdefault(words[4], []).append((key.strip().split(" . "), target.split()[-1]))
    found = []
    for name, keys in wanted.items():
        done = subprocess.run([find(), "-j", "list", "map", *TABLE.split(), name], capture_output=True, check=False)
        if done.returncode:
            continue
        for item in json.loads(done.stdout)["nftables"]:
            for entry, verdict in item.get("map", {}).get("elem", ()):
                held = [_text(part) for part in entry["concat"]]
                target = verdict.get("jump", {}).get("target", "")
                if any(target != own and _overlap(held, key) for key, own in keys):
                    found.append(f"delete element {TABLE} {name} {{ {' . '.join(held)} }}")
    return list(dict.fromkeys(found))


def _text(part: object) -> str:
    return "-".join(str(end) for end in part["range"]) if isinstance(part, dict) else str(part)


def _overlap(one: list[str], other: list[str]) -> bool:
    """Whether two keys of the same map (address, protocol, ports) share a port."""
    if one[:-1] != other[:-1]:
        return False
    first, second = ([int(end) for end in key[-1].split("-")] for key in (one, other))
    return first[0] <= second[-1] and second[0] <= first[-1]
