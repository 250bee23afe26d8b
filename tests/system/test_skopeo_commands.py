"""The skopeo command against a real registry: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import images, machine
from tests.support.registry import Registry

Result = subprocess.CompletedProcess[str]
Skopeo = Callable[..., Result]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "ocikit.skopeo", *words]


@pytest.fixture
def skopeo(tmp_path: Path) -> Skopeo:
    """Runs our skopeo with configuration and caches of its own; ``code`` is the exit code that is expected."""
    (tmp_path / "home").mkdir()
    (tmp_path / "policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "OCIKIT_BLOB_INFO_CACHE_DIR": str(tmp_path / "cache"),
        "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"),
    }

    def run(*words: str, code: int = 0, input: str | None = None, policy: bool = True) -> Result:
        flags = [f"--policy={tmp_path}/policy.json"] if policy else []
        done = subprocess.run(
            command(*flags, *words), capture_output=True, text=True, input=input, env=env, cwd=tmp_path, check=False
        )
        assert done.returncode == code, (words, done.returncode, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Two images, v1 and v2, with one layer in common."""
    folder = tmp_path / "layout"
    base = images.tar_layer({"a": b"a" * 1000})
    images.oci_layout(folder, [base], tag="v1", config={"Labels": {"n": "1"}, "Env": ["A=1"]})
    images.oci_layout(folder, [base, images.tar_layer({"b": b"b"})], tag="v2", config={"Env": ["A=2"]})
    return folder


@pytest.fixture
def pushed(skopeo: Skopeo, layout: Path, registry: Registry, request: pytest.FixtureRequest) -> str:
    """``host/name`` of a repository with the tags v1 and v2."""
    name = f"{registry.host}/sk/{request.node.name.lower().replace('[', '-').rstrip(']').replace('_', '-')}"
    for tag in ("v1", "v2"):
        skopeo("copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:{tag}", f"docker://{name}:{tag}")
    return name


def test_copy_there_and_back(skopeo: Skopeo, pushed: str, layout: Path, tmp_path: Path) -> None:
    done = skopeo("copy", "--src-tls-verify=false", "--digestfile=d", f"docker://{pushed}:v2", "dir:out")
    lines = done.stdout.splitlines()
    assert lines[0] == "Getting image source signatures"
    assert sum(line.startswith("Copying blob sha256:") for line in lines) == 2
    assert lines[-2].startswith("Copying config sha256:") and lines[-1] == "Writing manifest to image destination"
    assert (tmp_path / "out/version").read_text() == "Directory Transport Version: 1.1\n"
    digest = (tmp_path / "d").read_text()
    assert skopeo("manifest-digest", "out/manifest.json").stdout.strip() == digest
    assert skopeo("inspect", "--raw", f"oci:{layout}:v2").stdout == (tmp_path / "out/manifest.json").read_text()


def test_inspect(skopeo: Skopeo, pushed: str) -> None:
    found = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{pushed}:v1").stdout)
    keys = "Name Digest RepoTags Created DockerVersion Labels Architecture Os Layers LayersData Env"
    assert list(found) == keys.split()
    assert found["Name"] == pushed and sorted(found["RepoTags"]) == ["v1", "v2"] and found["Labels"] == {"n": "1"}
    assert found["Created"] == "2023-11-14T22:13:20Z" and found["Env"] == ["A=1"]
    flags = ("inspect", "--tls-verify=false", "-n")
    assert json.loads(skopeo(*flags, f"docker://{pushed}:v1").stdout)["RepoTags"] == []
    assert skopeo(*flags, "-f", "{{.Name}} {{.Os}}", f"docker://{pushed}:v1").stdout == f"{pushed} linux\n"
    config = json.loads(skopeo(*flags, "--config", f"docker://{pushed}:v1").stdout)
    assert config["rootfs"]["type"] == "layers"
    shown = skopeo(*flags, "--config", "-f", "{{.Config.Env}} {{len .RootFS.DiffIDs}}", f"docker://{pushed}:v2").stdout
    assert shown == "[A=2] 2\n"
    skopeo(*flags, "--validate", f"docker://{pushed}:v2")
    cost = json.loads(skopeo(*flags, "--cost", f"docker://{pushed}:v2").stdout)
    assert cost["LayersTotal"] == 2 and cost["BytesTotal"] >= cost["BytesToDownload"]


