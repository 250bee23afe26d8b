"""``-v``, ``--mount`` and ``--tmpfs`` as records (podman-run(1); libpod.md section 5.1).

A parsed text becomes one of: an OCI mount (``{"destination","type","source","options"}``), a named volume, an overlay
volume, an image volume. ``Mounts`` collects them and refuses two for one destination.
"""

from __future__ import annotations

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

PROPAGATION = ("shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable")
_PAIRS = (("ro", "rw"), ("exec", "noexec"), ("dev", "nodev"), ("suid", "nosuid"), ("z", "Z"), ("bind", "rbind"))
_PLAIN = ("ro", "rw", "z", "Z", "U", "O", "exec", "noexec", "dev", "nodev", "suid", "nosuid", "bind", "rbind", "copy", "nocopy",
          "cached", "delegated", "consistent", "no-dereference", "noatime", "relatime", "strictatime", "sync", "async")  # fmt: skip
_IGNORED = ("cached", "delegated", "consistent", "z", "Z", "U", "copy", "nocopy", "O", "no-dereference")


class Mounts:
    """What a container shall see beyond its root: by destination, in the order of the command line.

    ``binds`` holds OCI mounts; ``volumes`` Podman's ``namedVolumes`` records (``volumeName`` empty = anonymous);
    ``overlays`` and ``images`` the ``overlayVolumes`` and ``ctrImageVolumes`` records. ``chown`` and ``relabel`` hold the
    destinations whose source is to be given to the container's user (``U``) or relabelled (``z``, ``Z``).
    """

    __slots__ = ("binds", "chown", "images", "nocopy", "overlays", "relabel", "volumes")

    def __init__(self) -> None:
        self.binds: dict[str, dict[str, Any]] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self.overlays: dict[str, dict[str, Any]] = {}
        self.images: dict[str, dict[str, Any]] = {}
        self.chown: list[str] = []
        self.nocopy: list[str] = []
        self.relabel: dict[str, str] = {}

    def destinations(self) -> list[str]:
        """Every destination, kind by kind."""
        return [*self.binds, *self.volumes, *self.overlays, *self.images]

    def add(self, kind: str, dest: str, record: dict[str, Any]) -> None:
        """Puts a record in; an equal one may repeat, another for the same destination raises OcikitError."""
        table: dict[str, dict[str, Any]] = getattr(self, kind)
        if dest in self.destinations() and table.get(dest) != record:
            raise OcikitError(f"{dest}: duplicate mount destination")
        table[dest] = record

    def merge_under(self, lower: Mounts) -> None:
        """Adds from ``lower`` what has no destination here (images' volumes, ``--volumes-from``)."""
        taken = set(self.destinations())
        for kind in ("binds", "volumes", "overlays", "images"):
            for dest, record in getattr(lower, kind).items():
                if dest not in taken:
                    getattr(self, kind)[dest] = record


def clean(path: str) -> str:
    """A container path made lexically clean as Go's path.Clean does. Raises OcikitError on a relative one."""
    if not path.startswith("/"):
        raise OcikitError(f'invalid container path "{path}", must be an absolute path')
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def check_options(options: Sequence[str], *, overlay: bool = False) -> None:
    """Raises OcikitError on an option that -v does not know or on two that exclude each other."""
    seen: set[str] = set()
    for option in options:
        if option in PROPAGATION:
            if not seen.isdisjoint(PROPAGATION):
                shown = ", ".join(options)
                raise OcikitError(
                    f"invalid options \"{shown}\", can only specify 1 '[r]shared', '[r]private', '[r]slave' or '[r]unbindable' option"
                )
        elif option not in _PLAIN and not option.startswith(("idmap", "upperdir=", "workdir=", "subpath=", "size=", "uid=", "gid=", "mode=")):  # fmt: skip
            raise OcikitError(f'invalid option type "{option}"')
        seen.add(option)
    for first, second in _PAIRS:
        if first in seen and second in seen:
            raise OcikitError(f"cannot pass '{first}' and '{second}' options more than once")


