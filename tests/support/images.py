"""Small images made from the distribution's static busybox, without any tool of ours or of others: the tests' raw material."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import machine

APPLETS = [
    "sh",
    "cat",
    "ls",
    "echo",
    "true",
    "false",
    "sleep",
    "id",
    "env",
    "ps",
    "mount",
    "stat",
    "head",
    "tail",
    "wc",
    "grep",
    "sed",
    "touch",
    "mkdir",
    "rm",
    "cp",
    "mv",
    "ln",
    "chmod",
    "chown",
    "hostname",
    "ip",
    "ping",
    "nc",
    "wget",
    "httpd",
    "seq",
    "sort",
    "tr",
    "dd",
    "date",
    "kill",
    "trap",
    "test",
    "stty",
    "tty",
    "cut",
    "find",
    "readlink",
    "du",
    "df",
    "printf",
    "nslookup",
    "pwd",
    "uname",
    "whoami",
    "awk",
    "yes",
    "md5sum",
    "sha256sum",
    "od",
    "tee",
    "sync",
    "setsid",
    "timeout",
    "usleep",
    "vi",
    "top",
]
EPOCH = 1_700_000_000


def tar_layer(files: Mapping[str, bytes | str | None], *, modes: Mapping[str, int] | None = None) -> bytes:
    """A layer's uncompressed tar. Values: bytes = file, ``None`` = directory, ``"->target"`` = symlink."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.mtime = EPOCH
            info.mode = (modes or {}).get(name, 0o755)
            if content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(content, str):
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, content.removeprefix("->"), 0o777
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def busybox_layer() -> bytes:
    """A root file system of about 2 MB: busybox, its applets as symlinks, passwd, group and the usual folders."""
    path = machine.find("busybox")
    assert path, "busybox-static is not installed"
    files: dict[str, bytes | str | None] = dict.fromkeys(
        ("bin", "etc", "tmp", "root", "home", "home/user", "proc", "sys", "dev", "run", "var", "mnt")
    )
    files["bin/busybox"] = Path(path).read_bytes()
    files.update({f"bin/{applet}": "->busybox" for applet in APPLETS})
    files["etc/passwd"] = b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:User:/home/user:/bin/sh\n"
    files["etc/group"] = b"root:x:0:\nuser:x:1000:\nextra:x:2000:user\n"
    modes = {"tmp": 0o1777, "root": 0o700, "etc/passwd": 0o644, "etc/group": 0o644}
    return tar_layer(files, modes=modes)


def _blob(layout: Path, data: bytes) -> tuple[str, int]:
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(data)
    return f"sha256:{digest}", len(data)


def oci_layout(
    layout: Path,
    layers: Sequence[bytes],
    *,
    tag: str = "latest",
    config: Mapping[str, object] | None = None,
    architecture: str | None = None,
) -> str:
    """Writes (or adds to) an OCI image layout; returns the manifest's digest. ``layers`` are uncompressed tars."""
    (layout / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    machine_arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    descriptors, diff_ids, history = [], [], []
    for number, tar in enumerate(layers):
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        digest, size = _blob(layout, gzip.compress(tar, 1, mtime=0))
        media = "application/vnd.oci.image.layer.v1.tar+gzip"
        descriptors.append({"mediaType": media, "digest": digest, "size": size})
        history.append({"created": "2023-11-14T22:13:20Z", "created_by": f"layer {number}"})
    image = {
        "created": "2023-11-14T22:13:20Z",
        "architecture": architecture or machine_arch,
        "os": "linux",
        "config": dict(
            config or {"Cmd": ["sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
        ),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }
    digest, size = _blob(layout, json.dumps(image).encode())
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": media,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": size},
        "layers": descriptors,
    }
    digest, size = _blob(layout, json.dumps(manifest).encode())
    index_path = layout / "index.json"
    index = json.loads(index_path.read_text()) if index_path.exists() else {"schemaVersion": 2, "manifests": []}
    name = "org.opencontainers.image.ref.name"
    index["manifests"] = [m for m in index["manifests"] if m.get("annotations", {}).get(name) != tag]
    index["manifests"].append({"mediaType": media, "digest": digest, "size": size, "annotations": {name: tag}})
    index_path.write_text(json.dumps(index))
    return digest


def busybox_layout(layout: Path, *, tag: str = "latest", extra: Sequence[bytes] = (), **config: object) -> str:
    """An OCI layout with the busybox image; keyword arguments are image config fields (Cmd, Env, Entrypoint, ...)."""
    defaults: dict[str, object] = {
        "Cmd": ["sh"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    }
    return oci_layout(layout, [busybox_layer(), *extra], tag=tag, config=defaults | config)
