"""Drivers that are programs of their own (netavark plugins): JSON on stdin, JSON on stdout, one call for each step."""

from __future__ import annotations

from ..errors import NetworkError, SetupFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..records import Json, NetworkConfig, SetupRequest
    from . import Attachment


def call(path: str, words: list[str], document: Json) -> Json:
    """Runs ``PLUGIN words`` with the document; returns its answer, raises SetupFailed with its ``error``."""
    import json
    import subprocess

    try:
        done = subprocess.run([path, *words], input=json.dumps(document).encode(), capture_output=True, check=False)
        answer = json.loads(done.stdout or b"{}")
    except (OSError, ValueError) as error:
        raise SetupFailed(f"network plugin {path} failed: {error}") from None
    if not isinstance(answer, dict) or done.returncode:
        text = answer.get("error") if isinstance(answer, dict) else done.stderr.decode(errors="replace").strip()
        raise SetupFailed(f"network plugin {path} failed: {text or f'exit status {done.returncode}'}")
    return answer


def create(path: str, config: NetworkConfig) -> NetworkConfig:
    """Lets the plugin check and fill in a network; name, id and driver must stay."""
    from ..records import NetworkConfig

    made = NetworkConfig.from_json(call(path, ["create"], config.to_json()))
    if (made.name, made.id, made.driver) != (config.name, config.id, config.driver):
        raise NetworkError(f"network plugin {path} changed the name, id or driver of network {config.name}")
    return made


def setup(path: str, netns_path: str, at: Attachment, request: SetupRequest) -> Json:
    """Attaches the container; returns the whole status block."""
    return call(path, ["setup", netns_path], _document(at.config, at.interface, at.ips, request, at.per.static_mac))


def teardown(path: str, netns_path: str, config: NetworkConfig, interface: str, request: SetupRequest) -> None:
    """Detaches the container."""
    call(path, ["teardown", netns_path], _document(config, interface, [], request, ""))


def _document(config: NetworkConfig, interface: str, ips: list[str], request: SetupRequest, mac: str) -> Json:
    options: Json = {"interface_name": interface, "static_ips": ips}
    if mac:
        options["static_mac"] = mac
    return {
        "container_id": request.container_id,
        "container_name": request.container_name,
        "port_mappings": [port.to_json() for port in request.ports],
        "network": config.to_json(),
        "network_options": options,
    }
