"""Rule sets as values."""

from ocikit.network import firewall
from ocikit.network.firewall import NetworkRules, PortRules
from ocikit.network.records import PortMapping

NET = NetworkRules("2f259bab93aa" + "a" * 52, "podman0", [("10.88.0.0/16", "10.88.0.1")])
DUAL = NetworkRules("b" * 64, "podman1", [("10.89.0.0/24", "10.89.0.1"), ("fd00:1::/64", "fd00:1::1")])
CTR = "c0ffee" + "0" * 58
CHAIN = "ctr_c0ffee0000000000_2f259bab93aa"


def elements(lines: list[str], name: str) -> str:
    return next((line for line in lines if line.startswith(f"add element inet ocikit {name} ")), "")


def rules(lines: list[str], chain: str) -> list[str]:
    start = f"add rule inet ocikit {chain} "
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


def test_a_network_masquerades_all_but_itself_and_multicast() -> None:
    lines = firewall.network_up(NET)
    assert rules(lines, NET.chain) == [
        "ip daddr 10.88.0.0/16 accept",
        "ip daddr != 224.0.0.0/4 masquerade",
        "ip6 daddr != ff00::/8 masquerade",
    ]
    assert elements(lines, "masquerade4") == (
        f"add element inet ocikit masquerade4 {{ 10.88.0.0/16 : jump {NET.chain} }}"
    )


def test_published_ports() -> None:
    ports = [PortMapping("", 80, 8080), PortMapping("127.0.0.1", 81, 8081), PortMapping("", 9000, 9000, 3, "udp")]
    lines = firewall.ports_up(PortRules(NET, CTR, ["10.88.0.3"], ports))
    assert rules(lines, CHAIN) == [
        f"ip saddr {{ 127.0.0.0/8, 10.88.0.0/16 }} meta mark set meta mark | {firewall.MARK}",
        "meta nfproto ipv4 tcp dport 8080 dnat ip to 10.88.0.3:80",
        "meta nfproto ipv4 ip daddr 127.0.0.1 tcp dport 8081 dnat ip to 10.88.0.3:81",
        "meta nfproto ipv4 udp dport 9000-9002 dnat ip to 10.88.0.3",
    ]
    assert elements(lines, "ports4") == (
        f"add element inet ocikit ports4 {{ tcp . 8080 : jump {CHAIN}, udp . 9000-9002 : jump {CHAIN} }}"
    )
    assert elements(lines, "hostports4") == (
        f"add element inet ocikit hostports4 {{ 127.0.0.1 . tcp . 8081 : jump {CHAIN} }}"
    )
    assert not elements(lines, "ports6")


def test_a_moved_range_is_one_rule_with_a_map() -> None:
    lines = firewall.ports_up(PortRules(NET, CTR, ["10.88.0.3"], [PortMapping("", 90, 9100, 200)]))
    dnat = [rule for rule in rules(lines, CHAIN) if "dnat" in rule]
    assert len(dnat) == 1
    assert "9100 : 90, 9101 : 91" in dnat[0]


def test_both_families() -> None:
    lines = firewall.ports_up(PortRules(DUAL, CTR, ["10.89.0.3", "fd00:1::3"], [PortMapping("", 80, 8080)]))
    chain = f"ctr_c0ffee0000000000_{'b' * 12}"
    assert "meta nfproto ipv6 tcp dport 8080 dnat ip6 to [fd00:1::3]:80" in rules(lines, chain)
    assert elements(lines, "ports6") and elements(lines, "ports4")


def test_a_host_address_of_the_other_family_makes_no_rule() -> None:
    assert firewall.ports_up(PortRules(NET, CTR, ["10.88.0.3"], [PortMapping("::1", 80, 8080)])) == []


def test_wildcard_addresses_match_every_destination_of_their_family_only() -> None:
    lines = firewall.ports_up(PortRules(DUAL, CTR, ["10.89.0.3", "fd00:1::3"], [PortMapping("0.0.0.0", 80, 8080)]))
    assert elements(lines, "ports4") and not elements(lines, "ports6") and not elements(lines, "hostports4")


def test_isolation() -> None:
    isolated = NetworkRules("d" * 64, "br1", [("10.90.0.0/24", "10.90.0.1")], firewall.ISOLATE)
    strict = NetworkRules("e" * 64, "br2", [("10.91.0.0/24", "10.91.0.1")], firewall.STRICT)
    assert rules(firewall.network_up(isolated), f"{isolated.chain}_from") == [
        'oifname "br1" return',
        "oifname @isolated drop",
    ]
    lines = firewall.network_up(strict)
    assert rules(lines, f"{strict.chain}_from") == ['oifname "br2" return', "oifname @bridges drop"]
    assert rules(lines, f"{strict.chain}_to") == ['iifname "br2" return', "iifname @bridges drop"]


def test_internal_networks_are_closed_and_publish_nothing() -> None:
    internal = NetworkRules("f" * 64, "br3", [("10.92.0.0/24", "10.92.0.1")], firewall.INTERNAL)
    lines = firewall.network_up(internal)
    assert rules(lines, f"{internal.chain}_from") == ['oifname "br3" return', "drop"]
    assert not any("masquerade" in line for line in lines)
    assert elements(lines, "closed_from") and elements(lines, "closed_to")
    assert firewall.ports_up(PortRules(internal, CTR, ["10.92.0.2"], [PortMapping("", 80, 80)])) == []


def test_the_dns_redirect_only_for_another_port() -> None:
    other = NetworkRules("a" * 64, "br4", [("10.93.0.0/24", "10.93.0.1")], "", 5353)
    assert "10.93.0.1 . udp . 53" in elements(firewall.network_up(other), "hostports4")
    assert not elements(firewall.network_up(NET), "hostports4")


def test_removal_adds_what_it_deletes_so_that_it_never_fails() -> None:
    down = firewall.ports_down(PortRules(NET, CTR, ["10.88.0.3"], [PortMapping("", 80, 8080)]))
    assert down.lines() == [
        f"add chain inet ocikit {CHAIN}",
        f"add element inet ocikit ports4 {{ tcp . 8080 : jump {CHAIN} }}",
        "delete element inet ocikit ports4 { tcp . 8080 }",
        f"flush chain inet ocikit {CHAIN}",
        f"delete chain inet ocikit {CHAIN}",
    ]


def test_what_comes_up_goes_down() -> None:
    for network in (NET, DUAL, NetworkRules("e" * 64, "br2", [("10.91.0.0/24", "10.91.0.1")], firewall.STRICT, 5353)):
        up, down = firewall.network_up(network), firewall.network_down(network).lines()
        added = {line.split()[4] for line in up if line.startswith("add chain")}
        assert added == {line.split()[4] for line in down if line.startswith("delete chain")}
        assert len([line for line in up if line.startswith("add element")]) >= len(
            [line for line in down if line.startswith("delete element")]
        )


def test_order_puts_chains_before_sets() -> None:
    lines = firewall.ordered(firewall.skeleton() + firewall.network_up(NET))
    last_chain = max(i for i, line in enumerate(lines) if line.startswith("add chain"))
    assert last_chain < min(i for i, line in enumerate(lines) if line.startswith(("add set", "add map")))
