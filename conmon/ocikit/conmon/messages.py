"""What goes over the inherited pipes: one JSON line in one write, laid out byte for byte as the C conmon does."""

from __future__ import annotations

import posix

from ocikit.conmon.diag import Fatal, reason

_ESCAPES = {0x22: b'\\"', 0x5C: b"\\\\", 0x2F: b"\\/", 10: b"\\n", 13: b"\\r", 9: b"\\t", 8: b"\\b", 12: b"\\f"}
_ESCAPES |= {code: b"\\u%04x" % code for code in (*range(32), 127) if code not in _ESCAPES}


def escape(text: bytes) -> bytes:
    """A JSON string's inside. The slash is escaped; bytes from 0x80 on pass unchanged, valid UTF-8 or not."""
    return b"".join([_ESCAPES.get(byte) or bytes((byte,)) for byte in text])


def message(key: bytes, value: int, text: bytes = b"") -> bytes:
    """``{"data": 29139}`` or ``{"data": -1, "message": "..."}``, newline at the end."""
    if text:
        return b'{"%s": %d, "message": "%s"}\n' % (key, value, escape(text))
    return b'{"%s": %d}\n' % (key, value)


class Pipe:
    """One inherited descriptor, or none: then sending does nothing."""

    __slots__ = ("fd",)

    def __init__(self, variable: bytes) -> None:
        self.fd = inherited(variable)

    def send(self, key: bytes, value: int, text: bytes = b"") -> None:
        if self.fd < 0:
            return
        try:
            posix.write(self.fd, message(key, value, text))
        except (BrokenPipeError, ConnectionResetError):
            self.close()  # the engine is gone; the container lives on
        except OSError as error:
            raise Fatal(f"Unable to send container data to parent {reason(error)}") from None

    def close(self) -> None:
        if self.fd >= 0:
            posix.close(self.fd)
            self.fd = -1


def inherited(variable: bytes) -> int:
    """The descriptor number in an environment variable, made close-on-exec; -1 where the variable is not set."""
    text = posix.environ.get(variable)
    if text is None:
        return -1
    try:
        fd = int(text)
        posix.set_inheritable(fd, False)
    except (ValueError, OverflowError):
        raise Fatal(f"unable to parse {variable.decode()} {text.decode(errors='replace')}") from None
    except OSError as error:
        raise Fatal(f"unable to make {variable.decode()} CLOEXEC {reason(error)}") from None
    return fd


def wait_for_byte(fd: int) -> None:
    """Block until the engine lets us go on; end of file counts, an error does not."""
    try:
        posix.read(fd, 8192)
    except OSError as error:
        raise Fatal(f"start-pipe read failed {reason(error)}") from None
