"""An ordinary user of the test's own: account, subordinate ids, home and runtime directory; all gone afterwards."""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support import leaks, machine

Result = subprocess.CompletedProcess[str]
REPOSITORY = Path(__file__).resolve().parents[2]


@functools.cache
def copied(folder: Path) -> Path:
    """A copy that everybody can read, for the rest of the test run."""
    target = Path(tempfile.mkdtemp(prefix="oci-copy-", dir="/tmp"))
    target.chmod(0o755)
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    subprocess.run(["cp", "-a", folder, target / "copy"], check=True)
    subprocess.run(["chmod", "-R", "a+rX", target / "copy"], check=True)
    return target / "copy"


class User:
    """``run`` executes as the user in a clean environment; ``python`` runs a program with our packages importable."""

    def __init__(self, *, subids: Sequence[tuple[int, int]] = ((300000, 65536),)) -> None:
        machine.skip(machine.why_not_root() or machine.why_not_tool("useradd", "setpriv"))
        self.tun: Path | None = None
        self.name = f"ocitest{os.urandom(3).hex()}"
        self.folder = Path(tempfile.mkdtemp(prefix="oci-user-", dir="/tmp"))
        self.home = self.folder / "home"
        self.runtime = self.folder / "run"
        command = ["useradd", "--no-create-home", f"--home-dir={self.home}", "--shell=/bin/sh", "-K", "SUB_UID_COUNT=0"]
        subprocess.run([*command, "-K", "SUB_GID_COUNT=0", self.name], check=True, capture_output=True)
        entry = pwd.getpwnam(self.name)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        self._sub("--del", [(0, 2**32 - 1)], check=False)
        self._sub("--add", subids)
        self.folder.chmod(0o755)
        for path in (self.home, self.runtime):
            path.mkdir(mode=0o700)
            os.chown(path, self.uid, self.gid)
        self.env = {
            "HOME": str(self.home),
            "USER": self.name,
            "XDG_RUNTIME_DIR": str(self.runtime),
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
        }

    def open_tun(self) -> None:
        """Lets the user's programs open /dev/net/tun, as they may on an ordinary machine; skips where there is none."""
        try:
            device = os.stat("/dev/net/tun")
            os.close(os.open("/dev/net/tun", os.O_RDWR))
        except OSError as error:
            machine.skip(f"no /dev/net/tun here: {error.strerror}")
            return
        if device.st_mode & 0o006 != 0o006:
            self.tun = self.folder / "tun"
            os.mknod(self.tun, 0o600 | stat.S_IFCHR, device.st_rdev)
            self.tun.chmod(0o666)

    def tool(self, name: str, *words: str | Path, check: bool = True, env: dict[str, str] | None = None) -> Result:
        """podman, buildah or skopeo, as the user."""
        code = f"import sys; from ocikit.{name}.main import PROGRAM; sys.exit(PROGRAM.main(sys.argv[1:]))"
        return self.python(code, *words, check=check, env=env)

    def _sub(self, what: str, ids: Sequence[tuple[int, int]], check: bool = True) -> None:
        for start, count in ids:
            for kind in ("uids", "gids"):
                words = ["usermod", f"{what}-sub{kind}", f"{start}-{start + count - 1}", self.name]
                subprocess.run(words, check=check, capture_output=True)

    def run(self, words: Sequence[str | Path], *, check: bool = True, env: dict[str, str] | None = None) -> Result:
        """A command as the user."""
        drop = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", "--"]
        if self.tun:
            # udev lets everybody open this device; where no udev ran, the user sees one that does.
            mount = 'mount --bind "$0" /dev/net/tun && exec "$@"'
            drop = ["unshare", "--mount", "--propagation=slave", "sh", "-c", mount, str(self.tun), *drop]
        done: Result = subprocess.run(
            [*drop, *map(str, words)], env=self.env | (env or {}), cwd="/", capture_output=True, text=True,
            stdin=subprocess.DEVNULL, check=False, timeout=120,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{words}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def python(self, code: str, *words: str | Path, check: bool = True, env: dict[str, str] | None = None) -> Result:
        """A Python program as the user. The interpreter may be in a folder that only root can enter: then the system's."""
        import site

        # Not the virtual environment's name for it: what is started by that name later must be reachable as well.
        python = os.path.realpath(sys.executable)
        if self.run(["test", "-x", python], check=False).returncode:
            python = f"/usr/bin/python3.{sys.version_info.minor}"
            machine.skip("" if os.path.exists(python) else "no Python that an ordinary user can start")
        ours = [*(REPOSITORY / "libs").iterdir(), REPOSITORY / "conmon", *(REPOSITORY / "cmd").iterdir()]
        folders = [folder for folder in (*map(Path, site.getsitepackages()), *ours) if folder.is_dir()]
        path = ":".join(str(self._reachable(folder)) for folder in folders)
        return self.run([python, "-c", code, *words], check=check, env={"PYTHONPATH": path} | (env or {}))

    def _reachable(self, folder: Path) -> Path:
        """The folder itself, or a copy of it where the user may look: a checkout can lie in root's home."""
        if not self.run(["test", "-r", folder], check=False).returncode:
            return folder
        return copied(folder)

    def close(self) -> list[str]:
        """Removes the account, its processes and files; what processes and mounts were left, one line each."""
        left = [f"process {words}" for words in leaks.processes_with(str(self.folder)).values()]
        subprocess.run(["userdel", "--force", self.name], check=False, capture_output=True)
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == self.uid:
                    os.kill(int(entry), 9)
            except OSError:
                continue
        for target in leaks.mounts_below(str(self.folder)):
            left.append(f"mount {target}")
            subprocess.run(["umount", "-l", target], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        return left
