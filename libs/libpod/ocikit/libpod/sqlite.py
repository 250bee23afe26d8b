"""The C half of sqlite3, without what is around it.

The package ``sqlite3`` costs datetime and collections.abc, 5 ms. ``_sqlite3`` alone asks for ``functools`` (and with it
collections, types, operator, reprlib: 4 ms in each ``ps``, ``run`` and ``exec``) because it wants one name of it,
``lru_cache`` for its statements, whose real work is done in C. So while ``_sqlite3`` is loaded, and no longer, a stand-in
with that name answers to ``functools``. Where anything of this is different, the ordinary import does it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["sqlite"]


def _imported(name: str) -> Any:
    __import__(name)
    return sys.modules[name]


def _alone() -> Any:
    """``_sqlite3`` with the least that it can do with."""
    if "functools" in sys.modules or "_sqlite3" in sys.modules:
        return _imported("_sqlite3")
    wrapper = _imported("_functools")._lru_cache_wrapper

    def lru_cache(maxsize: int = 128) -> Any:
        return lambda function: wrapper(function, maxsize, False, tuple)

    stand_in: Any = type(sys)("functools")
    stand_in.lru_cache = lru_cache
    sys.modules["functools"] = stand_in
    try:
        return _imported("_sqlite3")
    finally:
        del sys.modules["functools"]


try:
    sqlite: Any = _alone()
except (ImportError, AttributeError):  # pragma: no cover - not CPython, or another one than we know
    import sqlite3

    sqlite = sqlite3
