"""Files that ADD fetches by URL."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from ocikit.libpod.build.errors import BuildError


def fetch(url: str, timeout_s: float = 60) -> tuple[bytes, int]:
    """The body and its Last-Modified time (0 when the server does not say). Raises BuildError."""
    import requests

    try:
        answer = requests.get(url, timeout=timeout_s)
    except requests.RequestException as error:
        raise BuildError(f'reading "{url}": {error}') from None
    if answer.status_code != 200:
        raise BuildError(f'reading "{url}": invalid response status {answer.status_code}')
    modified = answer.headers.get("Last-Modified", "")
    try:
        return answer.content, int(parsedate_to_datetime(modified).timestamp())
    except (TypeError, ValueError):
        return answer.content, 0
