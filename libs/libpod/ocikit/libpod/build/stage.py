"""Walks one stage: each instruction changes the configuration or the files, and leaves a history entry.

With layers every instruction becomes an image (and may come out of the cache); without, one container takes all changes
and the last instruction's history entry owns the one layer.
"""

from __future__ import annotations

import posixpath

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.libpod.build import history
from ocikit.libpod.build.cache import Candidate
from ocikit.libpod.build.config import apply, apply_arg
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.imageconfig import BuildConfig
from ocikit.libpod.build.lexer import Instruction, parse_instruction
from ocikit.libpod.build.options import BUILDAH_VERSION, IDENTITY_LABEL
from ocikit.libpod.build.output import step_text
from ocikit.libpod.build.snapshot import Snapshot, history_entry
from ocikit.libpod.build.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.build.executor import Build
    from ocikit.libpod.build.stages import Stage

LAYER_STEPS = frozenset({"RUN", "COPY", "ADD"})


class Outcome:
    """What a finished stage is: later stages start from it, or copy out of it."""

    __slots__ = ("args", "base", "config", "image_id", "manifest_digest", "snapshot")

    def __init__(
        self, image_id: str, snapshot: Snapshot, config: BuildConfig, manifest_digest: str, base: tuple[str, str]
    ) -> None:
        self.image_id, self.snapshot, self.config, self.manifest_digest = image_id, snapshot, config, manifest_digest
        # The image that the first of a chain of stages starts from: its name and digest stand in the annotations.
        self.base = base
        self.args = dict(config.args)


