"""A whole build: finds the input, plans the stages, walks them, commits and tags the result.

from ocikit.libpod.build.executor import build_image
image_id = build_image(store, BuildOptions(context="app", tags=("localhost/app",)))
"""

from __future__ import annotations

from ocikit.common import jsonfast
from ocikit.libpod.build import snapshot as documents_module
from ocikit.libpod.build.cache import Cache
from ocikit.libpod.build.clock import clock
from ocikit.libpod.build.contexts import Context, open_context
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.ignore import Ignore, find_ignore, parse_ignore
from ocikit.libpod.build.lexer import Instruction, parse
from ocikit.libpod.build.output import Output
from ocikit.libpod.build.platforms import host_platform, parse_platform, platform_args
from ocikit.libpod.build.signals import OrderlyEnd
from ocikit.libpod.build.snapshot import Snapshot, documents
from ocikit.libpod.build.stage import Outcome, StageBuilder
from ocikit.libpod.build.stages import Stage, earlier_stage, plan_stages
from ocikit.libpod.build.surroundings import Surroundings
from ocikit.libpod.build.words import arg_pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.build.imageconfig import BuildConfig
    from ocikit.libpod.build.options import BuildOptions
    from ocikit.storage import ImageRecord, Store


def build_image(
    store: Store, options: BuildOptions, output: Output | None = None, around: Surroundings | None = None
) -> str:
    """Builds and returns the image's id. Raises BuildError; nothing but finished cache images stays behind then."""
    output = output or Output(quiet=options.quiet)
    context = open_context(options.context, options.containerfiles, options.cpp_flags)
    try:
        build = Build(store, options, output, context, around or Surroundings(store.graphroot))
        with OrderlyEnd():
            return build.run()
    finally:
        context.close()


