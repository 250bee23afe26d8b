"""The jobs. Each is one command; what must be there before it is made outside the measured time."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable

from bench.toolset import ToolSet

Action = Callable[[ToolSet], object]
Command = Callable[[ToolSet], list[str]]
COUNT = itertools.count()


def nothing(tools: ToolSet) -> None:
    """The default of every step that a job does not need."""


class Job:
    """One measured command. ``goal`` is the ratio that the project wants, ``rounds`` a limit for slow ones."""

    def __init__(
        self,
        name: str,
        what: str,
        command: Command,
        *,
        goal: float | None = None,
        prepare: Action = nothing,
        before: Action = nothing,
        after: Action = nothing,
        finish: Action = nothing,
        big: bool = False,
        rounds: int = 0,
    ) -> None:
        self.name, self.what, self.command, self.goal, self.big, self.rounds = name, what, command, goal, big, rounds
        self.prepare, self.before, self.after, self.finish = prepare, before, after, finish


def podman(*words: str) -> Command:
    return lambda tools: tools.podman(*words)


def do(*words: str) -> Action:
    return lambda tools: tools.call(tools.podman(*words))


def clean(tools: ToolSet) -> None:
    tools.call(tools.podman("rm", "--all", "--force", "--time=0"))


def hundred_containers(tools: ToolSet) -> None:
    for number in range(100):
        tools.call(tools.podman("create", "--network=none", f"--name=c{number}", "localhost/bb", "true"))


def registry_name(tools: ToolSet, name: str) -> str:
    return f"docker://{tools.bench.registry.host}/bench/{name}"


def forget(name: str) -> Action:
    """Removes an output folder or file of the last round."""

    def act(tools: ToolSet) -> None:
        path = tools.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    return act


def copy(source: Callable[[ToolSet], str], target: Callable[[ToolSet], str], *flags: str) -> Command:
    return lambda tools: tools.skopeo("copy", "-q", *flags, source(tools), target(tools))


def big_in_registry(tools: ToolSet) -> str:
    return registry_name(tools, "big") if tools.bench.big else ""


def big_layout(tools: ToolSet) -> str:
    return f"oci:{tools.bench.big}:latest"


def pull(tools: ToolSet, name: str) -> list[str]:
    return tools.podman("pull", "-q", "--tls-verify=false", f"{tools.bench.registry.host}/bench/{name}:latest")


def push_big(tools: ToolSet) -> list[str]:
    target = registry_name(tools, f"pushed-{tools.name}-{next(COUNT)}")
    return tools.skopeo("copy", "-q", "--dest-tls-verify=false", big_layout(tools), target)


def remove_pulled(name: str) -> Action:
    return lambda tools: tools.call(
        tools.podman("rmi", "-f", f"{tools.bench.registry.host}/bench/{name}:latest"), check=False
    )


def context(steps: list[str]) -> Action:
    def make(tools: ToolSet) -> None:
        folder = tools.folder / "context"
        folder.mkdir(exist_ok=True)
        (folder / "file").write_text("content\n")
        (folder / "Containerfile").write_text("\n".join(["FROM localhost/bb", *steps]) + "\n")

    return make


def build(*flags: str) -> Command:
    return lambda tools: tools.podman("build", "-q", *flags, "-t", "localhost/built", str(tools.folder / "context"))


def remote(tools: ToolSet, command: str, name: str) -> list[str]:
    return tools.skopeo(command, "--tls-verify=false", registry_name(tools, name))


TWELVE = [f"ENV STEP{n}={n}" for n in range(4)]
TWELVE += [f"COPY file /file{n}" for n in range(4)]
TWELVE += [f"RUN echo {n} > /run{n}" for n in range(4)]
PLAIN = "--src-tls-verify=false"
SLEEPER = ("run", "-d", "--network=none", "--name=sleeper", "localhost/bb", "sleep", "1000")
TRUE = ("run", "--rm", "--network=none", "localhost/bb", "true")

COMMANDS = [
    Job("version", "podman --version", lambda t: [t.podman()[0], "--version"], goal=1.0),
    Job("ps", "podman ps, no container", podman("ps"), goal=1.0),
    Job("images", "podman images", podman("images"), goal=1.0),
    Job("inspect", "podman inspect of an image", podman("inspect", "localhost/bb"), goal=1.0),
    Job("run", "podman run --rm --network none IMAGE true", podman(*TRUE), goal=0.6),
    Job("run-bridge", "podman run --rm IMAGE true", podman("run", "--rm", "localhost/bb", "true"), goal=0.5),
    Job("run-d", "podman run -d --network none", podman(*SLEEPER), goal=0.7, after=clean),
    Job(
        "exec",
        "podman exec CONTAINER true",
        podman("exec", "sleeper", "true"),
        goal=0.7,
        prepare=do(*SLEEPER),
        finish=clean,
    ),
    Job("rm-f", "podman rm -f, running", podman("rm", "-f", "--time=0", "sleeper"), goal=0.9, before=do(*SLEEPER)),
    Job("ps-a-100", "podman ps -a with 100", podman("ps", "-a"), goal=1.0, prepare=hundred_containers, finish=clean),
]
IMAGES = [
    Job("pull", "podman pull of 2 MB", lambda t: pull(t, "busybox"), before=remove_pulled("busybox")),
    Job("skopeo-inspect", "skopeo inspect", lambda t: remote(t, "inspect", "busybox:latest"), goal=2.0),
    Job("list-tags", "skopeo list-tags", lambda t: remote(t, "list-tags", "busybox"), goal=2.0),
]
BUILDS = [
    Job("build-12", "podman build, 12 steps", build("--no-cache"), goal=0.7, prepare=context(TWELVE), rounds=5),
    Job("build-cached", "the same, all cached", build(), goal=0.8, prepare=context(TWELVE)),
    Job(
        "from",
        "buildah from",
        lambda t: t.buildah("from", "--name=bench", "localhost/bb"),
        goal=1.0,
        after=lambda t: t.call(t.buildah("rm", "bench")),
    ),
]


def big_copy(name: str, what: str, command: Command) -> Job:
    return Job(name, what, command, goal=0.9, before=forget("out"), big=True, rounds=5)


BIG = [
    big_copy(
        "copy-to-dir",
        "skopeo copy docker: to dir:, 200 MB",
        copy(big_in_registry, lambda t: f"dir:{t.folder}/out", PLAIN),
    ),
    big_copy(
        "copy-to-oci",
        "skopeo copy docker: to oci:, 200 MB",
        copy(big_in_registry, lambda t: f"oci:{t.folder}/out:x", PLAIN),
    ),
    big_copy(
        "oci-to-archive",
        "skopeo copy oci: to docker-archive:",
        copy(big_layout, lambda t: f"docker-archive:{t.folder}/out:x"),
    ),
    big_copy("push", "skopeo copy oci: to docker:, 200 MB", push_big),
    Job(
        "pull-big",
        "podman pull of 200 MB",
        lambda t: pull(t, "big"),
        goal=0.8,
        prepare=big_in_registry,
        before=remove_pulled("big"),
        big=True,
        rounds=5,
    ),
]
JOBS = [*COMMANDS, *IMAGES, *BUILDS, *BIG]