def test_list_tags_and_delete(skopeo: Skopeo, pushed: str) -> None:
    tags = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{pushed}").stdout)
    assert tags == {"Repository": pushed, "Tags": ["v1", "v2"]}
    assert skopeo("delete", "--tls-verify=false", f"docker://{pushed}:v1").stdout == ""
    done = skopeo("delete", "--tls-verify=false", f"docker://{pushed}:v1", code=1)
    assert "Image may not exist or is not stored with a v2 Schema in a v2 registry" in done.stderr
    assert json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{pushed}").stdout)["Tags"] == ["v2"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ((), 1, "Missing command 'skopeo COMMAND'"),
        (("cop",), 1, "Unrecognized command `skopeo cop`"),
        (("copy", "a"), 1, "Exactly two arguments expected"),
        (("copy", "--nosuch", "a", "b"), 1, "unknown flag: --nosuch"),
        (("copy", "a", "b:c"), 1, 'Invalid source name a: Invalid image name \\"a\\", expected colon-separated'),
        (("copy", "dir:a", "b:c"), 1, 'Invalid destination name b:c: Invalid image name \\"b:c\\", unknown transport'),
        (("copy", "-f", "foo", "dir:a", "dir:b"), 1, "Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'"),
        (("copy", "--all", "--multi-arch=all", "dir:a", "dir:b"), 1, "Cannot use --all and --multi-arch flags together"),
        (("copy", "--multi-arch=foo", "dir:a", "dir:b"), 1, "unknown multi-arch option"),
        (("copy", "--encrypt-layer=1", "dir:a", "dir:b"), 1, "--encrypt-layer can only be used with --encryption-key"),
        (("copy", "--src-creds=:x", "dir:a", "dir:b"), 1, "username can't be empty"),
        (("copy", "--dest-compress-format=foo", "dir:a", "dir:b"), 1, 'cannot find compressor for \\"foo\\"'),
        (("copy", "--dest-compress-format=zstd:chunked", "oci:layout:v1", "oci:b:1"), 1, "cannot be written as zstd:chunked"),
        (("copy", "sif:x", "dir:b"), 1, "is not supported"),
        (("copy", "ostree:x", "dir:b"), 1, "is not supported in this build"),
        (("copy", "dir:nothere", "dir:b"), 1, "open nothere/manifest.json: no such file or directory"),
        (("copy", "oci:layout:zzz", "dir:b"), 2, 'no descriptor found for reference \\"zzz\\"'),
        (("copy", "oci:layout", "dir:b"), 1, "more than one image in oci, choose an image"),
        (("copy", "oci:layout:@5", "dir:b"), 1, "index 5 is too large, only 2 entries available"),
        (("copy", "oci:layout:v1", "dir:layout"), 1, "not a containers image directory, don't want to overwrite"),
        (("copy", "tarball:nofile", "dir:b"), 1, "open nofile: no such file or directory"),
        (("copy", "oci-archive:no.tar", "dir:b"), 1, "archive file not found"),
        (("inspect",), 1, "Exactly one argument expected"),
        (("inspect", "--raw", "-f", "x", "dir:a"), 1, "raw output does not support format option"),
        (("inspect", "-f", "{{.Nope}}", "oci:layout:v1"), 1, "can't evaluate field Nope"),
        (("inspect", "docker://127.0.0.1:1/x"), 1, "connection refused"),
        (("list-tags", "foo"), 1, "does not specify a transport"),
        (("list-tags", "oci:layout"), 1, "Only supported: docker, docker-archive"),
        (("list-tags", "docker://x/y:1"), 1, "No tag or digest allowed in reference"),
        (("delete", "dir:a"), 1, "Deleting images not implemented for dir: images"),
        (("manifest-digest", "nofile"), 1, "open nofile: no such file or directory"),
        (("standalone-sign", "a"), 1, "Usage: skopeo standalone-sign manifest docker-reference key-fingerprint"),
        (("generate-sigstore-key",), 1, "Usage: generate-sigstore-key --output-prefix PREFIX"),
        (("sync", "a", "b"), 1, "A source transport must be specified"),
        (("sync", "--src=foo", "--dest=dir", "a", "b"), 1, "is not a valid source transport"),
        (("sync", "--src=dir", "--dest=dir", "a", "b"), 1, "consider using rsync instead"),
        (("diff", "oci:layout:v1"), 1, "Exactly two arguments expected"),
    ],
)  # fmt: skip
def test_errors(skopeo: Skopeo, layout: Path, words: tuple[str, ...], code: int, text: str) -> None:
    done = skopeo(*words, code=code)
    assert text in done.stderr
    assert done.stderr.count("level=fatal") == 1


