"""What a build needs to know of the machine and its configuration; made once by whoever starts the build."""

from __future__ import annotations

import os

from ocikit.storage.userns import in_user_namespace, is_rootless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.libpod.spec.settings import Settings
    from ocikit.network import Networks


class Surroundings:
    """``network_dirs`` are the directories of network files and of their run-time state (None: the usual ones)."""

    def __init__(
        self,
        graphroot: str,
        *,
        settings: Settings | None = None,
        runtime: str = "",
        network_dirs: tuple[str | None, str | None] = (None, None),
    ) -> None:
        self.graphroot, self.runtime, self.network_dirs = graphroot, runtime, network_dirs
        self.rootless = is_rootless() or in_user_namespace()
        self.scratch = os.environ.get("TMPDIR", "/var/tmp")
        self._settings = settings

    @property
    def settings(self) -> Settings:
        if self._settings is None:
            from ocikit.libpod.spec.settings import Settings

            self._settings = Settings()
        return self._settings

    def networks(self) -> Networks:
        from ocikit.network import Networks

        return Networks.open(*self.network_dirs, rootless=self.rootless, graphroot=self.graphroot)
