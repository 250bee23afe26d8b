"""What a power cut leaves: files of just-pulled layers without contents, torn volatile records."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from ocikit.storage import ImageUnknown, Store, afterboot
from ocikit.storage.records import timestamp
from tests.unit.storage.test_store import ONE, make_image, options, put


def age(store: Store, layer: str, created: float) -> None:
    path = Path(store.graphroot, f"{store.driver}-layers/layers.json")
    rows = json.loads(path.read_text())
    for row in rows:
        if row["id"] == layer:
            row["created"] = timestamp(int(created * 1e9))
    path.write_text(json.dumps(rows))


@pytest.mark.parametrize(("before_boot_s", "gone"), [(20, True), (3600, False), (-20, False)])
def test_layers_from_just_before_a_power_cut(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before_boot_s: float,
    gone: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = Store.open(options(tmp_path))
    image = make_image(store, "localhost/a:1")
    top = store.image(image).layer
    base = store.layer(top).parent
    booted = time.time() - 5000
    monkeypatch.setattr(afterboot, "boot_time", lambda: booted)
    age(store, base, booted - 10_000)
    age(store, top, booted - before_boot_s)
    os.truncate(Path(store._driver.diff_dir(top), "c"), 0)  # never written out
    Path(afterboot.mark_path(store)).unlink()  # the boot
    after = Store.open(options(tmp_path))
    assert after.image(image).id == image  # looking changes nothing
    other = put(after, ONE)
    assert other == base
    assert os.path.exists(afterboot.mark_path(after))
    if not gone:
        assert after.image(image).id == image
        return
    with pytest.raises(ImageUnknown):
        after.image(image)
    assert [layer.id for layer in after.layers()] == [base] or after.layers() == []
    said = capsys.readouterr().err
    assert f'Layer \\"{top}\\" was damaged when the machine went down' in said
    assert "pull it again" in said


def test_torn_volatile_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open(options(tmp_path))
    make_image(store, "localhost/a:1")
    store.create_container(names=["c"], image="localhost/a:1", volatile=True)
    for path in (tmp_path / "g").rglob("volatile-*.json"):
        path.write_text(path.read_text()[:40])
    after = Store.open(options(tmp_path))
    assert after.containers() == []
    assert len(after.layers()) == 2
    after.create_container(names=["c"], image="localhost/a:1", volatile=True)
    assert "its records are gone" in capsys.readouterr().err
    assert after.collect_garbage() > 0
    assert len(after.containers()) == 1