def test_policy(skopeo: Skopeo, layout: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text('{"default":[{"type":"reject"}]}')
    done = skopeo("copy", f"oci:{layout}:v1", "dir:d", code=1)
    assert "Source image rejected: Running image oci:" in done.stderr and not (tmp_path / "d/manifest.json").exists()
    skopeo("--insecure-policy", "copy", "-q", f"oci:{layout}:v1", "dir:d")
    (tmp_path / "policy.json").write_text("{}")
    assert "Error loading trust policy" in skopeo("copy", f"oci:{layout}:v1", "dir:d", code=1).stderr


def test_unknown_image_in_a_registry(skopeo: Skopeo, pushed: str) -> None:
    assert "manifest unknown" in skopeo("inspect", "--tls-verify=false", f"docker://{pushed}:no", code=2).stderr
    assert (
        "manifest unknown" in skopeo("copy", "--src-tls-verify=false", f"docker://{pushed}:no", "dir:x", code=2).stderr
    )


def test_self_signed_certificate_and_password(
    skopeo: Skopeo, layout: Path, make_registry: Callable[..., Registry], tmp_path: Path
) -> None:
    server = make_registry(tls=True, user="u", password="p")
    target = f"docker://{server.host}/x:1"
    assert "certificate" in skopeo("copy", f"oci:{layout}:v1", target, code=1).stderr
    done = skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}:v1", target, code=1)
    assert "nauthorized" in done.stderr or "authentication required" in done.stderr
    skopeo("copy", "-q", "--dest-tls-verify=false", "--dest-creds=u:p", f"oci:{layout}:v1", target)
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs/ca.crt").write_bytes(Path(server.certificate).read_bytes())
    skopeo("inspect", "--cert-dir=certs", "--username=u", "--password=p", target)


def test_login_and_logout(skopeo: Skopeo, layout: Path, make_registry: Callable[..., Registry], tmp_path: Path) -> None:
    server = make_registry(user="u", password="p")
    flags = ("--tls-verify=false", "--authfile=my.json")
    wrong = skopeo("login", *flags, "-u", "u", "-p", "x", server.host, code=1)
    assert "invalid username/password" in wrong.stderr and not (tmp_path / "my.json").exists()
    done = skopeo("login", *flags, "-v", "-u", "u", "--password-stdin", server.host, input="p\n")
    assert "Login Succeeded!" in done.stdout and "my.json" in done.stdout
    assert skopeo("login", *flags, "--get-login", server.host).stdout == "u\n"
    skopeo(
        "copy",
        "-q",
        "--dest-tls-verify=false",
        "--dest-authfile=my.json",
        f"oci:{layout}:v1",
        f"docker://{server.host}/x:1",
    )
    assert (
        skopeo("logout", "--authfile=my.json", server.host).stdout == f"Removed login credentials for {server.host}\n"
    )
    assert "not logged into" in skopeo("logout", "--authfile=my.json", server.host, code=1).stderr
    assert "please provide a registry" in skopeo("login", code=1).stderr


def test_sync(skopeo: Skopeo, pushed: str, registry: Registry, tmp_path: Path) -> None:
    flags = ("--src-tls-verify=false", "--dest-tls-verify=false")
    done = skopeo("sync", "--src=docker", "--dest=dir", *flags, "--dry-run", pushed, "out")
    assert "Would have synced 2 images from 1 sources" in done.stderr and not (tmp_path / "out").exists()
    base = pushed.rpartition("/")[2]
    skopeo("sync", "--src=docker", "--dest=dir", *flags, "--digestfile=d", pushed, "out")
    assert sorted(os.listdir(tmp_path / "out")) == [f"{base}:v1", f"{base}:v2"]
    assert len((tmp_path / "d").read_text().splitlines()) == 2
    again = skopeo("sync", "--src=docker", "--dest=dir", *flags, pushed, "out", code=1)
    assert "Refusing to overwrite destination directory" in again.stderr
    there = f"{registry.host}/synced"
    skopeo("sync", "--src=dir", "--dest=docker", *flags, "--append-suffix=-x", "out", there)
    second = skopeo("sync", "--src=dir", "--dest=docker", *flags, "--append-suffix=-x", "out", there)
    assert second.stdout.count("Skipping: image already present at destination") == 2
    (tmp_path / "s.yml").write_text(
        f"{registry.host}:\n  images-by-tag-regex: {{sk/{base}: ^v1$}}\n  tls-verify: false\n"
    )
    done = skopeo("sync", "--src=yaml", "--dest=dir", "--scoped", *flags, "s.yml", "scoped")
    assert "Synced 1 images from 1 sources" in done.stderr
    skopeo("inspect", f"dir:scoped/{pushed}:v1")


