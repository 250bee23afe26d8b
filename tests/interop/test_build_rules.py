"""One Containerfile for each rule of building, by the distribution's buildah and by ours: same configuration, history, tree.

The distribution's buildah is 1.28, ours follows 1.43: where the two differ on purpose the case says why.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import machine
from tests.support.sandbox import Result, Sandbox

BASE = """FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p -m 1777 /tmp && mkdir -p /etc /root /home/u && printf 'root:x:0:0:root:/root:/bin/sh\\nu:x:1000:1001::/home/u:/bin/sh\\n' > /etc/passwd && printf 'root:x:0:\\ng:x:1001:\\nextra:x:77:u\\n' > /etc/group
ENV BASE=base PATH=/bin
LABEL base=yes keep=1
"""
# name -> what follows "FROM localhost/bb"; a text that begins with FROM or ARG is the whole file.
SAME = {
    "env": "ENV A=1 B='two words' C=\"d q\" D=a\\ b",
    "env-old-form": "ENV A one  two   three",
    "env-sees-the-line-before": "ENV A=old\nENV A=1 AA=$A",
    "env-empty": "ENV A= B=\"\"",
    "env-over-base": "ENV BASE=mine",
    "env-default": "ENV E=${NO:-dflt} F=${BASE:+set} G=${NO:+set} H=${BASE:-x}",
    "env-escapes": "ENV A=\\$BASE B='$BASE' C=\"$BASE\" D=$$ E=\"a\\\"b\"",
    "env-continued": "ENV A=1 \\\n  # a comment\n  B=2 \\\n\n  C=3",
    "label": "LABEL a=1 \"b c\"=\"d e\" f='g'",
    "label-expands": "LABEL l=$BASE-$BASE",
    "label-old-form": "LABEL a b c",
    "arg": "ARG X=1\nENV Y=$X",
    "arg-unset": "ARG X\nENV Y=[$X]",
    "arg-in-run": "ARG X=1\nRUN echo $X > /x",
    "arg-and-env": "ARG X=1\nENV X=2\nRUN echo $X > /x",
    "arg-twice": "ARG X=1\nARG Y=$X$X\nRUN echo $Y > /y",
    "arg-global": "ARG G=localhost/bb\nFROM $G\nARG G\nENV Y=$G",
    "arg-before-declaration": "ENV Y=[$X]\nARG X=1",
    "workdir": "WORKDIR /a\nWORKDIR b/c",
    "workdir-made": "WORKDIR /made/deep\nRUN pwd > /pwd",
    "workdir-trailing-slash": "WORKDIR /a/b/",
    "workdir-variable": "ENV D=/some\nWORKDIR $D/where",
    "user": "USER 1000:1001",
    "user-name": "USER u\nRUN id -u > /tmp/u; id -G >> /tmp/u",
    "user-number": "USER 5\nRUN id -u > /tmp/u; id -g >> /tmp/u",
    "user-owns-workdir": "USER u\nWORKDIR /mine",
    "expose": "EXPOSE 80 443/tcp 53/udp",
    "expose-range": "EXPOSE 8000-8003",
    "expose-variable": "ENV P=81\nEXPOSE $P",
    "volume": "VOLUME /v /w",
    "volume-json": 'VOLUME ["/v 1", "/w"]',
    "stopsignal": "STOPSIGNAL SIGINT",
    "stopsignal-number": "STOPSIGNAL 9",
    "cmd-shell": "CMD echo $BASE",
    "cmd-json": 'CMD ["echo", "a b"]',
    "cmd-broken-json": 'CMD ["a", b]',
    "entrypoint": 'ENTRYPOINT ["x"]',
    "entrypoint-shell": "ENTRYPOINT exec x",
    "entrypoint-keeps-own-cmd": 'CMD ["b"]\nENTRYPOINT ["a"]',
    "entrypoint-cleared": 'ENTRYPOINT ["a"]\nENTRYPOINT []',
    "maintainer": "MAINTAINER me <me@x>",
    "run": "RUN echo hi > /hi && chmod 600 /hi && chown 3:4 /hi",
    "run-json": 'RUN ["touch", "/a b"]',
    "run-removes": "RUN rm /bin/ls && mkdir -p /q/w && ln -s x /q/l",
    "run-replaces-directory": "RUN rm -r /home && mkdir /home && touch /home/new",
    "run-nothing": "RUN true",
    "run-environment": "RUN echo $HOME $BASE > /env",
    "run-continued": "RUN echo a \\\n# note\n  && echo b > /b",
    "run-mount-bind": "RUN --mount=type=bind,source=f.txt,target=/m cat /m > /copy",
    "run-mount-tmpfs": "RUN --mount=type=tmpfs,target=/t touch /t/x",
    "copy-file": "COPY f.txt /",
    "copy-renamed": "COPY f.txt /dir/other.txt",
    "copy-into": "COPY f.txt /dir/",
    "copy-relative": "WORKDIR /w\nCOPY f.txt sub/",
    "copy-dot": "COPY . /all",
    "copy-directory": "COPY d /dd",
    "copy-directory-slash": "COPY d/ /dd/",
    "copy-over-directory": "COPY d /home",
    "copy-several": "COPY f.txt g.md /x/",
    "copy-glob": "COPY *.txt d/s* /x/",
    "copy-json": 'COPY ["f.txt", "/a b"]',
    "copy-chown": "COPY --chown=7:8 d /dd",
    "copy-chown-one-number": "COPY --chown=7 f.txt /x/",
    "copy-chown-name": "COPY --chown=u:g f.txt /x",
    "copy-chown-user-only": "COPY --chown=u f.txt /x",
    "copy-chmod": "COPY --chmod=640 f.txt /x",
    "copy-modes": "COPY modes /m",
    "copy-links": "COPY links /l",
    "copy-named-link": "COPY links/tofile /l/",
    "copy-variable": "ENV F=f.txt\nCOPY $F /x-$F",
    "copy-through-link": "RUN ln -s /home /h\nCOPY f.txt /h/",
    "copy-over-link": "RUN ln -s /home/target /h\nCOPY f.txt /h",
    "copy-empty-directory": "COPY empty /e",
    "add-tar": "ADD a.tar /t",
    "add-tar-gz": "ADD a.tar.gz /t/",
    "add-file": "ADD f.txt /x/",
    "add-directory": "ADD d /x",
    "copy-tar-stays": "COPY a.tar /t/",
    "stages": "FROM localhost/bb AS one\nRUN echo 1 > /one\nFROM localhost/bb\nCOPY --from=one /one /two",
    "stage-by-number": "FROM localhost/bb\nRUN echo 1 > /one\nFROM localhost/bb\nCOPY --from=0 /one /two",
    "stage-keeps-owner": "FROM localhost/bb AS one\nRUN touch /o && chown 5:6 /o && chmod 4755 /o\nFROM scratch\nCOPY --from=one /o /o",
    "stage-directory": "FROM localhost/bb AS one\nRUN mkdir -p /d/e && touch /d/e/f && chown -R 5 /d\nFROM scratch\nCOPY --from=one /d /x",
    "copy-from-image": "FROM scratch\nCOPY --from=localhost/bb /etc/passwd /p",
    "from-stage": "FROM localhost/bb AS one\nENV X=1\nFROM one\nENV Y=$X",
    "scratch": "FROM scratch\nCOPY f.txt /",
    "comments": "# first\n\n# second\nENV A=1\n   # third\nENV B=2",
    "lower-case": "env A=1\nworkdir /x",
    "escape-directive": "# escape=`\nFROM localhost/bb\nENV A=1 `\n  B=2",
    "tabs": "ENV\tA=1\nRUN\techo a > /a",
}  # fmt: skip
FLAGS = {
    "flag-build-arg": ("ARG X=1\nRUN echo $X > /x", ["--build-arg=X=2"]),
    "flag-label": ("ENV A=1", ["--label=a=b"]),
    "flag-annotation": ("ENV A=1", ["--annotation=a=b"]),
    "flag-target": ("FROM localhost/bb AS one\nENV A=1\nFROM localhost/bb AS two\nENV B=2", ["--target=one"]),
    "flag-squash": ("RUN touch /x", ["--squash"]),
    "flag-unsetenv": ("ENV A=1", ["--unsetenv=BASE"]),
    "flag-layers": ("ENV A=1\nRUN touch /x\nCMD x", ["--layers"]),
    "flag-docker": ("SHELL [\"/bin/sh\", \"-ec\"]\nHEALTHCHECK --interval=5s CMD true\nONBUILD RUN x\nRUN echo $0 > /x", ["--format=docker"]),
    "flag-ignorefile": ("COPY . /all", ["--ignorefile=ignore"]),
}  # fmt: skip
# What is compared otherwise, and why.
REASONS = {
    "run-mount-bind": ("history", "1.43 appends the mounted content's checksum to the text"),
    "copy-over-link": ("tree", "1.28 takes a link without a target for a directory; here the file replaces the link"),
    "workdir-trailing-slash": ("config", "1.43 drops the slash"),
    "flag-annotation": ("history", "1.43 adds the annotations to the last step's text, so that they miss the cache"),
}
# 1.28 hashes the names of owners as well, and writes two blanks where 1.43 has six.
_DIGEST = re.compile(r"(file|dir|multi):[0-9a-f]{64}")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    machine.skip(machine.why_not_containers())
    made = Sandbox()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def context(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("context")
    (folder / "busybox").write_bytes(Path(str(machine.find("busybox"))).read_bytes())
    (folder / "busybox").chmod(0o755)
    for name, text in (("f.txt", "hello\n"), ("g.md", "g\n"), ("d/a", "a\n"), ("d/b", "b\n"), ("d/sub/c", "c\n")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for path in folder.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    (folder / "modes").mkdir()
    for mode in (0o600, 0o755, 0o4755, 0o2711, 0o444):
        (folder / f"modes/{mode:o}").write_text("x")
        (folder / f"modes/{mode:o}").chmod(mode)
    os.mkfifo(folder / "modes/fifo")
    (folder / "links").mkdir()
    (folder / "links/tofile").symlink_to("../f.txt")
    (folder / "links/dangling").symlink_to("/nowhere")
    (folder / "empty").mkdir()
    (folder / "ignore").write_text("# comment\nd/*\n!d/b\n*.md\nmodes\nlinks\nbusybox\n")
    for name, packed in (("a.tar", False), ("a.tar.gz", True)):
        with tarfile.open(folder / name, "w:gz" if packed else "w:") as tar:
            member = tarfile.TarInfo("in/file")
            member.uid, member.mode, member.mtime = 9, 0o640, 1_500_000_000
            tar.addfile(member)
    (folder / "Containerfile").write_text(BASE)
    box.real_buildah("bud", "--quiet", "-t", "localhost/bb", "--network=none", folder)
    return folder


def described(box: Sandbox, image: str) -> dict[str, Any]:
    """What counts of an image: configuration, history without times, tree."""
    shown = json.loads(box.buildah("inspect", "--type=image", image).stdout)
    config = json.loads(shown["Config"])
    inner = {
        key: value for key, value in (config.get("config") or {}).items() if value and key not in ("Image", "Hostname")
    }
    inner.get("Labels", {}).pop("io.buildah.version", None)
    kept = {key: config.get(key) for key in ("architecture", "os", "author")} | inner
    # 1.43 starts from scratch in "/", 1.28 in nothing, which is the same.
    kept = {key: value for key, value in kept.items() if (key, value) != ("WorkingDir", "/")}
    texts = [
        (_DIGEST.sub(r"\1:", h["created_by"]).rstrip(), bool(h.get("empty_layer")), h.get("author"))
        for h in config.get("history") or ()
    ]
    annotations = json.loads(shown["Manifest"]).get("annotations") or {}
    notes = {key: value for key, value in annotations.items() if not key.endswith((".created", ".digest"))}
    root = Path(box.podman("image", "mount", image).stdout.strip())
    try:
        tree = {"/" + str(path.relative_to(root)): facts(path) for path in root.rglob("*")}
    finally:
        box.podman("image", "unmount", image)
    return {
        "config": kept,
        "history": texts,
        "annotations": notes,
        "tree": tree,
        "layers": len(config["rootfs"]["diff_ids"]),
    }


def facts(path: Path) -> tuple[Any, ...]:
    status = path.lstat()
    kind = stat.S_IFMT(status.st_mode)
    content: Any = ""
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    # Times of what was made just now differ between two builds; those of copied files do not.
    when = int(status.st_mtime) if status.st_mtime < 1_700_000_000 else "now"
    return (kind, oct(stat.S_IMODE(status.st_mode)), status.st_uid, status.st_gid, content, when)


def built(box: Sandbox, context: Path, text: str, flags: list[str], *, real: bool) -> Result:
    whole = text if text.startswith(("FROM", "ARG G", "# escape")) else f"FROM localhost/bb\n{text}"
    (context.parent / "file").write_text(whole + "\n")
    flags = [f.replace("=ignore", f"={context}/ignore") for f in flags]
    run = box.real_buildah if real else box.buildah
    words = [
        "bud",
        "--quiet",
        "--pull=false" if real else "--pull=never",
        "--network=none",
        "-f",
        context.parent / "file",
    ]
    return run(*words, *flags, context)


@pytest.mark.parametrize("name", [*SAME, *FLAGS])
def test_same_image(box: Sandbox, context: Path, name: str) -> None:
    text, flags = (SAME[name], []) if name in SAME else FLAGS[name]
    theirs = described(box, built(box, context, text, flags, real=True).stdout.split()[-1])
    ours = described(box, built(box, context, text, flags, real=False).stdout.split()[-1])
    different, _ = REASONS.get(name, ("", ""))
    for part in ours:
        if part != different:
            assert ours[part] == theirs[part], part
