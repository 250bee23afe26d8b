"""The configuration of an image under construction, in the forms that OCI and docker documents have. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHELL = ["/bin/sh", "-c"]
# Usable in RUN without being declared, and kept out of the history unless declared.
PROXY_ARGS = frozenset(f for n in ("http", "https", "ftp", "no") for f in (f"{n}_proxy", f"{n}_proxy".upper()))


class BuildConfig:
    """The configuration while a stage is built. ``args`` holds the declared ARGs that have a value."""

    def __init__(self) -> None:
        self.env: dict[str, str] = {}
        self.args: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.annotations: dict[str, str] = {}
        self.volumes: list[str] = []
        self.ports: dict[str, Any] = {}
        self.cmd: list[str] | None = None
        self.entrypoint: list[str] | None = None
        self.workdir = ""
        self.user = ""
        self.author = ""
        # Only the docker form holds these three.
        self.hostname = self.domainname = self.comment = ""
        self.stop_signal = ""
        self.shell: list[str] = []
        self.healthcheck: dict[str, Any] = {}
        self.onbuild: list[str] = []
        self.cmd_set_here = False
        # Fields of the base's configuration that no instruction touches survive as they are.
        self.base_config: dict[str, Any] = {}

    @classmethod
    def scratch(cls) -> BuildConfig:
        made = cls()
        name, _, value = DEFAULT_PATH.partition("=")
        made.env[name] = value
        made.workdir = "/"
        return made

    @classmethod
    def from_image(cls, image: Mapping[str, Any]) -> BuildConfig:
        """From an image's configuration document (OCI or docker), as parsed JSON."""
        made = cls()
        config = dict(image.get("config") or {})
        for item in config.get("Env") or []:
            name, _, value = item.partition("=")
            made.env[name] = value
        made.labels = dict(config.get("Labels") or {})
        made.volumes = list(config.get("Volumes") or {})
        made.ports = dict(config.get("ExposedPorts") or {})
        made.cmd = list(config["Cmd"]) if config.get("Cmd") else None
        made.entrypoint = list(config["Entrypoint"]) if config.get("Entrypoint") else None
        made.workdir = config.get("WorkingDir") or ""
        made.user = config.get("User") or ""
        made.author = image.get("author") or ""
        made.domainname = config.get("Domainname") or ""
        made.stop_signal = config.get("StopSignal") or ""
        made.shell = list(config.get("Shell") or [])
        made.healthcheck = dict(config.get("Healthcheck") or {})
        made.onbuild = list(config.get("OnBuild") or [])
        made.base_config = config
        return made

    def copy(self) -> BuildConfig:
        """For a stage that starts from another stage's result."""
        import copy

        return copy.deepcopy(self)

    def variables(self) -> dict[str, str]:
        """What ``$NAME`` sees: declared ARGs, and ENV above them."""
        return self.args | self.env

    def environment(self) -> list[str]:
        return [f"{name}={value}" for name, value in self.env.items()]

    def oci(self) -> dict[str, Any]:
        """The ``config`` object of an OCI image configuration; empty fields are left out, keys in the spec's order."""
        fields: dict[str, Any] = {
            "User": self.user,
            "ExposedPorts": dict(sorted(self.ports.items())),
            "Env": self.environment(),
            "Entrypoint": self.entrypoint,
            "Cmd": self.cmd,
            "Volumes": {path: {} for path in sorted(self.volumes)},
            "WorkingDir": self.workdir,
            "Labels": dict(sorted(self.labels.items())),
            "StopSignal": self.stop_signal,
        }
        return {key: value for key, value in fields.items() if value}

    def lost_in_oci(self) -> list[str]:
        """Sentences about what is set and an OCI image cannot hold."""
        hint = "Must use `docker` format"
        found = []
        if self.shell:
            found.append(
                f"SHELL is not supported for OCI image format, [{' '.join(self.shell)}] will be ignored. {hint}"
            )
        if self.healthcheck:
            found.append(f"HEALTHCHECK is not supported for OCI image format and will be ignored. {hint}")
        for what, form, value in (
            ("COMMENT", "OCI image", f"comment {self.comment}" if self.comment else ""),
            ("DOMAINNAME", "OCI image", f"domainname {self.domainname}" if self.domainname else ""),
            ("HOSTNAME", "OCI V1 image", f"hostname {self.hostname}" if self.hostname else ""),
            *(("ONBUILD", "OCI image", text) for text in self.onbuild),
        ):
            if value:
                found.append(f"{what} is not supported for {form} format, {value} will be ignored. {hint}")
        return found

    def docker(self, hostname: str = "") -> dict[str, Any]:
        """The ``config`` object of a docker schema 2 configuration; it also holds what OCI cannot."""
        made: dict[str, Any] = {
            "Hostname": self.hostname or hostname,
            "Domainname": self.domainname,
            "User": self.user,
            "AttachStdin": False,
            "AttachStdout": False,
            "AttachStderr": False,
        }
        if self.ports:
            made["ExposedPorts"] = dict(sorted(self.ports.items()))
        made |= {"Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": self.environment(), "Cmd": self.cmd}
        if self.healthcheck:
            made["Healthcheck"] = self.healthcheck
        made |= {
            "Image": "",
            "Volumes": {path: {} for path in sorted(self.volumes)},
            "WorkingDir": self.workdir,
            "Entrypoint": self.entrypoint or [],
            "OnBuild": self.onbuild,
            "Labels": dict(sorted(self.labels.items())),
        }
        if self.stop_signal:
            made["StopSignal"] = self.stop_signal
        if self.shell:
            made["Shell"] = self.shell
        return made
