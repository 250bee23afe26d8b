"""What the manifest commands share: flags of an entry, and what they mean."""

from __future__ import annotations

from ocikit.common.cli.declare import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.common.cli.declare import Values
    from ocikit.image.local.listedit import Changes

ANNOTATION = Flag(
    "annotation", "stringArray", help="Set an annotation of the entry, as key=value (repeatable)", metavar="annotation"
)
ENTRY = (
    ANNOTATION,
    Flag("arch", help="Architecture of the entry", metavar="architecture", complete="archs"),
    Flag("features", "strings", help="Features of the entry's architecture", metavar="features", complete="none"),
    Flag("os", help="Operating system of the entry", metavar="OS", complete="none"),
    Flag("os-version", help="Version of the entry's operating system", metavar="version", complete="none"),
    Flag("variant", help="Variant of the entry's architecture", metavar="Variant", complete="none"),
)
INSECURE = Flag("insecure", "bool", help="Same as --tls-verify=false", hidden=True)


def parse_annotations(texts: Sequence[str]) -> dict[str, str]:
    """``key=value`` texts. Raises UsageError."""
    from ocikit.common.errors import UsageError

    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f'no value given for annotation "{text}": it must be key=value', hint="-")
        found[key] = value
    return found


def changes(opts: Values) -> Changes:
    """What the flags alter in an entry; a flag that wasn't given leaves its field."""
    from ocikit.image.local.listedit import Changes

    def given(flag: str) -> str | None:
        return str(opts[flag]) if flag in opts and opts.changed(flag) else None

    return Changes(
        os=given("os"),
        architecture=given("arch"),
        variant=given("variant"),
        os_version=given("os-version"),
        os_features=opts["os-features"] if "os-features" in opts and opts.changed("os-features") else None,
        features=opts.features if opts.changed("features") else None,
        annotations=parse_annotations(opts.annotation),
    )


def insecure(opts: Values) -> None:
    """``--insecure`` is an old name of ``--tls-verify=false``."""
    if opts.get("insecure"):
        opts.set("tls-verify", False)
