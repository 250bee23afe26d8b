"""Texts of hosts and resolv.conf, network files, and pasta's and slirp4netns's command lines."""

import pytest

from ocikit.network import files
from ocikit.network.errors import InvalidNetwork, NetworkUnknown, SetupFailed
from ocikit.network.records import DEFAULT_ID, NetworkConfig, PortMapping, Route, Subnet
from ocikit.network.rootless import pasta, slirp4netns
from ocikit.network.store import NetworkFiles

HOST = files.ResolvConf(["127.0.0.53", "192.0.2.53", "fd00::53", "fe80::1%eth0"], ["corp.example"], ["ndots:2"])


def test_resolv_conf_of_the_host() -> None:
    assert files.make_resolv_conf(host=HOST) == "search corp.example\nnameserver 192.0.2.53\noptions ndots:2\n"
    assert "nameserver fd00::53" in files.make_resolv_conf(host=HOST, ipv6=True)
    assert "127.0.0.53" in files.make_resolv_conf(host=HOST, keep_loopback=True)
    assert files.make_resolv_conf() == "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"


def test_resolv_conf_of_networks_and_users() -> None:
    text = files.make_resolv_conf(
        host=HOST, servers=["9.9.9.9"], network_servers=["10.89.0.1"], network_search=["dns.podman"]
    )
    assert text == "search dns.podman corp.example\nnameserver 10.89.0.1\noptions ndots:2\n"
    assert "nameserver 9.9.9.9\n" in files.make_resolv_conf(host=HOST, servers=["9.9.9.9"])
    assert "search" not in files.make_resolv_conf(host=HOST, search=["."])
    assert files.make_resolv_conf(host=HOST, forwarders=["169.254.1.1"]).splitlines()[1] == "nameserver 169.254.1.1"


def test_resolv_conf_is_edited_on_connect() -> None:
    text = "search dns.podman\nnameserver 10.89.0.1\n"
    more = files.edit_nameservers(text, add=["10.89.1.1"])
    assert more == "search dns.podman\nnameserver 10.89.1.1\nnameserver 10.89.0.1\n"
    assert files.edit_nameservers(more, drop=["10.89.1.1"]) == text


def test_hosts() -> None:
    text = files.make_hosts(
        base=[("127.0.0.1", ["localhost"]), ("127.0.0.1", ["vm"])],
        extra=[files.parse_add_host("h1:1.2.3.4"), files.parse_add_host("gw:host-gateway", "10.89.0.1")],
        own=[("10.89.0.50", ["a92d466ab0ba", "d2"])],
        host_internal="10.89.0.1",
    )
    assert text == (
        "1.2.3.4\th1\n10.89.0.1\tgw\n127.0.0.1\tlocalhost\n127.0.0.1\tvm\n"
        "10.89.0.1\thost.containers.internal host.docker.internal\n10.89.0.50\ta92d466ab0ba d2\n"
    )
    assert "::1\tlocalhost" in files.make_hosts()


@pytest.mark.parametrize("word", ["h", "h:", "a;:1.2.3.4", "h:1.2.3.400", "h:host-gateway"])
def test_bad_add_host(word: str) -> None:
    with pytest.raises(InvalidNetwork):
        files.parse_add_host(word)


def test_network_files(tmp_path) -> None:
    warnings: list[str] = []
    store = NetworkFiles(str(tmp_path / "networks"), warn=warnings.append)
    assert [config.name for config in store.all()] == ["podman"]
    assert store.get(DEFAULT_ID[:8]).name == "podman"
    full = NetworkConfig(
        "br1",
        id="ab" * 32,
        network_interface="podman1",
        created="2026-11-23T17:16:33.883033551Z",
        subnets=[Subnet("10.89.0.0/24", "10.89.0.1", "10.89.0.10", "10.89.0.20")],
        routes=[Route("192.0.3.0/24", "10.89.0.5", 200)],
        dns_enabled=True,
        labels={"b": "2", "a": "1"},
        options={"mtu": "1400"},
        ipam_options={"driver": "host-local"},
    )
    store.write(full)
    assert store.get("br1") == full == store.get("abab")
    text = (tmp_path / "networks/br1.json").read_text()
    assert text.startswith('{\n     "name": "br1",\n     "id": "abab') and text.endswith("}\n")
    assert text.index('"labels"') < text.index('"options"') < text.index('"ipam_options"')
    (tmp_path / "networks/other.json").write_text(text)
    (tmp_path / "networks/bad.json").write_text("{")
    assert [config.name for config in store.all()] == ["br1", "podman"]
    assert any('does not match file name "other.json"' in warning for warning in warnings) and len(warnings) == 2
    with pytest.raises(NetworkUnknown, match="unable to find network with name or ID nope: network not found"):
        store.get("nope")
    with pytest.raises(NetworkUnknown):
        store.get("../br1")


def test_pasta_command_line() -> None:
    ports = [PortMapping("", 80, 8050), PortMapping("127.0.0.1", 81, 8051, 2, "udp")]
    assert (
        pasta.arguments("/n", ports)
        == (
            "--config-net -t 8050-8050:80-80 -u 127.0.0.1/8051-8052:81-82 --dns-forward 169.254.1.1 -T none -U none "
            "--no-map-gw --quiet --netns /n --map-guest-addr 169.254.1.2"
        ).split()
    )
    words = pasta.arguments("/n", [], ["--map-gw", "-T", "8080", "--debug"], map_guest=False)
    assert "--no-map-gw" not in words and "--map-gw" not in words and "--quiet" not in words and words.count("-T") == 1
    with pytest.raises(SetupFailed, match="can't forward protocol: sctp"):
        pasta.arguments("/n", [PortMapping("", 1, 1, 1, "sctp")])


def test_slirp_options() -> None:
    options = slirp4netns.parse_options(
        ["cidr=10.0.9.0/24", "mtu=1500", "enable_ipv6=false", "port_handler=slirp4netns"]
    )
    assert (options.container, options.dns) == ("10.0.9.100", "10.0.9.3")
    known = "--disable-host-loopback --mtu --enable-sandbox --enable-seccomp --enable-ipv6"
    assert (
        slirp4netns.arguments(options, "/n", known)
        == (
            "--disable-host-loopback --mtu=1500 --enable-sandbox --enable-seccomp --cidr=10.0.9.0/24 "
            "-c -r 3 -e 4 --netns-type=path /n tap0"
        ).split()
    )
    for word in ("bogus=1", "mtu=5", "cidr=fd00::/64", "enable_ipv6=perhaps"):
        with pytest.raises(SetupFailed) as caught:
            slirp4netns.parse_options([word])
        assert caught.value.exit_code == 126
