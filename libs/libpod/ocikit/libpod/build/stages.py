"""From instructions to stages: names, bases, and which other stages each one needs. Pure.

Source: Dockerfile reference "FROM", "Use multi-stage builds"; containers-build "--target", "--skip-unused-stages".
"""

from __future__ import annotations

import re

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.expand import expand
from ocikit.libpod.build.lexer import Instruction
from ocikit.libpod.build.words import arg_pairs, split_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLATFORM_ARGS = tuple(side + what for side in ("BUILD", "TARGET") for what in ("PLATFORM", "OS", "ARCH", "VARIANT"))
_STAGE_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*\Z")


class Stage:
    """One FROM and what follows it. ``base`` is the expanded image name, ``needs`` the indexes of stages it reads from."""

    __slots__ = ("base", "base_stage", "from_", "index", "instructions", "name", "needs", "platform")

    def __init__(self, index: int, from_: Instruction, name: str, base: str, platform: str) -> None:
        self.index, self.from_, self.name, self.base, self.platform = index, from_, name, base, platform
        self.base_stage: int | None = None
        self.instructions: list[Instruction] = []
        self.needs: set[int] = set()


class Plan:
    """All stages in file order; ``heading_args`` are the values of the ARG lines before the first FROM."""

    __slots__ = ("heading_args", "stages", "target")

    def __init__(self, stages: list[Stage], heading_args: dict[str, str], target: int) -> None:
        self.stages, self.heading_args, self.target = stages, heading_args, target

    def needed(self) -> list[Stage]:
        """The target and whatever it needs, in file order."""
        wanted, todo = set(), [self.target]
        while todo:
            index = todo.pop()
            if index not in wanted:
                wanted.add(index)
                todo += self.stages[index].needs
        return [stage for stage in self.stages if stage.index in wanted]


def plan_stages(
    instructions: Sequence[Instruction],
    build_args: Mapping[str, str],
    platform_args: Mapping[str, str],
    *,
    target: str = "",
    from_override: str = "",
    contexts: frozenset[str] = frozenset(),
    escape: str = "\\",
) -> Plan:
    """Splits instructions into stages and finds what depends on what.

    Raises BuildError: no stage, an unknown target, something other than ARG before the first FROM, a FROM without image.
    """
    heading: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            visible = dict(platform_args) | heading
            override = from_override if not stages else ""
            stages.append(_stage(len(stages), instruction, visible, override, escape))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.keyword == "ARG":
            for name, default in arg_pairs(instruction, escape):
                if name in build_args:
                    heading[name] = build_args[name]
                elif default is not None:
                    heading[name] = expand(default, dict(platform_args) | heading, escape)
        else:
            raise instruction.error(f'stage 1 requires a FROM instruction before ("{instruction.original}")')
    if not stages:
        raise BuildError("building: no stages to build", hint="the Containerfile has no FROM instruction")
    for stage in stages:
        _link(stage, stages, contexts, heading)
    return Plan(stages, heading, find_stage(stages, target) if target else len(stages) - 1)


def _stage(index: int, instruction: Instruction, visible: Mapping[str, str], override: str, escape: str) -> Stage:
    platform = ""
    for flag in instruction.flags:
        name, _, value = flag.partition("=")
        if name != "--platform" or not value:
            raise instruction.error("FROM only supports the --platform flag")
        platform = expand(value, visible, escape)
    words = split_quoted(instruction.rest, escape)
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
        raise instruction.error("FROM requires either one argument, or three: FROM <source> [AS <name>]")
    name = words[2].lower() if len(words) == 3 else ""
    if name and not _STAGE_NAME.match(name):
        raise instruction.error(
            f'invalid name for build stage: "{words[2]}", name can\'t start with a number or contain symbols'
        )
    base = override or expand(words[0], visible, escape)
    if not base:
        raise instruction.error("determining starting point for build: no FROM statement found")
    return Stage(index, instruction, name, base, platform)


def find_stage(stages: Sequence[Stage], wanted: str) -> int:
    """The index of the stage with this name (the last one wins) or number; raises BuildError."""
    for stage in reversed(stages):
        if stage.name and stage.name == wanted.lower():
            return stage.index
    if wanted.isdigit() and int(wanted) < len(stages):
        return int(wanted)
    raise BuildError(f'the target "{wanted}" was not found in the provided Dockerfile')


def earlier_stage(stages: Sequence[Stage], before: int, wanted: str) -> int | None:
    """The index of an earlier stage with this name or number, or None (then it is an image)."""
    for stage in reversed(stages[:before]):
        if stage.name and stage.name == wanted.lower():
            return stage.index
    return int(wanted) if wanted.isdigit() and int(wanted) < before else None


def _link(stage: Stage, stages: Sequence[Stage], contexts: frozenset[str], heading: Mapping[str, str]) -> None:
    """Fills in what the stage needs: its base, COPY --from and RUN --mount=from=. Build contexts shadow stages."""
    if stage.base not in contexts:
        stage.base_stage = earlier_stage(stages, stage.index, stage.base)
    if stage.base_stage is not None:
        stage.needs.add(stage.base_stage)
    for instruction in stage.instructions:
        for source in sources_of(instruction):
            name = expand(source, heading)
            index = None if name in contexts else earlier_stage(stages, stage.index, name)
            if index is not None:
                stage.needs.add(index)


def sources_of(instruction: Instruction) -> list[str]:
    """The stages, images or build contexts that an instruction reads files from, as written."""
    found = []
    for flag in instruction.flags:
        name, _, value = flag.partition("=")
        if name == "--from" and instruction.keyword in ("COPY", "ADD"):
            found.append(value)
        elif name == "--mount" and instruction.keyword == "RUN":
            found += [part.partition("=")[2] for part in value.split(",") if part.startswith("from=")]
    return found