def bind_options(options: Iterable[str], *, volume: bool = False) -> list[str]:
    """The OCI options of a bind: the user's, then propagation, (volumes) nosuid and nodev, and rbind."""
    kept = [option for option in options if option not in _IGNORED and not option.startswith(("idmap", "subpath="))]
    recursion = "rbind"
    if "bind" in kept:
        recursion = "bind"
    kept = [option for option in kept if option not in ("bind", "rbind")]
    result = [option for option in kept if option not in ("exec", "dev", "suid") or volume is False]
    if not any(option in PROPAGATION for option in kept):
        result.append("rprivate" if recursion == "rbind" else "private")
    if volume:
        result = [option for option in result if option not in ("nosuid", "nodev")]
        result += [no for yes, no in (("suid", "nosuid"), ("dev", "nodev")) if yes not in kept]
        result += [yes for yes in ("exec",) if yes in kept]
    result.append(recursion)
    return result


def tmpfs_options(options: Iterable[str]) -> list[str]:
    """The OCI options of a tmpfs: the user's, then rprivate, nosuid, nodev and tmpcopyup unless turned off."""
    result = []
    copyup = True
    for option in options:
        if option == "notmpcopyup":
            copyup = False
        elif option not in ("tmpcopyup", "U"):
            result.append(option)
    if not any(option in PROPAGATION for option in result):
        result.append("rprivate")
    for yes, no in (("suid", "nosuid"), ("dev", "nodev")):
        if no not in result and yes not in result:
            result.append(no)
    if copyup:
        result.append("tmpcopyup")
    return result


def parse_volume(text: str, mounts: Mounts) -> None:
    """One ``-v [SOURCE:]DESTINATION[:OPTIONS]``."""
    parts = _split_colons(text)
    if len(parts) > 3 or not text:
        raise OcikitError(f'incorrect volume format, should be [host-dir:]ctr-dir[:option]: "{text}"')
    options: list[str] = []
    if len(parts) == 1:
        source, dest = "", parts[0]
    else:
        source, dest = parts[0], parts[1]
        if not source:
            raise OcikitError("host directory cannot be empty")
        if len(parts) == 3:
            options = [option for option in parts[2].split(",") if option]
    dest = clean(dest)
    check_options(options)
    add_volume(source, dest, options, mounts)


def add_volume(source: str, dest: str, options: list[str], mounts: Mounts) -> None:
    """A bind, an overlay or a volume, depending on the look of ``source`` (path, name or empty)."""
    _note(dest, options, mounts)
    if "O" in options and source.startswith(("/", ".")):
        rest = [option for option in options if option != "O"]
        mounts.add("overlays", dest, {"dest": dest, "source": source, "options": rest or None})
    elif source.startswith(("/", ".", "~")):
        record = {"destination": dest, "type": "bind", "source": source, "options": bind_options(options)}
        if any(option.startswith("idmap") for option in options):
            record["options"] = [*record["options"], *(option for option in options if option.startswith("idmap"))]
        mounts.add("binds", dest, record)
    else:
        volume: dict[str, Any] = {"volumeName": source, "dest": dest, "options": bind_options(options, volume=True)}
        for option in options:
            if option.startswith("subpath="):
                volume["subPath"] = option[8:]
        mounts.add("volumes", dest, volume)


def _note(dest: str, options: Iterable[str], mounts: Mounts) -> None:
    for option in options:
        if option == "U":
            mounts.chown.append(dest)
        elif option == "nocopy":
            mounts.nocopy.append(dest)
        elif option in ("z", "Z"):
            mounts.relabel[dest] = option


def _split_colons(text: str) -> list[str]:
    """Split at colons; ``\\:`` stands for a colon in a name."""
    parts = [""]
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\" and text[position + 1 : position + 2] == ":":
            parts[-1] += ":"
            position += 1
        elif char == ":":
            parts.append("")
        else:
            parts[-1] += char
        position += 1
    return parts


