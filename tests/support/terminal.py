"""A command under a real terminal, through script(1)."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping


def under_terminal(line: str, env: Mapping[str, str], typed: str = "", timeout_s: float = 60) -> tuple[int, str]:
    """Exit code and what the terminal showed, without carriage returns.

    Standard input stays open until the end: script(1) leaves, output or not, soon after its own input has ended.
    """
    with subprocess.Popen(
        ["script", "-qec", line, "/dev/null"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(env),
    ) as script:  # fmt: skip
        guard = threading.Timer(timeout_s, script.kill)
        guard.start()
        try:
            assert script.stdin is not None and script.stdout is not None
            script.stdin.write(typed)
            script.stdin.flush()
            shown = script.stdout.read()
            return script.wait(), shown.replace("\r", "")
        finally:
            guard.cancel()
