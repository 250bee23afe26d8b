"""Messages and records of the DNS server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.network.dns import message
from ocikit.network.dns.records import lookup, names_of, packed, parse_zone, zones_of

dnslib = pytest.importorskip("dnslib")

V6A = parse_zone(
    "v6a",
    "10.89.2.1,fd2c::1 9.9.9.9,1.1.1.1\n"
    + "a" * 64
    + " 10.89.2.2 fd2c::2 d4,aaaaaaaaaaaa 198.51.100.1\n"
    + "b" * 64
    + " 10.89.2.50  d2,ZED,bbbbbbbbbbbb\n",
)
OTHER = parse_zone(
    "br1%int", "10.89.0.1\n" + "b" * 64 + " 10.89.0.9  d2,bbbbbbbbbbbb\n" + "c" * 64 + " 10.89.0.10  d5\n"
)


def test_a_file_is_read_and_written_back() -> None:
    assert V6A.gateways == ["10.89.2.1", "fd2c::1"] and V6A.servers == ["9.9.9.9", "1.1.1.1"]
    assert V6A.entries[0].servers == ["198.51.100.1"] and V6A.entries[1].ips == ["10.89.2.50"]
    assert parse_zone("v6a", V6A.text()).text() == V6A.text()
    assert OTHER.internal and OTHER.name == "br1" and not V6A.internal


@given(st.text(max_size=300))
def test_any_file_is_survived(text: str) -> None:
    parse_zone("x", text)


def test_who_sees_whom() -> None:
    zones = [V6A, OTHER]
    on_one, entry = zones_of(zones, packed("10.89.2.2"), "10.89.2.1")
    assert [zone.name for zone in on_one] == ["v6a"] and entry is not None and entry.servers == ["198.51.100.1"]
    assert lookup(on_one, "zed", 4) == [packed("10.89.2.50")]
    assert lookup(on_one, "d2.dns.podman", 4) == [packed("10.89.2.50")]
    assert lookup(on_one, "d5", 4) is None
    assert lookup(on_one, "d2", 6) == []
    assert lookup(on_one, "b" * 64, 4) is None
    stranger, nobody = zones_of(zones, packed("192.0.2.1"), "10.89.0.1")
    assert [zone.name for zone in stranger] == ["br1"] and nobody is None
    assert names_of(on_one, packed("10.89.2.2")) == ["d4", "a" * 12]


def test_queries_as_dnslib_makes_them() -> None:
    raw = dnslib.DNSRecord.question("Web.Example.", "AAAA").pack()
    query = message.parse_query(raw)
    assert query is not None and (query.name, query.kind, query.size) == ("web.example", message.AAAA, 512)
    answer = dnslib.DNSRecord.parse(message.response(query, 0, [packed("fd00::1"), packed("fd00::2")]))
    assert [str(rr.rdata) for rr in answer.rr] == ["fd00::1", "fd00::2"]
    assert answer.header.ra and answer.header.rd and not answer.header.aa and answer.rr[0].ttl == 0
    assert str(answer.q.qname) == "Web.Example."  # echoed as it was asked


def test_what_does_not_fit_is_truncated() -> None:
    query = message.parse_query(dnslib.DNSRecord.question("all", "A").pack())
    assert query is not None
    answers = [bytes([10, 89, 0, n]) for n in range(60)]
    short = message.response(query, 0, answers, limit=512)
    assert len(short) <= 512 and dnslib.DNSRecord.parse(short).header.tc
    assert not dnslib.DNSRecord.parse(message.response(query, 0, answers)).header.tc


def test_edns_size_counts() -> None:
    question = dnslib.DNSRecord.question("a")
    question.add_ar(dnslib.EDNS0(udp_len=1400))
    query = message.parse_query(question.pack())
    assert query is not None and query.size == 1400


@given(st.binary(max_size=80))
def test_any_datagram_is_survived(data: bytes) -> None:
    query = message.parse_query(data)
    if query is not None:
        message.response(query, message.SERVFAIL)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("2.0.89.10.in-addr.arpa", "10.89.0.2"),
        ("1." + "0." * 30 + "f.ip6.arpa", "f000::1"),
        ("300.0.89.10.in-addr.arpa", None),
        ("89.10.in-addr.arpa", None),
        ("example.com", None),
    ],
)
def test_reverse_names(name: str, address: str | None) -> None:
    assert message.reverse_address(name) == (packed(address) if address else None)