def test_signing_and_policy(skopeo: Skopeo, layout: Path, tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("secret\n")
    out = skopeo("generate-sigstore-key", "--output-prefix=k", "--passphrase-file=pass").stdout
    assert out == 'Key written to "k.private" and "k.pub"\n'
    assert (tmp_path / "k.private").stat().st_mode & 0o777 == 0o600
    assert (
        "Refusing to overwrite"
        in skopeo("generate-sigstore-key", "--output-prefix=k", "--passphrase-file=pass", code=1).stderr
    )
    flags = (
        "--sign-by-sigstore-private-key=k.private",
        "--sign-passphrase-file=pass",
        "--sign-identity=example.com/a:1",
    )
    skopeo("copy", *flags, f"oci:{layout}:v1", "dir:signed")
    assert (tmp_path / "signed/signature-1").read_bytes().startswith(b"\0sigstore-json\n")
    rule = {"type": "sigstoreSigned", "keyPath": str(tmp_path / "k.pub")}
    rule["signedIdentity"] = {"type": "exactReference", "dockerReference": "example.com/a:1"}  # type: ignore[assignment]
    (tmp_path / "policy.json").write_text(json.dumps({"default": [rule]}))
    skopeo("copy", "dir:signed", "dir:copied")
    assert "no signature exists" in skopeo("copy", f"oci:{layout}:v1", "dir:other", code=1).stderr
    (tmp_path / "signed/manifest.json").write_bytes((tmp_path / "signed/manifest.json").read_bytes() + b" ")
    assert "Source image rejected" in skopeo("copy", "dir:signed", "dir:other", code=1).stderr


def test_encryption_there_and_back(skopeo: Skopeo, layout: Path, tmp_path: Path) -> None:
    for name, algorithm in (
        ("rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        ("ec", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ):
        if not machine.find("openssl"):
            pytest.skip("not installed: openssl")
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", *algorithm, "-out", f"{name}.pem"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        subprocess.run(
            ["openssl", "pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub"], cwd=tmp_path, check=True
        )
    skopeo("copy", "-q", "--encryption-key=jwe:rsa.pub", "--encryption-key=jwe:ec.pub", f"oci:{layout}:v2", "oci:enc:1")
    manifest = json.loads(skopeo("inspect", "--raw", "oci:enc:1").stdout)
    assert all(layer["mediaType"].endswith("tar+gzip+encrypted") for layer in manifest["layers"])
    for key in ("rsa.pem", "ec.pem"):
        skopeo("copy", "-q", f"--decryption-key={key}", "oci:enc:1", f"oci:dec-{key}:1")
        wanted = json.loads(skopeo("inspect", "--raw", f"oci:{layout}:v2").stdout)
        assert json.loads(skopeo("inspect", "--raw", f"oci:dec-{key}:1").stdout) == wanted
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "RSA", "-out", "other.pem"], cwd=tmp_path, check=True, capture_output=True
    )
    assert "no suitable key" in skopeo("copy", "--decryption-key=other.pem", "oci:enc:1", "oci:x:1", code=1).stderr
    if Path("/usr/bin/skopeo").exists():
        done = subprocess.run(
            ["/usr/bin/skopeo", "--insecure-policy", "copy", "--decryption-key=rsa.pem", "oci:enc:1", "oci:real:1"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_damage_is_found(skopeo: Skopeo, layout: Path, tmp_path: Path) -> None:
    """A blob with other bytes, and one that is too short: nothing of it appears at the destination."""
    manifest = json.loads(skopeo("inspect", "--raw", f"oci:{layout}:v1").stdout)
    blob = layout / "blobs/sha256" / manifest["layers"][0]["digest"].partition(":")[2]
    data = blob.read_bytes()
    for bad, text in ((data[:-1] + bytes([data[-1] ^ 1]), "Digest did not match"), (data[:-3], "match")):
        blob.write_bytes(bad)
        done = skopeo("copy", f"oci:{layout}:v1", "dir:damaged", code=1)
        assert text in done.stderr
        assert not (tmp_path / "damaged/manifest.json").exists()
        assert [name for name in os.listdir(tmp_path / "damaged") if name != "version"] == []


@pytest.mark.parametrize("target", ("dir:out", "oci:out:1", "oci-archive:out.tar:1", "docker-archive:out.tar:x:1"))
def test_killed_copy_leaves_no_broken_image(skopeo: Skopeo, tmp_path: Path, target: str) -> None:
    """kill -9 at several moments: what is there afterwards is whole or isn't an image."""
    folder = tmp_path / "layout"
    images.oci_layout(folder, [images.tar_layer({f"f{i}": os.urandom(3_000_000)}) for i in range(4)], tag="v1")
    env = os.environ | {"OCIKIT_BLOB_INFO_CACHE_DIR": str(tmp_path / "cache")}
    words = command("--insecure-policy", "copy", "-q", f"oci:{folder}:v1", target)
    for delay_s in (0.25, 0.35, 0.45, 0.55):
        process = subprocess.Popen(words, cwd=tmp_path, env=env, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(delay_s)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        check = subprocess.run(
            command("--insecure-policy", "copy", "-q", target, "dir:check"),
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        finished = process.returncode == 0
        assert check.returncode in ((0,) if finished else (0, 1, 2)), check.stderr
        if check.returncode:
            assert "no such file" in check.stderr or "not found" in check.stderr or "no image" in check.stderr, (
                check.stderr
            )
        elif target.startswith("docker-archive"):
            (tmp_path / "out.tar").unlink()


def test_image_proxy(skopeo: Skopeo, layout: Path, tmp_path: Path) -> None:
    """The order of calls of the reference client: open, manifest, config, blobs through pipes."""
    import hashlib
    import socket

    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = command("--insecure-policy", "experimental-image-proxy", f"--sockfd={theirs.fileno()}")
    process = subprocess.Popen(words, pass_fds=(theirs.fileno(),), cwd=tmp_path)
    theirs.close()

    def call(method: str, *args: object, good: bool = True) -> tuple[dict, list[int]]:
        mine.send(json.dumps({"method": method, "args": list(args)}).encode())
        data, fds, _, _ = socket.recv_fds(mine, 1 << 16, 4)
        reply = json.loads(data)
        assert list(reply) == ["success", "value", "pipeid", "error_code", "error"]
        assert reply["success"] is good, reply
        return reply, fds

    def drain(reply: dict, fds: list[int], size: int) -> bytes:
        with os.fdopen(fds[0], "rb", buffering=0) as pipe:
            data = b""
            while len(data) < size:
                data += pipe.read(size - len(data))
        call("FinishPipe", reply["pipeid"])
        return data

    assert "must invoke Initialize" in call("OpenImage", "x", good=False)[0]["error"]
    assert call("Initialize")[0]["value"] == "0.2.8"
    assert call("OpenImageOptional", f"oci:{layout}:nothing")[0]["value"] == 0
    image = call("OpenImage", f"oci:{layout}:v2")[0]["value"]
    raw = skopeo("inspect", "--raw", f"oci:{layout}:v2").stdout.encode()
    reply, fds = call("GetManifest", image)
    assert drain(reply, fds, len(raw)) == raw
    assert reply["value"] == "sha256:" + hashlib.sha256(raw).hexdigest()
    for layer in call("GetLayerInfo", image)[0]["value"]:
        reply, fds = call("GetBlob", image, layer["digest"], layer["size"])
        data = drain(reply, fds, layer["size"])
        assert "sha256:" + hashlib.sha256(data).hexdigest() == layer["digest"]
    assert "unknown method" in call("Nope", good=False)[0]["error"]
    assert "no image 99" in call("CloseImage", 99, good=False)[0]["error"]
    call("CloseImage", image)
    mine.send(b'{"method":"Shutdown","args":[]}')
    assert process.wait(timeout=20) == 0
    mine.close()


def test_diff(skopeo: Skopeo, layout: Path) -> None:
    text = skopeo("diff", "--files", f"oci:{layout}:v1", f"oci:{layout}:v2", code=3).stdout
    assert "config config.Env" in text and "layers (1 in common)" in text and "file + /b" in text
    found = json.loads(skopeo("diff", "--format=json", f"oci:{layout}:v1", f"oci:{layout}:v2", code=3).stdout)
    assert found["Layers"]["Common"] == 1 and not found["Same"]
    assert skopeo("diff", f"oci:{layout}:v1", f"oci:{layout}:v1").stdout == "no difference\n"


def test_help_names_every_flag(skopeo: Skopeo) -> None:
    text = skopeo("copy", "--help").stdout
    assert "--dest-compress-format" in text and "--multi-arch" in text
    assert "skopeo version 1.22.2" in skopeo("--version").stdout
