"""Driver options of networks (``-o key=value``): which there are, and their values brought to one form."""

from __future__ import annotations

from .errors import InvalidNetwork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import NetworkConfig

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")
_RENAMED = {"com.docker.network.driver.mtu": "mtu"}
_DOCKER_BRIDGE = "com.docker.network.bridge.name"
MODES = {"macvlan": ("bridge", "private", "vepa", "passthru"), "ipvlan": ("l2", "l3", "l3s")}


def parse_bool(text: str, option: str) -> bool:
    """Go's Booleans."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidNetwork(f'failed to parse {option} option: strconv.ParseBool: parsing "{text}": invalid syntax')


def _number(text: str, option: str, high: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise InvalidNetwork(f'{option} "{text}" is no number') from None
    if number > high:
        raise InvalidNetwork(f"{option} {text} is too large: at most {high}")
    return number


def check_options(config: NetworkConfig) -> None:
    """Normalises the options of a network in place; raises InvalidNetwork for an unknown one or a bad value."""
    checked: dict[str, str] = {}
    for given, value in config.options.items():
        key = _RENAMED.get(given, given)
        if config.driver == "bridge" and given == _DOCKER_BRIDGE:
            from .create import check_interface

            check_interface(value)
            config.network_interface = value
            continue
        checked[key] = _check(config.driver, key, value)
    config.options = checked


def _check(driver: str, key: str, value: str) -> str:
    if key == "mtu":
        if _number(value, "mtu", 65535) < 0:
            raise InvalidNetwork(f"mtu {value} is less than zero")
        return value
    if key == "metric":
        if not _number(value, "metric", 2**32 - 1) >= 0:
            raise InvalidNetwork(f"metric {value} is less than zero")
        return value
    if key == "no_default_route":
        return "true" if parse_bool(value, key) else "false"
    if driver == "bridge":
        return _check_bridge(key, value)
    if key == "mode":
        if value not in MODES[driver]:
            raise InvalidNetwork(f'unknown {driver} mode "{value}": choose from {", ".join(MODES[driver])}')
        return value
    if key == "bclim" and driver == "macvlan":
        _number(value, "bclim", 2**31 - 1)
        return value
    raise InvalidNetwork(f"unsupported {driver} network option {key}")


def _check_bridge(key: str, value: str) -> str:
    if key == "vlan":
        if not 0 <= _number(value, "vlan", 2**31) <= 4094:
            raise InvalidNetwork(f"vlan ID {value} must be between 0 and 4094")
        return value
    if key == "isolate":
        if value == "strict":
            return value
        return "true" if value and parse_bool(value, key) else "false"
    if key == "vrf":
        if not value:
            raise InvalidNetwork("invalid vrf name: it is empty")
        return value
    if key == "mode":
        if value not in ("managed", "unmanaged"):
            raise InvalidNetwork(f'unknown bridge mode "{value}": choose from managed, unmanaged')
        return value
    raise InvalidNetwork(f"unsupported bridge network option {key}")
