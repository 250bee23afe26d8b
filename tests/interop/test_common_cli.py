"""The same command lines to the installed Go tools and to ours: exit code and message are the same.

Only lines that fail before anything is done, so that versions and stores play no part.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

LINES = {
    "podman": """
        nonsense|imags|--foo|--root|images --foo|images -x|images -ax|images ---a|images --=x|images --all=maybe|images -a=2
        images --filter|images --sort|images a b|tag|tag a|tag --foo a b|rmi -x|history|history a b|image|image nonsense|pull
        image exists|image exists a b|untag|push|push a b c|ps -n|ps -n x|ps --last=5x|ps foo|ps -l=x
        run|run -m|run --cpus x|run --stop-timeout=-1 x|run --memory-swappiness=1.5 x|exec|start --sig-proxy=x|rename a
        cp a|network rm|network nonsense|volume rm|login a b|search|pod nonsense|--log-level=loud images
    """,
    "buildah": """
        nonsense|imags|--foo|images --foo|images -x|images --all=maybe|images --filter|tag|rename a|rmi -x|version x|push
        bud --layers=x|from --foo|commit|run --foo|manifest create|config --foo
    """,
    "skopeo": """
        |nonsense|cop|--foo|copy --foo|copy -x|copy --all=maybe|inspect --retry-times=x|inspect|copy --dest-compress-level=x a b
        --command-timeout=abc inspect|manifest-digest|delete|sync --foo
    """,
}
UNKNOWN = ("nonsense", "imags", "cop", "loud")
CASES = [
    (tool, line.strip())
    for tool, text in LINES.items()
    for row in text.strip("\n").splitlines()
    for line in row.split("|")
]


def outcome(command: list[str], home: pathlib.Path) -> tuple[int, str]:
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home), "TZ": "UTC"}
    if "CONTAINERS_CONF" in os.environ:
        environment["CONTAINERS_CONF"] = os.environ["CONTAINERS_CONF"]
    result = subprocess.run(
        command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, check=False
    )
    lines = [line for line in result.stderr.splitlines() if "level=warning" not in line]
    # The clock differs.
    text = "\n".join(line.partition(" level=")[2] if line.startswith("time=") else line for line in lines)
    return result.returncode, text


@pytest.mark.parametrize(("tool", "line"), CASES)
def test_same_words_same_answer(tool: str, line: str, tmp_path: pathlib.Path) -> None:
    theirs = shutil.which(tool, path="/usr/bin:/usr/sbin")
    if theirs is None:
        pytest.skip(f"the distribution's {tool} is not installed")
    program = importlib.import_module(f"ocikit.{tool}.main").PROGRAM
    words = line.split()
    path = ""
    for word in words:
        if path in program.index or word.startswith("-") or word in UNKNOWN:
            break
        path = f"{path} {word}".lstrip()
        path = program.aliases.get(path, path)
        if path not in program.index and not any(known.startswith(f"{path} ") for known in program.index):
            pytest.skip(f"{tool} {path} is not there yet")
    wanted = outcome([theirs, *words], tmp_path)
    got = outcome([sys.executable, "-m", f"ocikit.{tool}", *words], tmp_path)
    assert got[0] == wanted[0]
    if "Did you mean this?" in wanted[1]:
        # Which commands are similar depends on which there are.
        assert got[1].partition("\n")[0] == wanted[1].partition("\n")[0]
    else:
        assert got[1] == wanted[1]