def parse_tmpfs(text: str, mounts: Mounts) -> None:
    """One ``--tmpfs DESTINATION[:OPTIONS]``."""
    dest, _, options = text.partition(":")
    dest = clean(dest)
    record = {
        "destination": dest,
        "type": "tmpfs",
        "source": "tmpfs",
        "options": tmpfs_options(option for option in options.split(",") if option),
    }
    mounts.add("binds", dest, record)


def parse_mount(text: str, mounts: Mounts) -> None:
    """One ``--mount type=TYPE,key=value,...``; the type defaults to volume."""
    kind = "volume"
    fields: list[tuple[str, str, bool]] = []
    for field in _split_csv(text):
        key, equals, value = field.partition("=")
        if key == "type":
            if not equals or not value:
                raise OcikitError(f'"{field}": must have an argument')
            kind = value
        else:
            fields.append((key, value, bool(equals)))
    known = ("bind", "volume", "tmpfs", "ramfs", "devpts", "image", "artifact", "glob")
    if kind not in known:
        raise OcikitError(f'invalid filesystem type "{kind}"')
    if kind in ("tmpfs", "ramfs"):
        _memory(kind, fields, mounts)
    elif kind == "devpts":
        _devpts(fields, mounts)
    elif kind in ("image", "artifact"):
        _image(kind, fields, mounts)
    else:
        _bind_or_volume(kind, fields, mounts)


def _split_csv(text: str) -> list[str]:
    """Commas separate, double quotes protect (RFC 4180 as Go's csv reader)."""
    if '"' not in text:
        return [field for field in text.split(",") if field]
    fields, current, quoted = [], "", False
    for char in text:
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append(current)
            current = ""
        else:
            current += char
    return [field for field in [*fields, current] if field]


def _truth(key: str, value: str, given: bool) -> bool:
    if not given:
        return True
    if value.lower() in ("1", "t", "true"):
        return True
    if value.lower() in ("0", "f", "false"):
        return False
    raise OcikitError(f'invalid value for {key}: "{value}" is not true or false')


def _bind_or_volume(kind: str, fields: list[tuple[str, str, bool]], mounts: Mounts) -> None:
    source = dest = ""
    options: list[str] = []
    subpath = ""
    for key, value, given in fields:
        if key in ("src", "source"):
            source = value
        elif key in ("dst", "destination", "target"):
            dest = value
        elif key in ("ro", "readonly", "rw"):
            truth = _truth(key, value, given)
            options.append("ro" if (key != "rw") == truth else "rw")
        elif key in ("exec", "noexec", "dev", "nodev", "suid", "nosuid"):
            truth = _truth(key, value, given)
            bare = key.removeprefix("no")
            options.append(bare if key.startswith("no") != truth else "no" + bare)
        elif key == "bind-propagation":
            if value not in PROPAGATION:
                raise OcikitError(f'invalid mount option "{key}={value}"')
            options.append(value)
        elif key in PROPAGATION and not given:
            options.append(key)
        elif key == "bind-nonrecursive":
            options.append("bind" if _truth(key, value, given) else "rbind")
        elif key == "relabel":
            if value not in ("shared", "private"):
                raise OcikitError(f"{value} mount option must be 'private' or 'shared'")
            options.append("z" if value == "shared" else "Z")
        elif key in ("z", "Z") and not given:
            options.append(key)
        elif key in ("U", "chown"):
            if _truth(key, value, given):
                options.append("U")
        elif key == "idmap":
            options.append(f"idmap={value}" if value else "idmap")
        elif key in ("subpath", "volume-subpath"):
            subpath = value
        elif key in ("nocopy", "copy", "no-dereference"):
            options.append(key)
        elif key in ("consistency", "volume-label", "volume-opt"):
            continue  # consistency is for other systems; labels and options concern plugins' volumes
        else:
            raise OcikitError(f"{key}: invalid mount option")
    if not dest:
        raise OcikitError("must set volume destination")
    dest = clean(dest)
    check_options(options)
    if kind == "glob":
        import glob

        matches = sorted(glob.glob(source))
        if not matches:
            raise OcikitError(f'no file paths matching glob "{source}"')
        for match in matches:
            add_volume(match, f"{dest.rstrip('/')}/{match.rsplit('/', 1)[-1]}", list(options), mounts)
        return
    if kind == "bind":
        if not source:
            source = dest
        if not source.startswith(("/", ".")):
            source = "./" + source
        if subpath:
            source = source.rstrip("/") + "/" + subpath.lstrip("/")
    elif subpath:
        options.append(f"subpath={subpath}")
    elif source.startswith("/"):
        raise OcikitError(f"invalid volume name {source}: a volume's name cannot be a path; use type=bind")
    add_volume(source, dest, options, mounts)


