"""The values of --pid, --ipc, --uts, --cgroupns, --userns and --network (libpod.md section 4.9)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# flag -> (modes without a value, OCI type)
_MODES = {
    "pid": (("private", "host", "pod"), "pid"),
    "ipc": (("shareable", "private", "host", "none", "pod"), "ipc"),
    "uts": (("private", "host", "pod"), "uts"),
    "cgroup": (("private", "host", "pod"), "cgroup"),
}


class Namespace:
    """A parsed mode: ``mode`` is a plain word, "container" or "ns"; ``value`` what follows the colon."""

    __slots__ = ("mode", "value")

    def __init__(self, mode: str, value: str = "") -> None:
        self.mode = mode
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Namespace) and (self.mode, self.value) == (other.mode, other.value)

    def __hash__(self) -> int:
        return hash((self.mode, self.value))

    def __repr__(self) -> str:
        return f"Namespace({self.mode!r}, {self.value!r})"

    @property
    def private(self) -> bool:
        """Whether the container gets a namespace of its own."""
        return self.mode in ("private", "shareable", "none")


def parse(flag: str, text: str, default: str) -> Namespace:
    """One of the simple modes; ``flag`` is pid, ipc, uts or cgroup."""
    word, colon, value = (text or default).partition(":")
    if not colon and word in _MODES[flag][0]:
        return Namespace(word)
    if word in ("container", "ns") and colon:
        if not value:
            raise OcikitError(f"invalid config provided: namespace mode {word} requires a value")
        return Namespace(word, value)
    raise OcikitError(f"unrecognized namespace mode {text} passed")


def oci_type(flag: str) -> str:
    """The name of the flag's namespace in config.json."""
    return _MODES[flag][1] if flag in _MODES else {"network": "network", "user": "user"}[flag]


class NetworkMode:
    """``--network``: ``mode`` is bridge, none, host, container, ns, pod, slirp4netns or pasta.

    ``networks`` maps the names of a bridge container to their options (ips, mac, aliases, interface_name, options);
    ``options`` are those of slirp4netns and pasta.
    """

    __slots__ = ("mode", "networks", "options", "value")

    def __init__(self, mode: str, value: str = "") -> None:
        self.mode = mode
        self.value = value
        self.networks: dict[str, dict[str, list[str]]] = {}
        self.options: list[str] = []


def parse_network(values: Sequence[str], *, default: str, default_network: str) -> NetworkMode:
    """All ``--network`` values together; ``default`` is used when none was given ("bridge", "pasta", ...)."""
    result: NetworkMode | None = None
    for text in values or [default]:
        word, colon, rest = text.partition(":")
        if result is None:
            result = _first(word, colon, rest, default, default_network)
            continue
        if result.mode != "bridge":
            raise OcikitError(
                f"cannot set multiple networks without bridge network mode, selected mode {result.mode}: invalid argument"
            )
        if word in ("none", "host", "container", "ns", "pod", "slirp4netns", "pasta", "private"):
            raise OcikitError(
                f"can only set extra network names, selected mode {word} conflicts with bridge: invalid argument"
            )
        name = default_network if word == "bridge" else word
        result.networks.setdefault(name, _network_options(name, rest))
    assert result is not None
    return result


def _first(word: str, colon: str, rest: str, default: str, default_network: str) -> NetworkMode:
    if word in ("", "private", "default"):
        word, colon, rest = default.partition(":")
    if word in ("none", "host", "pod"):
        if colon:
            raise OcikitError(f"invalid config provided: network mode {word} takes no options")
        return NetworkMode(word)
    if word in ("container", "ns"):
        if not rest:
            kind = "path" if word == "ns" else word
            raise OcikitError(f"invalid config provided: namespace mode {kind} requires a value")
        return NetworkMode(word, rest)
    if word in ("slirp4netns", "pasta"):
        mode = NetworkMode(word)
        mode.options = [option for option in rest.split(",") if option]
        return mode
    mode = NetworkMode("bridge")
    name = default_network if word == "bridge" else word
    mode.networks[name] = _network_options(name, rest)
    return mode


def _network_options(name: str, text: str) -> dict[str, list[str]]:
    options: dict[str, list[str]] = {}
    for part in text.split(","):
        if not part:
            continue
        key, equals, value = part.partition("=")
        if not equals:
            raise OcikitError(f"invalid option for network {name}: {part} needs a value")
        options.setdefault(key, []).append(value)
    return options
