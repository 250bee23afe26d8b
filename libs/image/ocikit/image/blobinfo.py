"""The blob info cache: what earlier copies learned of blobs, in the Go tools' own file (image spec, section 9).

Every access is one exclusive transaction of its own; a cache that can't be used is none, never an error.
"""

from __future__ import annotations

import os

from ocikit.image.transports.base import Candidate

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from ocikit.image.context import SystemContext
    from ocikit.image.transports.base import BlobInfoCache

FILE = "blob-info-cache-v1.sqlite"
UNCOMPRESSED = "uncompressed"
MAX_KNOWN, MAX_UNKNOWN = 5, 2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS DigestUncompressedPairs(
    anyDigest TEXT PRIMARY KEY NOT NULL, uncompressedDigest TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS DigestUncompressedPairs_index_uncompressedDigest
    ON DigestUncompressedPairs(uncompressedDigest);
CREATE TABLE IF NOT EXISTS DigestCompressors(digest TEXT PRIMARY KEY NOT NULL, compressor TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS KnownLocations(
    transport TEXT NOT NULL, scope TEXT NOT NULL, digest TEXT NOT NULL, location TEXT NOT NULL,
    time TIMESTAMP NOT NULL, PRIMARY KEY (transport, scope, digest, location));
CREATE TABLE IF NOT EXISTS DigestTOCUncompressedPairs(
    tocDigest TEXT PRIMARY KEY NOT NULL, uncompressedDigest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS DigestSpecificVariantCompressors(
    digest TEXT PRIMARY KEY NOT NULL, specificVariantCompressor TEXT NOT NULL, specificVariantAnnotations BLOB NOT
    NULL);
"""


def cache_dir(ctx: SystemContext) -> str:
    """Root: /var/lib/containers/cache; others: under XDG_DATA_HOME. OCIKIT_BLOB_INFO_CACHE_DIR overrides (for
    tests).
    """
    if ctx.blob_info_cache_dir:
        return ctx.blob_info_cache_dir
    if os.environ.get("OCIKIT_BLOB_INFO_CACHE_DIR"):
        return os.environ["OCIKIT_BLOB_INFO_CACHE_DIR"]
    if os.geteuid() == 0 and "_CONTAINERS_ROOTLESS_UID" not in os.environ:
        return "/var/lib/containers/cache"
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(data, "containers/cache")


def open_cache(ctx: SystemContext) -> BlobInfoCache:
    """The cache of this user, or one in memory if the file can't be used. The file is touched at the first use."""
    return SqliteCache(os.path.join(cache_dir(ctx), FILE))


class SqliteCache:
    """Safe to use from several threads; ``path`` ":memory:" is a cache for this process."""

    def __init__(self, path: str) -> None:
        from threading import Lock

        self._path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        if self._connection is None:
            try:
                if self._path != ":memory:":
                    os.makedirs(os.path.dirname(self._path), 0o700, exist_ok=True)
                self._connection = self._open(self._path)
            except (OSError, sqlite3.Error):
                self._connection = self._open(":memory:")
        return self._connection

    @staticmethod
    def _open(path: str) -> sqlite3.Connection:
        import sqlite3

        connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL")
        found = connection.execute(
            "SELECT 1 FROM sqlite_master WHERE type='table' AND name='DigestSpecificVariantCompressors'"
        ).fetchone()
        if found is None:
            connection.executescript("BEGIN EXCLUSIVE;" + _SCHEMA + "COMMIT;")
        return connection

    def _run(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        import sqlite3

        with self._lock:
            try:
                return self._connect().execute(statement, values).fetchall()
            except sqlite3.Error:
                return []

    def uncompressed_digest(self, digest: str) -> str:
        """The digest of the uncompressed form, "" if unknown."""
        rows = self._run("SELECT uncompressedDigest FROM DigestUncompressedPairs WHERE anyDigest=?", (digest,))
        if rows:
            return str(rows[0][0])
        # A digest that others inflate to is uncompressed itself.
        rows = self._run("SELECT 1 FROM DigestUncompressedPairs WHERE uncompressedDigest=? LIMIT 1", (digest,))
        return digest if rows else ""

    def record_uncompressed_pair(self, digest: str, uncompressed: str) -> None:
        self._run("INSERT OR REPLACE INTO DigestUncompressedPairs VALUES (?,?)", (digest, uncompressed))

    def uncompressed_for_toc(self, toc_digest: str) -> str:
        rows = self._run("SELECT uncompressedDigest FROM DigestTOCUncompressedPairs WHERE tocDigest=?", (toc_digest,))
        return str(rows[0][0]) if rows else ""

    def record_toc_pair(self, toc_digest: str, uncompressed: str) -> None:
        self._run("INSERT OR REPLACE INTO DigestTOCUncompressedPairs VALUES (?,?)", (toc_digest, uncompressed))

    def compressor(self, digest: str) -> str:
        """ "uncompressed", "gzip", "zstd", ...; "" if unknown."""
        rows = self._run("SELECT compressor FROM DigestCompressors WHERE digest=?", (digest,))
        return str(rows[0][0]) if rows else ""

    def record_compressor(self, digest: str, name: str) -> None:
        if name:
            self._run("INSERT OR REPLACE INTO DigestCompressors VALUES (?,?)", (digest, name))

    def record_location(self, transport: str, scope: str, digest: str, location: str) -> None:
        from datetime import UTC, datetime

        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
        self._run("INSERT OR REPLACE INTO KnownLocations VALUES (?,?,?,?,?)", (transport, scope, digest, location, now))

    def candidates(self, transport: str, scope: str, digest: str, can_substitute: bool) -> list[Candidate]:
        """Where the blob (or, if allowed, another form of it) may be had: the asked digest first, then the newest."""
        digests = [digest]
        plain = ""
        if can_substitute:
            plain = self.uncompressed_digest(digest)
            if plain:
                rows = self._run("SELECT anyDigest FROM DigestUncompressedPairs WHERE uncompressedDigest=?", (plain,))
                digests += sorted({str(row[0]) for row in rows} - {digest, plain})
                if plain != digest:
                    digests.append(plain)
        known: list[tuple[tuple[bool, bool], str, Candidate]] = []
        unknown: list[Candidate] = []
        for one in digests:
            kind = self.compressor(one)
            if one != digest and not kind:
                continue
            rows = self._run(
                "SELECT location, time FROM KnownLocations WHERE transport=? AND scope=? AND digest=?",
                (transport, scope, one),
            )
            order = (one != digest, one == plain and one != digest)
            known += [(order, str(row[1]), Candidate(one, str(row[0]), kind)) for row in rows]
            if not rows:
                unknown.append(Candidate(one, "", kind))
        known.sort(key=lambda entry: entry[1], reverse=True)
        known.sort(key=lambda entry: (entry[0][1], entry[0][0]))
        return [entry[2] for entry in known[:MAX_KNOWN]] + unknown[:MAX_UNKNOWN]

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
