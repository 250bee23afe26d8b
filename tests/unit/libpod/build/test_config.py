"""What each instruction does to the configuration."""

from typing import Any

import pytest

from ocikit.libpod.build.config import apply, apply_arg
from ocikit.libpod.build.errors import ParseError
from ocikit.libpod.build.imageconfig import BuildConfig
from ocikit.libpod.build.lexer import parse

BASE = {
    "config": {"Env": ["PATH=/bin", "A=old"], "Cmd": ["sh"], "Labels": {"l": "1"}, "WorkingDir": "/w"},
    "author": "me",
}


def after(text: str, base: dict[str, Any] = BASE) -> BuildConfig:
    config = BuildConfig.from_image(base)
    for step in parse(text, "f"):
        if step.keyword == "ARG":
            apply_arg(config, step, {"GIVEN": "g"}, {"TARGETARCH": "amd64"})
        else:
            apply(config, step)
    return config


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("ENV A=1 AA=$A", "Env", ["PATH=/bin", "A=1", "AA=old"]),
        ('ENV B="two words"', "Env", ["PATH=/bin", "A=old", "B=two words"]),
        ("ENV B  rest of  line", "Env", ["PATH=/bin", "A=old", "B=rest of  line"]),
        ('LABEL l1=v1 "l 2"="v 2"', "Labels", {"l": "1", "l1": "v1", "l 2": "v 2"}),
        ("WORKDIR s/", "WorkingDir", "/w/s"),
        ("WORKDIR /a/../b", "WorkingDir", "/b"),
        ("WORKDIR $A", "WorkingDir", "/w/old"),
        ("USER 1000:1000", "User", "1000:1000"),
        ("EXPOSE 80 443/tcp 53/udp", "ExposedPorts", {"443/tcp": {}, "53/udp": {}, "80/tcp": {}}),
        ('VOLUME ["/v", "/w"]', "Volumes", {"/v": {}, "/w": {}}),
        ("VOLUME /v /w", "Volumes", {"/v": {}, "/w": {}}),
        ("STOPSIGNAL SIGINT", "StopSignal", "SIGINT"),
        ("CMD echo hi", "Cmd", ["/bin/sh", "-c", "echo hi"]),
        ('CMD ["echo","hi"]', "Cmd", ["echo", "hi"]),
        ('ENTRYPOINT ["/e"]', "Entrypoint", ["/e"]),
        ("ARG GIVEN\nENV C=${GIVEN}-${TARGETARCH}", "Env", ["PATH=/bin", "A=old", "C=g-"]),
        ("ARG TARGETARCH\nENV C=$TARGETARCH", "Env", ["PATH=/bin", "A=old", "C=amd64"]),
        ("ARG A=arg\nENV C=$A", "Env", ["PATH=/bin", "A=old", "C=old"]),
    ],
)
def test_oci_config(text: str, key: str, value: object) -> None:
    assert after(text).oci()[key] == value


def test_entrypoint_resets_an_inherited_cmd_only() -> None:
    assert "Cmd" not in after('ENTRYPOINT ["/e"]').oci()
    assert after('CMD ["x"]\nENTRYPOINT ["/e"]').oci()["Cmd"] == ["x"]
    assert "Entrypoint" not in after("ENTRYPOINT []").oci()


def test_healthcheck() -> None:
    made = after("HEALTHCHECK --interval=5s --retries=2 CMD test -f /x").healthcheck
    assert made == {"Test": ["CMD-SHELL", "test -f /x"], "Interval": 5_000_000_000, "Retries": 2}
    assert after("HEALTHCHECK NONE").healthcheck == {"Test": ["NONE"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("WORKDIR", "WORKDIR requires exactly one argument"),
        ("USER a b", "USER requires exactly one argument"),
        ("EXPOSE", "EXPOSE requires at least one argument"),
        ("ENV x", "ENV must have two arguments"),
        ("SHELL /bin/sh", "SHELL requires the arguments to be in JSON form"),
        ("STOPSIGNAL FOO", "Invalid signal: FOO"),
        ("HEALTHCHECK FOO", r'Unknown type "FOO" in HEALTHCHECK \(try CMD\)'),
        ("HEALTHCHECK --retries=0 CMD x", r"--retries must be at least 1 \(not 0\)"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("FOO x", 'Unknown instruction: "FOO"'),
    ],
)
def test_errors_name_file_and_line(text: str, message: str) -> None:
    with pytest.raises(ParseError, match="f:1: " + message):
        after(text)
