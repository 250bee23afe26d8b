"""The DNS server as a program: ``python -E -s -S .../dns/__main__.py RUN_DIR PORT READY_FD [RESOLV_CONF]``.

Started by ``control.ensure``. It goes to the background by itself and writes to READY_FD ``ok``, or one sentence on why it
can't serve.
"""

from __future__ import annotations

import os
import sys


def main(run_dir: str, port: int, ready_fd: int, resolv_conf: str = "/etc/resolv.conf") -> int:
    """Runs the server; returns only when it leaves."""
    # the C part alone: the module around it imports enum, which is a quarter of this process's memory
    import _signal  # type: ignore[import-not-found]

    from ocikit.network.dns.server import LOCK_FILE, PID_FILE, Server

    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    _signal.set_wakeup_fd(writer)
    _signal.signal(_signal.SIGHUP, lambda *_: None)
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    folder = os.path.join(run_dir, "aardvark-dns")
    pid_path = os.path.join(folder, PID_FILE)
    server = Server(folder, port, resolv_conf=resolv_conf)
    server.refresh(force=True)
    if server.failure:
        os.write(ready_fd, server.failure.encode())
        return 1
    with open(pid_path, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    os.write(ready_fd, b"ok")
    os.close(ready_fd)

    def may_leave() -> bool:
        # under the lock that set-up takes to write names: either it sees no server any more, or we see its names
        import fcntl

        with open(os.path.join(run_dir, LOCK_FILE), "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server.refresh(force=True)
            if server.zones:
                return False
            try:
                os.unlink(pid_path)
            except FileNotFoundError:
                pass
            return True

    server.run(reader, may_leave)
    return 0


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    os._exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
