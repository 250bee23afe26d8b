"""SystemContext: everything about this machine, this user and this call that a transport may need to know."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self


class SystemContext:
    """Plain options; None or "" mean "not said: use the configuration file or the default".

    Make a changed copy with :meth:`replace`; a context that was handed to a transport isn't changed afterwards.
    """

    # registries
    tls_verify: bool | None = None
    """False: no certificate check and http allowed; True: overrides ``insecure`` in registries.conf."""
    cert_dir: str = ""
    """Replaces the certs.d search; also the client certificates of docker-daemon."""
    authfile: str = ""
    compat_authfile: str = ""
    creds: tuple[str, str] | None = None
    """(user, password) from the command line; for the named host only."""
    identity_token: str = ""
    registry_token: str = ""
    """A bearer token that is used as it is."""
    no_creds: bool = False
    """Anonymous, even if credentials are stored."""
    registries_conf: str = ""
    registries_conf_dir: str = ""
    registries_d: str = ""
    short_name_aliases_conf: str = ""
    user_agent: str = ""
    retry_times: int = 0
    # signatures
    policy: str = ""
    insecure_policy: bool = False
    # which platform an image list stands for; "" = the running one
    os: str = ""
    arch: str = ""
    variant: str = ""
    # places
    tmpdir: str = ""
    """For big temporary files; /var/tmp if empty."""
    blob_info_cache_dir: str = ""
    partial_blob_dir: str = ""
    """Where blobs of interrupted pulls are kept for the next run; "" keeps none."""
    root_for_implicit_paths: str = ""
    """Put before the default absolute paths of configuration files (tests, image builds)."""
    # transports
    store: Any = None
    """The store that containers-storage: means when the name doesn't say; opened by default options if None."""
    daemon_host: str = ""
    shared_blob_dir: str = ""
    oci_accept_uncompressed_layers: bool = False
    dir_force_compress: bool = False
    dir_force_decompress: bool = False
    archive_additional_tags: tuple[str, ...] = ()
    """Names (parsed, tagged) that docker-archive: writes besides the one in the reference."""
    # compression towards the destination
    compression_format: str = ""
    compression_level: int | None = None
    precompute_digests: bool = False
    # time
    deadline: float | None = None
    """``time.monotonic()`` value after which work stops with an error."""

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise TypeError(f"SystemContext has no field {name}")
            setattr(self, name, value)

    def replace(self, **values: object) -> Self:
        """A copy with these fields changed."""
        new = type(self)()
        new.__dict__.update(self.__dict__)
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise TypeError(f"SystemContext has no field {name}")
            setattr(new, name, value)
        return new

    def big_tmpdir(self) -> str:
        return self.tmpdir or "/var/tmp"

    def path(self, absolute: str) -> str:
        """``absolute`` under ``root_for_implicit_paths``."""
        return self.root_for_implicit_paths + absolute if self.root_for_implicit_paths else absolute
