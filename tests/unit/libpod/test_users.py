"""Users and groups as libpod.md section 4.6 has them."""

from __future__ import annotations

import pytest

from ocikit.common.errors import CannotExecute
from ocikit.libpod.spec.users import lookup

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1001:\nextra:x:2000:app,other\n"


@pytest.mark.parametrize(
    ("user", "extra", "uid", "gid", "groups", "home"),
    [
        ("", [], 0, 0, [], "/root"),
        ("app", [], 1000, 1001, [1001, 2000], "/home/app"),
        ("1000", [], 1000, 1001, [1001, 2000], "/home/app"),
        ("1234:99", [], 1234, 99, [99], "/"),
        ("app:extra", ["44"], 1000, 2000, [2000, 44], "/home/app"),
        ("4321", [], 4321, 0, [0], "/"),
    ],
)
def test_lookup(user: str, extra: list[str], uid: int, gid: int, groups: list[int], home: str) -> None:
    found = lookup(user, extra, PASSWD, GROUP)
    assert (found.uid, found.gid, found.home) == (uid, gid, home)
    assert found.groups == groups


def test_unknown_names() -> None:
    with pytest.raises(CannotExecute, match="unable to find user nouser: no matching entries in passwd file"):
        lookup("nouser", [], PASSWD, GROUP)
    with pytest.raises(CannotExecute, match="unable to find group nogroup: no matching entries in group file"):
        lookup("app:nogroup", [], PASSWD, GROUP)
