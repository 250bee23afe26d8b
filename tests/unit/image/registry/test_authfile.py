from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ocikit.common.errors import ConfigError
from ocikit.image.registry import authfile, helpers
from ocikit.image.registry.authfile import AuthPaths
from ocikit.image.registry.credentials import Credentials

UP = Credentials("u", "p")


def test_store_writes_what_the_go_tools_write(tmp_path: Path) -> None:
    path = tmp_path / "new/auth.json"
    where = authfile.store_credentials("localhost:5002", UP, AuthPaths(str(path)))
    assert where == str(path)
    assert path.read_text() == '{\n\t"auths": {\n\t\t"localhost:5002": {\n\t\t\t"auth": "dTpw"\n\t\t}\n\t}\n}'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("auths", "key", "user"),
    [
        (["h", "h/a", "h/a/b"], "h/a/b", "h/a/b"),
        (["h", "h/a"], "h/a/b", "h/a"),
        (["h"], "h/a/b", "h"),
        (["https://h/v1/"], "h/a/b", "https://h/v1/"),
        (["https://index.docker.io/v1/"], "docker.io/library/x", "https://index.docker.io/v1/"),
        (["h/other"], "h/a/b", ""),
        (["x"], "h", ""),
    ],
)
def test_lookup_takes_the_longest_key(auths: list[str], key: str, user: str) -> None:
    import base64

    doc = {
        "auths": {
            name: {"auth": base64.b64encode(f"{name}|".replace(":", ";").encode() + b":p").decode()} for name in auths
        }
    }
    assert authfile.lookup_in(doc, key).username.replace(";", ":").rstrip("|") == user


def test_read_order_and_empty_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Path(os.environ["XDG_RUNTIME_DIR"]) / "containers/auth.json"
    docker = Path(os.environ["HOME"]) / ".docker/config.json"
    for path, entry in ((runtime, {}), (docker, {"auth": "dTpw"})):
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"auths": {"h": entry}}))
    assert authfile.find_with_origin("h/x", AuthPaths()) == (UP, str(docker))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    assert not authfile.find_credentials("h/x", AuthPaths())


def test_bad_json_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_text("bad")
    with pytest.raises(ConfigError, match="getting username and password: reading JSON file") as caught:
        authfile.find_credentials("h", AuthPaths(str(path)))
    assert str(path) in str(caught.value)


def test_docker_file_keeps_its_other_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"psFormat":"x","auths":{"old":{"auth":"dTpw"}}}')
    paths = AuthPaths(compat_authfile=str(path))
    authfile.store_credentials("docker.io", UP, paths)
    doc = json.loads(path.read_text())
    assert doc["psFormat"] == "x"
    assert set(doc["auths"]) == {"old", "https://index.docker.io/v1/"}
    assert authfile.remove_credentials("docker.io", paths)
    assert not authfile.remove_credentials("docker.io", paths)
    with pytest.raises(ConfigError, match="not supported"):
        authfile.store_credentials("h/ns", UP, paths)


def test_remove(tmp_path: Path) -> None:
    paths = AuthPaths(str(tmp_path / "a.json"))
    authfile.store_credentials("h", UP, paths)
    authfile.store_credentials("h/ns", UP, paths)
    assert authfile.remove_credentials("h", paths)
    assert authfile.find_credentials("h/ns", paths)
    assert not authfile.find_credentials("h/x", paths)
    authfile.remove_all(paths)
    assert not authfile.all_logins(paths)


@pytest.mark.parametrize("key", ["http://h", "h/a:tag", "h/a@sha256:00"])
def test_bad_keys(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError):
        authfile.store_credentials(key, UP, AuthPaths(str(tmp_path / "a.json")))


HELPER = """#!/bin/sh
store=$(dirname "$0")/secrets
case $1 in
store) cat > "$store" ;;
get) read host; if [ -e "$store" ]; then cat "$store"; else echo "credentials not found in native keychain"; exit 1; fi ;;
erase) rm -f "$store" ;;
list) [ -e "$store" ] && echo '{"h":"u"}' || echo '{}' ;;
esac
"""


def test_credential_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker-credential-mock"
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    path = tmp_path / "auth.json"
    path.write_text('{"credHelpers":{"h":"mock"}}')
    paths = AuthPaths(str(path))
    assert not authfile.find_credentials("h/x", paths)
    assert authfile.store_credentials("h", UP, paths) == "credential helper: mock"
    assert json.loads((tmp_path / "secrets").read_text()) == {"ServerURL": "h", "Username": "u", "Secret": "p"}
    assert authfile.find_credentials("h/x", paths) == UP
    assert authfile.find_credentials("other", AuthPaths(str(tmp_path / "none")), ["mock"]) == UP
    assert authfile.remove_credentials("h", paths)
    assert not authfile.find_credentials("h", paths)
    authfile.store_credentials("h", Credentials(identity_token="T"), paths)
    assert authfile.find_credentials("h", paths) == Credentials(identity_token="T")
    with pytest.raises(helpers.HelperError, match="executable file not found"):
        helpers.get("nonexistent", "h")
