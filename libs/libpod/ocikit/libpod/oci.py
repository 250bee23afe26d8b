"""The OCI runtime (runc, crun): finding it, calling it, and turning its complaints into one sentence with an exit code.

    runtime = OciRuntime(find_runtime("runc"))          # or find_runtime(conf.engine.runtime, conf.engine.runtimes)
    runtime.start(cid); runtime.kill(cid, 15); runtime.state(cid)["status"]; runtime.delete(cid, force=True)

Every method raises ``RuntimeFailed`` (exit code 126), ``CommandNotFound`` (127) or ``CannotExecute`` (126), see
``failure``; ``RuntimeMissing`` (125) where no runtime is installed. ``create`` and ``exec`` of containers go through the monitor
(monitor.py, execsession.py); ``run_bundle`` is the direct way for build steps. Nothing here imports subprocess (12 ms).
"""

from __future__ import annotations

import os

from ocikit.common import jsonfast
from ocikit.common.errors import CannotExecute, CommandNotFound, OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# runc is the runtime that this family supervises and is tested with; it also takes every layout of control groups.
DEFAULT_NAMES = ("runc", "crun", "runj", "youki", "kata-runtime", "runsc")
DEFAULT_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/sbin", "/bin")
# Python ignores these two, and what is ignored stays ignored through execve
RESET_SIGNALS = (13, 25)  # SIGPIPE, SIGXFSZ


class RuntimeMissing(OcikitError):
    """No OCI runtime on this machine, or not the one that was asked for."""


class RuntimeFailed(OcikitError):
    """The runtime refused; ``text`` is what it said."""

    exit_code = 126

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text


def find_runtime(name: str = "", runtimes: Mapping[str, Sequence[str]] | None = None) -> str:
    """The path of the runtime binary. ``name`` is a path, a name, or empty for the first that is installed.

    ``runtimes`` is containers.conf's table of names and candidate paths; a name that it lacks is looked for on PATH.
    """
    if "/" in name:
        if os.access(name, os.X_OK):
            return name
        raise RuntimeMissing(f"the OCI runtime {name} does not exist or is not executable")
    for candidate in (name,) if name else DEFAULT_NAMES:
        found = _find_named(candidate, runtimes or {})
        if found:
            return found
    package = name if name in ("crun", "runc", "youki") else "runc"
    raise RuntimeMissing(
        f'default OCI runtime "{name}" not found: invalid argument' if name else "no OCI runtime is installed",
        hint=f"Install one with your package manager: apt-get install {package} or dnf install {package}.",
    )


def _find_named(name: str, runtimes: Mapping[str, Sequence[str]]) -> str:
    folders = os.environ.get("PATH", "").split(":")
    for path in (*runtimes.get(name, ()), *(f"{folder}/{name}" for folder in (*folders, *DEFAULT_FOLDERS) if folder)):
        if os.access(path, os.X_OK):
            return path
    return ""


class Finished:
    """The end of a called program: ``code`` as a shell would say it, and what it wrote."""

    __slots__ = ("code", "stderr", "stdout")

    def __init__(self, code: int, stdout: bytes, stderr: bytes) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr


def call(
    words: Sequence[str], *, env: Mapping[str, str] | None = None, capture_stdout: bool = True, quiet_stdin: bool = True
) -> Finished:
    """Run a program to its end. Its output goes to memory files: no pipe can fill up, so nothing has to be polled."""
    err = os.memfd_create("stderr", os.MFD_CLOEXEC)
    out = os.memfd_create("stdout", os.MFD_CLOEXEC) if capture_stdout else -1
    actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_DUP2, err, 2)]
    if quiet_stdin:
        actions.append((os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0))
    if out >= 0:
        actions.append((os.POSIX_SPAWN_DUP2, out, 1))
    try:
        pid = os.posix_spawn(
            words[0], list(words), os.environ if env is None else env, file_actions=actions, setsigdef=RESET_SIGNALS
        )
        code = wait(pid)
        return Finished(code, _content(out) if out >= 0 else b"", _content(err))
    finally:
        os.close(err)
        if out >= 0:
            os.close(out)


