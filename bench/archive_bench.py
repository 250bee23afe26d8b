"""Unpacking measured alone: ``python bench/archive_bench.py [files|big|all] [--podman]``.

Makes a layer of 20,000 files and one of 1 GB in --dir (kept for the next time), unpacks each three times and prints the
median wall time, processor time and peak memory; with --podman the same layer through the distribution's ``podman load``.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from pathlib import Path


def make_layer(path: Path, kind: str) -> None:
    """A reproducible layer: ``files`` is 20,000 files of 0-40 KB in 1,000 directories, ``big`` 1 GB in 40 files."""
    chance = random.Random(7)
    words = [chance.randbytes(chance.randrange(2, 12)) for _ in range(3000)]

    def text(size: int) -> bytes:
        out = b"".join(chance.choices(words, k=size // 6 + 1))
        return out[:size]

    with (
        gzip.open(path, "wb", compresslevel=6) as out,
        tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):  # type: ignore[arg-type]
        directories = 1000 if kind == "files" else 4
        files = 20 if kind == "files" else 10
        block = text(1 << 20)
        for number in range(directories):
            info = tarfile.TarInfo(f"usr/share/part{number % 30}/dir{number}")
            info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, 1_700_000_000
            tar.addfile(info)
            for index in range(files):
                info = tarfile.TarInfo(f"usr/share/part{number % 30}/dir{number}/file-{index}.dat")
                size = min(int(chance.paretovariate(0.9) * 300), 40_000) if kind == "files" else 25 << 20
                info.size, info.mode, info.mtime = size, 0o644, 1_700_000_000 + index
                if kind == "files":
                    at = chance.randrange(0, len(block) - size)
                    tar.addfile(info, io.BytesIO(block[at : at + size]))
                else:
                    tar.addfile(
                        info, io.BytesIO(b"".join(chance.randbytes(1 << 18) + text(3 << 18) for _ in range(25)))
                    )


def unpack(layer: Path, target: Path) -> None:
    from ocikit.storage.archive import unpack_layer

    with layer.open("rb", buffering=0) as stream, (target / "split").open("wb") as split:
        result = unpack_layer(stream, target / "diff", None, split)
    print(json.dumps({"entries": result.entries, "size": result.size, "diff_id": result.diff_id}))


def measure(command: list[str]) -> tuple[float, float, int]:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed with {status}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def layout(directory: Path, layer: Path) -> Path:
    """An OCI layout around the layer, for podman load."""
    image = directory / f"{layer.name}.oci"
    if image.exists():
        return image
    blobs = image / "blobs/sha256"
    blobs.mkdir(parents=True)
    diff = hashlib.sha256()
    with gzip.open(layer) as stream:
        while piece := stream.read(1 << 20):
            diff.update(piece)

    def add(data: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    # Copied piece by piece: a child's peak memory as the kernel counts it includes what its parent held when it forked.
    def add_file(path: Path, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
        shutil.copyfile(path, blobs / digest.hexdigest())
        return {"mediaType": media_type, "digest": f"sha256:{digest.hexdigest()}", "size": path.stat().st_size}

    kind = "application/vnd.oci.image."
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + diff.hexdigest()]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind + "manifest.v1+json",
        "config": add(json.dumps(config).encode(), kind + "config.v1+json"),
        "layers": [add_file(layer, kind + "layer.v1.tar+gzip")],
    }
    index = {"schemaVersion": 2, "manifests": [add(json.dumps(manifest).encode(), kind + "manifest.v1+json")]}
    (image / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (image / "index.json").write_text(json.dumps(index))
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=["files", "big", "all", "unpack", "make"])
    parser.add_argument("--podman", action="store_true")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp/ocikit-archive-bench"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("rest", nargs="*", type=Path)
    args = parser.parse_args()
    if args.what == "unpack":
        unpack(*args.rest)
        return
    if args.what == "make":
        make_layer(args.rest[0], str(args.rest[1]))
        return
    args.dir.mkdir(exist_ok=True)
    for kind in ["files", "big"] if args.what == "all" else [args.what]:
        layer = args.dir / f"{kind}.tar.gz"
        if not layer.exists():
            subprocess.run([sys.executable, __file__, "make", str(layer), kind], check=True)
        results: dict[str, list[tuple[float, float, int]]] = {}
        for _ in range(args.rounds):
            target = args.dir / "target"
            (target / "diff").mkdir(parents=True)
            command = [sys.executable, __file__, "unpack", str(layer), str(target)]
            results.setdefault("ocikit", []).append(measure(command))
            shutil.rmtree(target)
            if args.podman:
                store = args.dir / "store"
                podman = ["podman", "--root", f"{store}/root", "--runroot", f"{store}/run", "pull", "-q"]
                results.setdefault("podman", []).append(measure([*podman, f"oci:{layout(args.dir, layer)}"]))
                subprocess.run(["umount", f"{store}/root/overlay"], stderr=subprocess.DEVNULL)
                shutil.rmtree(store)
        for tool, runs in results.items():
            wall, cpu = (statistics.median(run[index] for run in runs) for index in (0, 1))
            print(
                f"{kind:6} {tool:7} wall {wall:6.2f} s  cpu {cpu:6.2f} s  memory {max(run[2] for run in runs) // 1024} MB"
            )


if __name__ == "__main__":
    main()
