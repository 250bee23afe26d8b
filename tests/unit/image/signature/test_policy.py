from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocikit.common.errors import ConfigError
from ocikit.image.context import SystemContext
from ocikit.image.errors import SignatureRejected
from ocikit.image.names import parse_image_name
from ocikit.image.reference import parse_normalized
from ocikit.image.signature import identity, policy


def load(tmp_path: Path, text: str) -> policy.Policy:
    path = tmp_path / "policy.json"
    path.write_text(text)
    return policy.load_policy(SystemContext(policy=str(path)))


ACCEPT = '[{"type":"insecureAcceptAnything"}]'
REJECT = '[{"type":"reject"}]'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "Default policy is missing"),
        ('{"default":[]}', "List of verification policy requirements must not be empty"),
        ('{"default":[{"type":"x"}]}', 'Unknown policy requirement type "x"'),
        ('{"default":[{"type":"reject","x":1}]}', 'Unknown key "x"'),
        ('{"default":[{"type":"reject"}],"y":1}', 'Unknown key "y"'),
        ('{"default":[{"type":"reject"}],"default":[]}', 'Duplicate key "default"'),
        ('{"default":[{"type":"reject"}]} x', "trailing data"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ('{"default":[{"type":"signedBy","keyType":"GPGKeys"}]}',
         "Exactly one of keyPath, keyPaths and keyData must be specified, none of them present"),
        ('{"default":[{"type":"sigstoreSigned"}]}',
         "exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki must be specified"),
        ('{"default":[{"type":"reject"}],"transports":{"dir":{"relative":[{"type":"reject"}]}}}', 'Unknown key "relative"'),
    ],
)  # fmt: skip
def test_bad_policies(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert "Error loading trust policy: invalid policy in" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("scope", "name", "rejected"),
    [
        ("h.example/a/b:1", "docker://h.example/a/b:1", True),
        ("h.example/a/b", "docker://h.example/a/b:1", True),
        ("h.example", "docker://h.example/a/b:1", True),
        ("*.example", "docker://h.example:5000/a/b:1", True),
        ("h.example/a/c", "docker://h.example/a/b:1", False),
        ("", "docker://other/x", True),
    ],
)
def test_scopes(tmp_path: Path, scope: str, name: str, rejected: bool) -> None:
    doc = {"default": json.loads(ACCEPT), "transports": {"docker": {scope: json.loads(REJECT)}}}
    loaded = load(tmp_path, json.dumps(doc))
    assert (loaded.requirements(parse_image_name(name)) == [{"type": "reject"}]) == rejected


def test_most_specific_scope_wins(tmp_path: Path) -> None:
    loaded = load(tmp_path, f'{{"default":{REJECT},"transports":{{"docker":{{"h.x":{REJECT},"h.x/good":{ACCEPT}}}}}}}')
    loaded.check(parse_image_name("docker://h.x/good/r:1"), b"{}", list, SystemContext())
    with pytest.raises(SignatureRejected, match=r"Running image docker://h.x/bad:1 is rejected by policy\."):
        loaded.check(parse_image_name("docker://h.x/bad:1"), b"{}", list, SystemContext())


@pytest.mark.parametrize(
    ("rule", "intended", "signed", "expected"),
    [
        ({"type": "matchExact"}, "h.x/a:1", "h.x/a:1", True),
        ({"type": "matchExact"}, "h.x/a:1", "h.x/a:2", False),
        ({"type": "matchRepository"}, "h.x/a:1", "h.x/a:2", True),
        ({"type": "matchRepoDigestOrExact"}, "h.x/a@sha256:" + "0" * 64, "h.x/a:2", True),
        ({"type": "matchRepoDigestOrExact"}, "h.x/a:1", "h.x/a:2", False),
        ({"type": "matchRepoDigestOrExact"}, "h.x/a:1", "h.x/a", False),
        ({"type": "exactReference", "dockerReference": "h.x/z:9"}, "h.x/a:1", "h.x/z:9", True),
        ({"type": "exactRepository", "dockerRepository": "h.x/z"}, "h.x/a:1", "h.x/z:9", True),
        ({"type": "remapIdentity", "prefix": "m.x", "signedPrefix": "h.x"}, "m.x/a:1", "h.x/a:1", True),
        ({"type": "remapIdentity", "prefix": "m.x", "signedPrefix": "h.x"}, "m.xy/a:1", "h.x/a:1", False),
        ({"type": "matchExact"}, "h.x/a:1", "NOT VALID", False),
    ],
)
def test_identities(rule: dict[str, str], intended: str, signed: str, expected: bool) -> None:
    assert identity.matches(identity.check_identity(rule), parse_normalized(intended), signed) == expected


def test_no_file_accepts_or_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ctx = SystemContext(root_for_implicit_paths=str(tmp_path))
    policy.load_policy(ctx).check(parse_image_name("docker://x"), b"", list, ctx)
    with pytest.raises(ConfigError, match=r"no policy\.json file found at any of the following"):
        policy.load_policy(ctx, required=True)
