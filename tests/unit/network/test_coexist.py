"""What is asked of other firewalls, as values."""

from ocikit.network import coexist
from ocikit.network.firewall import INTERNAL, NetworkRules

NET = NetworkRules("ab" * 32, "podman1", [("10.89.0.0/24", "10.89.0.1")])


def test_nothing_where_nobody_drops() -> None:
    assert coexist.plan(NET, [], False) == []


def test_iptables() -> None:
    commands = coexist.plan(NET, [("iptables", "FORWARD"), ("iptables", "INPUT")], False)
    texts = [" ".join(coexist.words(command, add=True)) for command in commands]
    assert texts[0] == "iptables -w -I FORWARD -i podman1 -m comment --comment ocikit network abababababab -j ACCEPT"
    assert "-o podman1 -m conntrack --ctstate RELATED,ESTABLISHED,DNAT" in texts[1]
    assert "-I INPUT -i podman1 -p udp --dport 53" in texts[2]
    assert coexist.words(commands[0], add=False)[2] == "-D"


def test_internal_networks_are_not_let_through() -> None:
    internal = NetworkRules("cd" * 32, "podman2", [("10.89.1.0/24", "10.89.1.1")], INTERNAL)
    assert coexist.plan(internal, [("iptables", "FORWARD")], False) == []


def test_firewalld() -> None:
    (command,) = coexist.plan(NET, [], True)
    assert coexist.words(command, add=True) == ["firewall-cmd", "-q", "--zone=trusted", "--add-source=10.89.0.0/24"]
    assert coexist.words(command, add=False)[-1] == "--remove-source=10.89.0.0/24"
