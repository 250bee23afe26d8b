from __future__ import annotations

from typing import Any

import pytest

from ocikit.common.errors import InvalidReference, UsageError
from ocikit.image.local.changes import apply_changes
from ocikit.image.local.naming import normalize_name


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("CMD=ls", {"Cmd": ["/bin/sh", "-c", "ls"]}),
        ('CMD ["a","b"]', {"Cmd": ["a", "b"]}),
        ('ENTRYPOINT=["/x"]', {"Entrypoint": ["/x"]}),
        ("ENV a=b", {"Env": ["a=b"]}),
        ("ENV=a=b", {"Env": ["a=b"]}),
        ('env A=1 B="x y"', {"Env": ["A=1", "B=x y"]}),
        ("ENV key some value", {"Env": ["key=some value"]}),
        ("LABEL x=y z=1", {"Labels": {"x": "y", "z": "1"}}),
        ("EXPOSE 80 53/udp", {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}),
        ('VOLUME ["/a"]', {"Volumes": {"/a": {}}}),
        ("USER=me", {"User": "me"}),
        ("WORKDIR /w", {"WorkingDir": "/w"}),
        ("STOPSIGNAL SIGINT", {"StopSignal": "SIGINT"}),
        ("ONBUILD RUN x", {"OnBuild": ["RUN x"]}),
    ],
)
def test_changes(change: str, expected: dict[str, Any]) -> None:
    config: dict[str, Any] = {}
    apply_changes(config, [change])
    assert config == expected


def test_later_values_replace() -> None:
    config: dict[str, Any] = {"Env": ["A=1", "B=2"]}
    apply_changes(config, ["ENV A=3"])
    assert config["Env"] == ["B=2", "A=3"]


@pytest.mark.parametrize("change", ["BOGUS=1", "ENV", "ENV x", "EXPOSE abc", "CMD [1]", ""])
def test_bad_changes(change: str) -> None:
    with pytest.raises(UsageError, match="invalid change"):
        apply_changes({}, [change])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo", "localhost/foo:latest"),
        ("foo:1", "localhost/foo:1"),
        ("a/b", "localhost/a/b:latest"),
        ("h.x/a", "h.x/a:latest"),
        ("localhost/x:2", "localhost/x:2"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
    ],
)
def test_normalize(text: str, expected: str) -> None:
    assert normalize_name(text) == expected


@pytest.mark.parametrize("text", ["", "UPPER", "a//b", "sha256:" + "0" * 64, "a:b:c"])
def test_not_a_name(text: str) -> None:
    with pytest.raises(InvalidReference):
        normalize_name(text)