def _memory(kind: str, fields: list[tuple[str, str, bool]], mounts: Mounts) -> None:
    dest = ""
    options: list[str] = []
    for key, value, given in fields:
        if key in ("dst", "destination", "target"):
            dest = clean(value)
        elif key in ("tmpfs-size", "ramfs-size", "size"):
            options.append(f"size={value}")
        elif key in ("tmpfs-mode", "ramfs-mode", "mode"):
            options.append(f"mode={value}")
        elif key in ("ro", "readonly", "rw"):
            options.append("ro" if (key != "rw") == _truth(key, value, given) else "rw")
        elif key in ("exec", "noexec", "dev", "nodev", "suid", "nosuid", "tmpcopyup", "notmpcopyup", "noswap"):
            options.append(key)
        elif key in ("U", "chown"):
            if _truth(key, value, given):
                mounts.chown.append(dest)
        elif key in ("src", "source"):
            raise OcikitError(f"{key} is not supported with tmpfs mounts" if kind == "tmpfs" else f"{key}: invalid mount option")  # fmt: skip
        elif key in ("consistency",):
            continue
        else:
            raise OcikitError(f"{key}: invalid mount option")
    if not dest:
        raise OcikitError("must set volume destination")
    if kind == "ramfs":
        plain = [option for option in options if option not in ("tmpcopyup", "notmpcopyup")]
        mounts.add("binds", dest, {"destination": dest, "type": "ramfs", "source": "ramfs", "options": plain})
        return
    record = {"destination": dest, "type": "tmpfs", "source": "tmpfs", "options": tmpfs_options(options)}
    mounts.add("binds", dest, record)


def _devpts(fields: list[tuple[str, str, bool]], mounts: Mounts) -> None:
    dest = ""
    options = []
    for key, value, given in fields:
        if key in ("dst", "destination", "target"):
            dest = clean(value)
        elif key in ("uid", "gid", "mode", "max") and given:
            options.append(f"{key}={value}")
        else:
            raise OcikitError(f"{key}: invalid mount option")
    if not dest:
        raise OcikitError("must set volume destination")
    mounts.add("binds", dest, {"destination": dest, "type": "devpts", "source": "devpts", "options": options})


def _image(kind: str, fields: list[tuple[str, str, bool]], mounts: Mounts) -> None:
    if kind == "artifact":
        raise OcikitError("mounting artifacts is not possible yet: copy the artifact out and mount it with type=bind")
    source = dest = subpath = ""
    writable = False
    for key, value, given in fields:
        if key in ("src", "source"):
            source = value
        elif key in ("dst", "destination", "target"):
            dest = clean(value)
        elif key in ("rw", "readwrite"):
            writable = _truth(key, value, given)
        elif key in ("ro", "readonly"):
            writable = not _truth(key, value, given)
        elif key == "subpath":
            subpath = value
        elif key == "consistency":
            continue
        else:
            raise OcikitError(f"{key}: invalid mount option")
    if not source or not dest:
        raise OcikitError("must set source and destination for image volume")
    record: dict[str, Any] = {"source": source, "dest": dest, "rw": writable}
    if subpath:
        record["subPath"] = subpath
    mounts.add("images", dest, record)


def sort_by_depth(mounts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A stable sort by the number of path components, so that a parent comes before what lies in it."""
    return sorted(mounts, key=lambda mount: mount["destination"].rstrip("/").count("/"))
