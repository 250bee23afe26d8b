"""RUN: a command in a container of its own, straight through the OCI runtime (no monitor: the build waits for it).

Source: Dockerfile reference "RUN", "RUN --mount", "RUN --network"; the environment is buildah's (specification of builds, 12).
"""

from __future__ import annotations

import os
import shutil
import tempfile

from ocikit.libpod.build import history
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.expand import expand
from ocikit.libpod.build.imageconfig import PROXY_ARGS, SHELL
from ocikit.libpod.build.lexer import Instruction
from ocikit.libpod.build.mountpoints import MountPoints
from ocikit.libpod.build.rooted import make_directories, resolve
from ocikit.libpod.build.runmounts import RunMount, parse_mount
from ocikit.libpod.build.users import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.libpod.build.stage import StageBuilder
    from ocikit.libpod.build.workspace import Workspace
    from ocikit.libpod.spec.users import UserInfo


class RunStep:
    """One RUN instruction."""

    def __init__(self, stage: StageBuilder, step: Instruction) -> None:
        self.stage, self.step = stage, step
        self.network = ""
        self.mounts: list[RunMount] = []
        variables = stage.config.variables()
        for flag in step.flags:
            name, _, value = flag.partition("=")
            value = expand(value, variables)
            if name == "--network":
                if value not in ("default", "none", "host"):
                    raise step.error(
                        f'unsupported value "{value}" for "RUN --network", must be either "host" or "none"'
                    )
                self.network = "" if value == "default" else value
            elif name == "--mount":
                self.mounts.append(parse_mount(step, value))
            else:
                raise step.error("RUN only supports the --mount and --network flag")
        if not step.rest and not step.heredocs:
            raise step.error("RUN requires at least one argument")

    # -- the key ----------------------------------------------------------------------------------------------------

    def used_args(self) -> dict[str, str]:
        """The ARGs in front of the history text: all that are declared and have a value; ENV of the same name wins."""
        config = self.stage.config
        return {name: config.env.get(name, value) for name, value in config.args.items()}

    def key(self) -> str:
        digests = [mount.digest(self.stage) for mount in self.mounts if mount.kind == "bind" and mount.explicit]
        return history.run_text(self.step, self.used_args(), digests)

    # -- doing ------------------------------------------------------------------------------------------------------

    def command(self) -> tuple[list[str], str]:
        """The words to run, and the body of a script when the heredoc has a shebang (run as a file then)."""
        step = self.step
        if step.json is not None:
            return list(step.json), ""
        shell = self.stage.config.shell if self.stage.options.image_format == "docker" else []
        shell = shell or SHELL
        text = step.rest
        if step.heredocs:
            body = step.heredocs[0].content
            if text.startswith("<<") and len(text.split()) == 1:
                if body.startswith("#!"):
                    return [], body
                return [*shell, body], ""
            # "RUN cmd <<A <<B": the shell reads the documents itself.
            text += "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in step.heredocs)
        return [*shell, text], ""

    def environment(self, user: UserInfo, hostname: str) -> dict[str, str]:
        config, options = self.stage.config, self.stage.options
        found = dict(options.host_environment())
        found |= {name: value for name, value in self.stage.build.given_args.items() if name in PROXY_ARGS}
        found |= config.args
        found |= config.env
        found.setdefault("HOME", user.home)
        found["HOSTNAME"] = hostname
        return found

    def perform(self, workspace: Workspace) -> None:
        """Runs it; BuildError carries the command's own exit status."""
        root = workspace.root
        user = lookup(root, self.stage.config.user)
        workdir = self.stage.absolute("")
        if not os.path.isdir(resolve(root, workdir)):
            make_directories(root, workdir, owner=(user.uid, user.gid))
        for volume in self.stage.config.volumes:
            if not os.path.isdir(resolve(root, volume)):
                make_directories(root, volume)
        bundle = tempfile.mkdtemp(prefix="buildah", dir=self.stage.build.around.scratch)
        points = MountPoints(root)
        try:
            self._run(workspace, bundle, user, workdir, points)
        finally:
            for mount in self.mounts:
                mount.close()
            shutil.rmtree(bundle, ignore_errors=True)
        workspace.forget = points.leftovers()

    def _run(self, workspace: Workspace, bundle: str, user: UserInfo, workdir: str, points: MountPoints) -> None:
        from ocikit.libpod.build.runspec import RunContainer, RunRequest

        stage, record = self.stage, workspace.record
        request = RunRequest(record.id, record.names[0], workspace.root, user, workdir)
        request.environment = self.environment(user, request.hostname)
        request.network = self.network
        request.stdin = stage.options.stdin
        request.image_name, request.image_id = stage.base_name, stage.base_image
        for number, mount in enumerate(self.mounts):
            made = mount.prepare(stage, bundle, number)
            if made is not None:
                request.mounts.append(made)
                request.environment |= mount.environment
        words, script = self.command()
        container = RunContainer(request, stage.options, stage.build.around, bundle, stage.build.output.warning)
        code = container.execute([container.add_script(script)] if script else words, points)
        if code:
            raise BuildError(f"while running runtime: exit status {code}", exit_code=code)
