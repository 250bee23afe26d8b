"""DNS messages (RFC 1035), as much as a server of addresses and a forwarder need. Pure."""

from __future__ import annotations

from struct import Struct

A, PTR, AAAA, OPT, ANY = 1, 12, 28, 41, 255
IN = 1
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5
QR, TC, RD, RA = 0x8000, 0x0200, 0x0100, 0x0080

_HEADER = Struct(">HHHHHH")
_TYPE_CLASS = Struct(">HH")
_ANSWER = Struct(">HHHIH")  # pointer to the question's name, type, class, ttl, length
MIN_UDP = 512
MAX_UDP = 4096


class Query:
    """A question. ``name`` is lower case without the final dot; ``size`` is what the client takes over UDP; ``wire`` the
    question section as it came, to be echoed."""

    __slots__ = ("flags", "id", "kind", "klass", "name", "opcode", "size", "wire")

    def __init__(self, id: int, flags: int, name: str, kind: int, klass: int, wire: bytes, size: int) -> None:
        self.id = id
        self.flags = flags
        self.opcode = flags >> 11 & 15
        self.name = name
        self.kind = kind
        self.klass = klass
        self.wire = wire
        self.size = size


def parse_query(data: bytes) -> Query | None:
    """The one question of a message; None for what is no query or broken."""
    if len(data) < 12:
        return None
    id, flags, questions, answers, authorities, extra = _HEADER.unpack_from(data)
    if flags & QR or questions != 1:
        return None
    parsed = _name(data, 12)
    if parsed is None:
        return None
    name, end = parsed
    if end + 4 > len(data):
        return None
    kind, klass = _TYPE_CLASS.unpack_from(data, end)
    size = MIN_UDP
    at = end + 4
    # an OPT record is the root name, its type, and the client's UDP size in place of a class
    if not answers and not authorities and extra and at + 11 <= len(data) and data[at] == 0:
        record, offered = _TYPE_CLASS.unpack_from(data, at + 1)
        if record == OPT:
            size = min(max(offered, MIN_UDP), MAX_UDP)
    return Query(id, flags, name, kind, klass, data[12 : end + 4], size)


def _name(data: bytes, at: int) -> tuple[str, int] | None:
    labels: list[str] = []
    total = 0
    while True:
        if at >= len(data):
            return None
        length = data[at]
        at += 1
        if length == 0:
            return ".".join(labels), at
        total += length + 1
        # a question comes first, so there is nothing that a compression pointer could point to
        if length > 63 or total > 254 or at + length > len(data):
            return None
        labels.append(data[at : at + length].decode("latin-1").lower())
        at += length


def encode_name(name: str) -> bytes:
    """A name in wire form; labels that are too long are cut, as no answer is worth a failure here."""
    out = bytearray()
    for label in name.rstrip(".").split("."):
        raw = label.encode("latin-1", "replace")[:63]
        if raw:
            out.append(len(raw))
            out += raw
    return bytes(out) + b"\0"


def response(query: Query, code: int, answers: list[bytes] = [], *, limit: int = 65535) -> bytes:  # noqa: B006 -- read only
    """An answer to the query: its question echoed, ``answers`` as raw record data of the question's type, time to live 0.

    What doesn't fit into ``limit`` bytes is left out and the truncation flag set.
    """
    flags = QR | RA | query.flags & (RD | 0x7800) | code
    body = bytearray()
    count = 0
    for data in answers:
        record = _ANSWER.pack(0xC00C, query.kind, query.klass, 0, len(data)) + data
        if 12 + len(query.wire) + len(body) + len(record) > limit:
            flags |= TC
            break
        body += record
        count += 1
    return _HEADER.pack(query.id, flags, 1, count, 0, 0) + query.wire + bytes(body)


def reverse_address(name: str) -> bytes | None:
    """``"2.0.89.10.in-addr.arpa"`` -> the four (or sixteen) bytes of the address; None for any other name."""
    labels = name.split(".")
    try:
        if labels[-2:] == ["in-addr", "arpa"] and len(labels) == 6:
            return bytes(int(label) for label in reversed(labels[:4]))
        if labels[-2:] == ["ip6", "arpa"] and len(labels) == 34:
            return bytes.fromhex("".join(reversed(labels[:32])))
    except ValueError:
        pass
    return None