def wait(pid: int) -> int:
    """Wait for a child: its exit code, or 128 + signal."""
    _, status = os.waitpid(pid, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


class OciRuntime:
    """One runtime binary with its global arguments (``--root``, ``--systemd-cgroup`` ...), for one container root."""

    __slots__ = ("global_args", "name", "path")

    def __init__(self, path: str, global_args: Sequence[str] = ()) -> None:
        self.path = path
        self.name = path.rpartition("/")[2]
        self.global_args = list(global_args)

    def run(self, *words: str, env: Mapping[str, str] | None = None, inherit_stdio: bool = False) -> Finished:
        """Call ``RUNTIME <global args> words``; the caller judges the code."""
        return call(
            [self.path, *self.global_args, *words],
            env=env,
            capture_stdout=not inherit_stdio,
            quiet_stdin=not inherit_stdio,
        )

    def _check(self, *words: str, inherit_stdio: bool = False) -> bytes:
        done = self.run(*words, inherit_stdio=inherit_stdio)
        if done.code:
            raise failure(self.name, plain_text(done.stderr), words[0])
        return done.stdout

    def start(self, cid: str) -> None:
        """Let the created container's process go; stdio is ours, as podman does it."""
        self._check("start", cid, inherit_stdio=True)

    def kill(self, cid: str, signal: int | str = 15, everyone: bool = False) -> None:
        """Signal the container's first process, or with ``everyone`` all of its cgroup (no pid namespace of its own)."""
        words = ["kill", *(["--all"] if everyone else []), cid, str(signal)]
        try:
            self._check(*words)
        except RuntimeFailed as error:
            if "process already finished" in error.text or "container not running" in error.text:
                raise ProcessGone(str(error), error.text) from None
            raise

    def delete(self, cid: str, force: bool = False) -> None:
        """Remove the container from the runtime; one that is not there is fine."""
        try:
            self._check("delete", *(["--force"] if force else []), cid)
        except OcikitError as error:
            if "does not exist" not in str(error):
                raise

    def state(self, cid: str) -> dict[str, Any] | None:
        """The runtime's state record (``status``: creating, created, running, paused, stopped; ``pid``), None if unknown."""
        done = self.run("state", cid)
        if done.code:
            text = plain_text(done.stderr)
            if "does not exist" in text or "no such file" in text:
                return None
            raise failure(self.name, text, "state")
        record: dict[str, Any] = jsonfast.loads(done.stdout)
        return record

    def pause(self, cid: str) -> None:
        self._check("pause", cid)

    def resume(self, cid: str) -> None:
        self._check("resume", cid)

    def update(self, cid: str, resources: Mapping[str, object]) -> None:
        """Change limits; ``resources`` as in the specification's linux.resources."""
        fd = os.memfd_create("resources", 0)  # inherited: the runtime opens it by name
        try:
            os.write(fd, jsonfast.dumps(dict(resources)).encode())
            self._check("update", "--resources", f"/proc/{os.getpid()}/fd/{fd}", cid)
        finally:
            os.close(fd)

    def processes(self, cid: str) -> list[int]:
        """Host pids of every process of the container."""
        listed: list[int] | None = jsonfast.loads(self._check("ps", "--format", "json", cid) or b"[]")
        return listed or []

    def checkpoint(self, cid: str, image_path: str, work_path: str, options: Sequence[str] = ()) -> None:
        self._check("checkpoint", "--image-path", image_path, "--work-path", work_path, *options, cid)

    def version(self) -> str:
        """``runc --version``, whole."""
        return self._check("--version").decode(errors="replace").rstrip("\n")

    def run_bundle(
        self, cid: str, bundle: str, *, env: Mapping[str, str] | None = None, options: Sequence[str] = ()
    ) -> int:
        """``RUNTIME run`` in the foreground on our own stdio: the container's exit code. Build steps use it.

        The runtime's own complaint is told apart from the container's stderr by its log file in the bundle.
        """
        log = f"{bundle}/oci-log"
        words = [self.path, *self.global_args, "--log", log, "--log-format", "json", "run", "--bundle", bundle]
        pid = os.posix_spawn(
            self.path, [*words, *options, cid], os.environ if env is None else env, setsigdef=RESET_SIGNALS
        )
        code = wait(pid)
        if code:
            text = log_text(log)
            if text:
                raise failure(self.name, text, "run")
        return code


class ProcessGone(RuntimeFailed):
    """The container's process had ended already."""


def log_text(path: str) -> str:
    """The last error in a runtime's JSON log (``--log FILE --log-format json``), "" where there is none."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return ""
    for line in reversed(content.splitlines()):
        try:
            record = jsonfast.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("level") in ("error", "fatal", None) and record.get("msg"):
            return str(record["msg"])
    return ""


def plain_text(stderr: bytes) -> str:
    """A runtime's complaint without the decoration of its log library; the last error line is the one that tells."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    for line in reversed(lines):
        for mark in ('level=error msg="', 'level=fatal msg="'):
            _, found, rest = line.partition(mark)
            if found:
                return rest.rstrip('"').replace('\\"', '"').replace("\\\\", "\\")
    return lines[-1].strip() if lines else ""


def failure(name: str, text: str, doing: str = "") -> OcikitError:
    """The error for a runtime's text, with podman's words and exit code (libpod.md, section 12). Pure.

    >>> failure("runc", 'exec: "nocmd": executable file not found in $PATH').exit_code
    127
    """
    line = text.strip()
    low = line.lower()
    if "permission denied" in low or "operation not permitted" in low:
        return CannotExecute(f"{name}: {line}: OCI permission denied")
    if "executable file not found in" in low or "no such file or directory" in low or "open executable" in low:
        return CommandNotFound(f"{name}: {line}: OCI runtime attempted to invoke a command that was not found")
    if not line:
        line = f"{doing or 'the call'} failed without a message"
    return RuntimeFailed(f"OCI runtime error: {name}: {line}", line)