class StageBuilder:
    """Builds one stage; ``run`` does all of it."""

    def __init__(self, build: Build, stage: Stage, position: int, total: int, *, last: bool) -> None:
        self.build, self.stage, self.last = build, stage, last
        self.options = build.options
        self.prefix = f"[{position}/{total}] " if total > 1 else ""
        self.config = BuildConfig.scratch()
        self.snapshot = Snapshot()
        self.base_image = ""
        self.base_name = ""
        self.base_digest = ""
        self.first_comment = ""
        self.image_id = ""
        self.manifest_digest = ""
        self.given_args: dict[str, str] = {}
        # One miss ends the search for this stage.
        self.searching = self.options.layers and self.options.cache
        self.steps: list[Instruction] = []
        self.number = 1
        self.workspace: Workspace | None = None

    # -- the walk ---------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        text = self._start()
        self.steps = self._all_steps()
        self.build.output.step(self.prefix, 1, len(self.steps) + 1, text)
        self._take_base_config()
        try:
            for index, step in enumerate(self.steps):
                self.number = index + 2
                self._one(step, final=index == len(self.steps) - 1)
            if not self.steps:
                self._nothing_but_from()
            base = self.base_name, self.base_digest
            return Outcome(self.image_id, self.snapshot, self.config, self.manifest_digest, base)
        finally:
            if self.workspace is not None:
                self.workspace.__exit__()

    def _all_steps(self) -> list[Instruction]:
        """The base's ONBUILD triggers, ``--env`` and ``--label`` as steps of their own, then the stage's instructions."""
        triggers = [
            parse_instruction(text, path=self.stage.from_.path, line=self.stage.from_.line)
            for text in self.config.onbuild
        ]
        first = [parse_instruction(f"ENV {_quoted(pair)}") for pair in self.options.env]
        last = [parse_instruction(f"LABEL {_quoted(pair)}") for pair in self.options.labels] if self.last else []
        self.config.onbuild = []
        return [*first, *triggers, *self.stage.instructions, *last]

    def _start(self) -> str:
        """Finds the base; the text of the FROM line as it is shown."""
        stage, build = self.stage, self.build
        alias = f" AS {stage.name}" if stage.name else ""
        if stage.base_stage is not None:
            outcome = build.outcome(stage.base_stage)
            self._use_outcome(outcome)
            return f"FROM {outcome.image_id or stage.base}{alias}"
        if stage.base == "scratch":
            return f"FROM scratch{alias}"
        record = build.base_image(stage)
        document = build.image_config(record.id)
        self.config = BuildConfig.from_image(document)
        self.base_image, self.base_name = record.id, build.base_name(record, stage.base)
        self.base_digest = record.big_data_digests.get("manifest", record.digest)
        self.first_comment = f"FROM {self.base_name}"
        if self.options.inherit_annotations:
            manifest = jsonfast.loads(build.store.image_data(record.id, "manifest"))
            self.config.annotations = dict(manifest.get("annotations") or {})
        self.snapshot = build.snapshot_of(record, document)
        return f"FROM {stage.base}{alias}"

    def _use_outcome(self, outcome: Outcome) -> None:
        self.config = outcome.config.copy()
        self.config.args = dict(outcome.args)
        self.snapshot = outcome.snapshot
        self.base_image = self.image_id = outcome.image_id
        self.base_name, self.base_digest = outcome.base
        self.first_comment = f"FROM {outcome.image_id[:12]}"

    def _take_base_config(self) -> None:
        config, options = self.config, self.options
        if not options.inherit_labels:
            config.labels = {}
        for name in options.unset_env:
            config.env.pop(name, None)
        for name in options.unset_labels:
            config.labels.pop(name, None)
        for name in options.unset_annotations:
            config.annotations.pop(name, None)
        if options.identity_label and options.timestamp_s is None and options.source_date_epoch_s is None:
            config.labels[IDENTITY_LABEL] = BUILDAH_VERSION
        config.cmd_set_here = False

    def _one(self, step: Instruction, *, final: bool) -> None:
        self.build.output.step(self.prefix, self.number, len(self.steps) + 1, self._shown(step))
        try:
            if step.keyword == "ARG":
                defaults = self.build.plan.heading_args | self.build.platform_args
                missing = apply_arg(self.config, step, self.build.given_args, defaults)
                self.build.note_args(step, missing)
            elif step.keyword not in LAYER_STEPS:
                apply(self.config, step)
            self._step(step, final=final)
        except OcikitError as error:
            raise self._located(step, error) from None

    def _located(self, step: Instruction, error: OcikitError) -> OcikitError:
        """Says at which step it failed; the exit code and hint stay."""
        where = f" ({step.path}:{step.line})" if step.line else ""
        text = str(error)
        if text.startswith("building at STEP") or (step.path and text.startswith(f"{step.path}:{step.line}: ")):
            return error
        return BuildError(
            f'building at STEP "{step.original}"{where}: {error}', hint=error.hint, exit_code=error.exit_code
        )

    def _shown(self, step: Instruction) -> str:
        if step.keyword not in LAYER_STEPS or not step.heredocs:
            return step_text(step.keyword, step.original, None, False)
        lines = step.heredocs[0].content.splitlines() or [""]
        return step_text(step.keyword, step.original, lines[0], len(lines) > 1)

    # -- one step ---------------------------------------------------------------------------------------------------

    def _step(self, step: Instruction, *, final: bool) -> None:
        from ocikit.libpod.build.filesteps import CopyStep, RunStep

        action: RunStep | CopyStep | None = None
        if step.keyword == "RUN":
            action = RunStep(self, step)
        elif step.keyword in LAYER_STEPS:
            action = CopyStep(self, step)
        if not self.options.layers:
            self._without_layers(step, action, final=final)
            return
        key = action.key() if action else self._plain_key(step)
        key += self._suffix(action is not None and step.keyword != "RUN", final=final)
        if self.searching and not (final and self.last and self.options.squash):
            hit = self.build.cache.find(self.snapshot, key, layer=action is not None)
            if hit is not None:
                self._take(hit, final=final)
                return
            self.searching = False
            self.build.output.missed(self.prefix, self.build.cache.why)
        if action is None:
            snapshot = self.snapshot.with_entry(self._entry(key))
        else:
            with Workspace(self.build.store, self.snapshot, self.image_id or self.base_image) as workspace:
                action.perform(workspace)
                layer = workspace.commit(*self._times())
            snapshot = self.snapshot.with_layer(self._entry(key), layer.diff_id, layer.size, layer.id)
        self._commit(snapshot, final=final)

    def _plain_key(self, step: Instruction) -> str:
        return history.arg_text(self.config.args) if step.keyword == "ARG" else history.plain_text(step)

    def _suffix(self, copy: bool, *, final: bool) -> str:
        options = self.options
        parts = history.suffixes(
            unset_labels=options.unset_labels,
            inherit_labels=options.inherit_labels,
            unset_annotations=options.unset_annotations,
            inherit_annotations=options.inherit_annotations,
            force_mtime=options.timestamp_s,
            clamp_mtime=options.source_date_epoch_s if options.rewrite_timestamp else None,
            annotations=options.annotations if final and self.last else (),
        )
        return " ".join([*parts, ""]) if copy else "".join(parts)

    def _entry(self, key: str) -> dict[str, Any]:
        comment, self.first_comment = self.first_comment, ""
        return history_entry(self.build.now(), key, author=self.config.author, comment=comment)

    def _take(self, hit: Candidate, *, final: bool) -> None:
        """A cached image stands in for the step: its history entry is ours from now on."""
        self.build.output.cached(self.prefix, hit.image.id)
        self.first_comment = ""
        self.snapshot = self.build.snapshot_of(hit.image, hit.config)
        self.image_id = hit.image.id
        self.manifest_digest = hit.image.big_data_digests.get("manifest", "")
        if final and self.last:
            self.build.commit_existing(self, hit.image.id)
        else:
            self.build.output.image(self.prefix, hit.image.id)

    def _commit(self, snapshot: Snapshot, *, final: bool) -> None:
        self.snapshot = snapshot
        self.image_id, self.manifest_digest = self.build.commit(self, final=final and self.last)

    # -- without layers ---------------------------------------------------------------------------------------------

    def _without_layers(self, step: Instruction, action: Any, *, final: bool) -> None:
        if action is not None:
            key = action.key() + self._suffix(step.keyword != "RUN", final=final)
            action.perform(self._working())
        else:
            key = self._plain_key(step) + self._suffix(False, final=final)
            self._make_directories(step)
        entry = self._entry(key)
        if not final:
            self.snapshot = self.snapshot.with_entry(entry)
            return
        working = self._working()
        layer = working.commit(*self._times(), squash=self.options.squash_all)
        base = Snapshot() if self.options.squash_all else self.snapshot
        self._commit(base.with_layer(entry, layer.diff_id, layer.size, layer.id), final=True)

    def _make_directories(self, step: Instruction) -> None:
        """WORKDIR and VOLUME make theirs. (With layers such a step has none; there RUN makes what is missing.)"""
        if step.keyword not in ("WORKDIR", "VOLUME"):
            return
        from ocikit.libpod.build.rooted import make_directories
        from ocikit.libpod.build.users import lookup

        root = self._working().root
        if step.keyword == "VOLUME":
            for path in self.config.volumes:
                make_directories(root, path)
            return
        user = lookup(root, self.config.user)
        make_directories(root, self.config.workdir, owner=(user.uid, user.gid))

    def _times(self) -> tuple[int | None, bool]:
        """The time for files of new layers, and whether it is only an upper bound."""
        if self.options.timestamp_s is not None or not self.options.rewrite_timestamp:
            return self.options.timestamp_s, False
        return self.options.source_date_epoch_s, True

    def _working(self) -> Workspace:
        if self.workspace is None:
            self.workspace = Workspace(self.build.store, self.snapshot, self.image_id or self.base_image).__enter__()
        return self.workspace

    def _nothing_but_from(self) -> None:
        """Only FROM: a base image gets the tag as it is; from scratch an image without layers is made."""
        if self.base_image:
            self.image_id = self.base_image
            self.manifest_digest = self.base_digest
            if self.last:
                self.build.commit_existing(self, self.base_image)
            return
        snapshot = self.snapshot.with_entry(self._entry("/bin/sh"))
        self._commit(snapshot, final=True)

    # -- for the steps ----------------------------------------------------------------------------------------------

    def absolute(self, path: str) -> str:
        """A path inside the container, relative ones below the working directory."""
        return posixpath.normpath(posixpath.join("/", self.config.workdir, path))


def _quoted(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f'"{name}"="{value}"'