class Build:
    """One build for one platform; stages ask it for bases, other stages' files and commits."""

    def __init__(
        self, store: Store, options: BuildOptions, output: Output, context: Context, around: Surroundings
    ) -> None:
        self.store, self.options, self.output, self.context = store, options, output, context
        self.around = around
        self.host = host_platform()
        self.platform = parse_platform(options.platform) if options.platform else self.host
        self.platform_args = platform_args(self.host, self.platform)
        if options.os_version or options.os_features:
            self.platform = self.platform.described(options.os_version, options.os_features)
        self.given_args = dict(options.build_args)
        if options.source_date_epoch_s is not None:
            self.platform_args["SOURCE_DATE_EPOCH"] = str(options.source_date_epoch_s)
        instructions = [step for path, text in context.files for step in parse(text, path)]
        self.plan = plan_stages(
            instructions,
            self.given_args,
            self.platform_args,
            target=options.target,
            from_override=options.base_override,
            contexts=frozenset(options.build_contexts),
        )
        self._note_heading(instructions)
        docker = options.image_format == "docker"
        media_type = documents_module.DOCKER_MANIFEST if docker else documents_module.OCI_MANIFEST
        if options.jobs != 1:
            output.warning("stages are built one after another, whatever --jobs says")
        self.cache = Cache(store, self.platform, media_type, options.cache_ttl_s)
        fixed = options.timestamp_s if options.timestamp_s is not None else options.source_date_epoch_s
        self.now = clock(fixed)
        self._outcomes: dict[int, Outcome] = {}
        self._mounted: dict[str, str] = {}
        self._ignore: Ignore | None = None

    def _note_heading(self, instructions: list[Instruction]) -> None:
        self._used_args: set[str] = set()
        for step in instructions:
            if step.keyword == "FROM":
                break
            if step.keyword == "ARG":
                self._used_args |= {name for name, _ in arg_pairs(step)}

    def run(self) -> str:
        stages = self.plan.needed() if self.options.skip_unused_stages else self.plan.stages[: self.plan.target + 1]
        total = len(self.plan.stages[: self.plan.target + 1])
        try:
            for stage in stages:
                last = stage.index == self.plan.target
                builder = StageBuilder(self, stage, stage.index + 1, total, last=last)
                self._outcomes[stage.index] = builder.run()
        finally:
            for image in self._mounted:
                self.store.unmount_image(image)
        image_id = self._outcomes[self.plan.target].image_id
        unused = sorted(set(self.given_args) - self._used_args)
        if unused:
            self.output.unused_args(unused)
        self._announce(image_id)
        return image_id

    def _announce(self, image_id: str) -> None:
        if self.options.outputs:
            from ocikit.libpod.build.exporting import export

            for text in self.options.outputs:
                export(self.store, image_id, text)
        if self.options.tags:
            for name in self.store.image(image_id).names:
                self.output.tagged(name)
        self.output.finished(image_id)

    # -- for stages -------------------------------------------------------------------------------------------------

    def note_args(self, step: Instruction, missing: list[str]) -> None:
        self._used_args |= {name for name, _ in arg_pairs(step)}
        for name in missing:
            self.output.warning(
                f'missing "{name}" build argument. Try adding "--build-arg {name}=<VALUE>" to the command line'
            )

    def outcome(self, index: int) -> Outcome:
        return self._outcomes[index]

    def base_image(self, stage: Stage) -> ImageRecord:
        """The stage's base image, pulled when the policy says so."""
        from ocikit.libpod.build.bases import base_image

        return base_image(self.store, self.options, stage.base, stage.platform or self.options.platform)

    def base_name(self, record: ImageRecord, typed: str) -> str:
        return typed if not record.names or typed in record.names else record.names[0]

    def image_config(self, image_id: str) -> dict[str, Any]:
        document: dict[str, Any] = jsonfast.loads(self.store.image_data(image_id, f"sha256:{image_id}"))
        return document

    def snapshot_of(self, record: ImageRecord, document: dict[str, Any]) -> Snapshot:
        """An image of the store as the beginning of a new one. Sizes are those of the layers in the store."""
        sizes, layer = [], record.layer or ""
        while layer:
            found = self.store.layer(layer)
            sizes.append(found.diff_size)
            layer = found.parent or ""
        diff_ids = tuple((document.get("rootfs") or {}).get("diff_ids") or ())
        if len(diff_ids) != len(sizes):
            raise BuildError(f"image {record.id[:12]} names {len(diff_ids)} layers, the store has {len(sizes)}")
        return Snapshot(diff_ids, tuple(reversed(sizes)), tuple(document.get("history") or ()), record.layer or "")

    def source_root(self, stage: StageBuilder, name: str) -> tuple[str, Ignore, str]:
        """Where COPY looks: (directory, ignore rules, the name for errors). ``name`` is --from's value, or empty."""
        if not name:
            return self.context.directory, self._context_ignore(), self.context.directory
        from ocikit.libpod.build.expand import expand

        name = expand(name, stage.config.variables())
        if name in self.options.build_contexts:
            from ocikit.libpod.build.bases import context_root

            return context_root(self, name)
        return self.files_of(stage, name), Ignore([]), name

    def files_of(self, stage: StageBuilder, name: str) -> str:
        """The mounted file system of an earlier stage or an image."""
        index = earlier_stage(self.plan.stages, stage.stage.index, name)
        if index is not None:
            image_id = self._outcomes[index].image_id
        else:
            from ocikit.libpod.build.bases import base_image

            try:
                image_id = base_image(self.store, self.options, name, self.options.platform).id
            except BuildError:
                raise BuildError(f"COPY --from={name}: no stage or image found with that name") from None
        return self.mounted(image_id)

    def mounted(self, image_id: str) -> str:
        """An image's file system, read only; it stays mounted until the build ends."""
        if image_id not in self._mounted:
            self._mounted[image_id] = self.store.mount_image(image_id)
        return self._mounted[image_id]

    def root_for_names(self, stage: StageBuilder) -> str:
        """A file system in which ``--chown`` names can be looked up before the step has one of its own."""
        if stage.workspace is not None:
            return stage.workspace.root
        image_id = stage.image_id or stage.base_image
        return self.mounted(image_id) if image_id else "/nonexistent"

    def _context_ignore(self) -> Ignore:
        if self._ignore is None:
            containerfile = self.context.files[0][0]
            path = find_ignore(self.context.directory, containerfile, self.options.ignore_file)
            try:
                with open(path, errors="surrogateescape") as file:
                    self._ignore = parse_ignore(file.read())
            except FileNotFoundError:
                if path:
                    raise BuildError(f"the ignore file {path} does not exist") from None
                self._ignore = Ignore([])
        return self._ignore

    # -- committing -------------------------------------------------------------------------------------------------

    def commit(self, stage: StageBuilder, *, final: bool) -> tuple[str, str]:
        """Makes an image of the stage as it is now: (image id, manifest digest)."""
        options = self.options
        created = self.now()
        if final and options.image_format != "docker":
            for text in stage.config.lost_in_oci():
                self.output.warning(text)
        made = documents(
            stage.snapshot,
            self._labelled(stage.config, final=final),
            self.platform,
            created,
            docker=options.image_format == "docker",
            annotations=self._annotations(stage, created, final=final),
            omit_history=options.omit_history,
        )
        if final:
            self.output.commit(stage.prefix, options.tags[0] if options.tags else "")
        self._save(made, stage, self._names() if final else [], created)
        self.output.image(stage.prefix, made.image_id)
        return made.image_id, made.manifest_digest

    def _labelled(self, config: BuildConfig, *, final: bool) -> BuildConfig:
        """Intermediate images bear the labels of ``--layer-label`` as well."""
        if final or not self.options.layer_labels:
            return config
        labelled = config.copy()
        labelled.labels |= dict(pair.partition("=")[::2] for pair in self.options.layer_labels)
        return labelled

    def _annotations(self, stage: StageBuilder, created: str, *, final: bool) -> dict[str, str]:
        found = dict(stage.config.annotations)
        if self.options.inherit_annotations:
            found[documents_module.BASE_DIGEST] = stage.base_digest
            found[documents_module.BASE_NAME] = stage.base_name
        if self.options.created_annotation:
            found[documents_module.CREATED] = created
        if final:
            found |= dict(pair.partition("=")[::2] for pair in self.options.annotations)
        return found

    def _save(self, made: documents_module.Documents, stage: StageBuilder, names: list[str], created: str) -> None:
        data = [
            (made.config_digest, made.config, made.config_digest),
            (f"manifest-{made.manifest_digest}", made.manifest, made.manifest_digest),
            ("manifest", made.manifest, made.manifest_digest),
        ]
        self.store.create_image(
            made.image_id,
            names=names,
            layer=stage.snapshot.top_layer or None,
            digest=made.manifest_digest,
            created=created,
            metadata="{}",
            data=data,
        )

    def commit_existing(self, stage: StageBuilder, image_id: str) -> None:
        """The result is there already (all cached, or nothing but FROM): it only gets its names."""
        self.output.commit(stage.prefix, self.options.tags[0] if self.options.tags else "")
        if names := self._names():
            self.store.add_image_names(image_id, names)
        self.output.image(stage.prefix, image_id)

    def _names(self) -> list[str]:
        from ocikit.libpod.build.bases import full_name

        return [full_name(tag) for tag in self.options.tags]
