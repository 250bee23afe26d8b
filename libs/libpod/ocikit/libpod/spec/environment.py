"""The environment of a container's first process (libpod.md section 5)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod.spec.defaults import DEFAULT_ENV

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ocikit.libpod.container.options import CreateOptions

PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY")


def parse_env(texts: Iterable[str], caller: Mapping[str, str]) -> dict[str, str]:
    """``K=V`` sets, ``K`` copies the caller's (absent: nothing), ``K*`` copies all of the caller's with that beginning."""
    result: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise OcikitError(f'invalid environment variable: "{text}"')
        if equals:
            result[name] = value
        elif name.endswith("*"):
            result.update((key, value) for key, value in caller.items() if key.startswith(name[:-1]))
        elif name in caller:
            result[name] = caller[name]
    return result


def read_env_file(path: str, caller: Mapping[str, str]) -> dict[str, str]:
    """``--env-file``: one variable a line, ``#`` starts a comment line."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise OcikitError(f"open {path}: {(error.strerror or '').lower()}") from None
    wanted = []
    for line in lines:
        text = line.lstrip()
        if text and not text.startswith("#"):
            if text.startswith("="):
                raise OcikitError(f"parsing file \"{path}\": no variable name on line '{text}'")
            wanted.append(text)
    return parse_env(wanted, caller)


def build(
    options: CreateOptions,
    image_env: Sequence[str],
    configured: Sequence[str],
    caller: Mapping[str, str],
    env_host: bool,
) -> dict[str, str]:
    """All sources together, the later ones winning; HOME and HOSTNAME come when the container is initialised."""
    env = {} if options.unsetenv_all else dict(DEFAULT_ENV)
    if not options.unsetenv_all:
        env.update(parse_env(configured, caller))
        for text in image_env:
            name, _, value = text.partition("=")
            env[name] = value
    for name in options.unsetenv:
        env.pop(name, None)
    if options.http_proxy:
        env.update((name, caller[name]) for name in PROXIES if name in caller)
    if options.env_host or env_host:
        env.update(caller)
    if options.tty:
        env["TERM"] = "xterm"
    for path in options.env_file:
        env.update(read_env_file(path, caller))
    env.update(parse_env(options.env, caller))
    for text in options.env_merge:
        name, _, value = text.partition("=")
        env[name] = _expand(value, env)
    return env


def _expand(text: str, env: Mapping[str, str]) -> str:
    """``${NAME}`` and ``$NAME`` replaced from ``env``; unknown names become empty."""
    result, position = "", 0
    while position < len(text):
        char = text[position]
        if char != "$" or position + 1 >= len(text):
            result += char
            position += 1
            continue
        if text[position + 1] == "{":
            end = text.find("}", position)
            if end < 0:
                return result + text[position:]
            result += env.get(text[position + 2 : end], "")
            position = end + 1
            continue
        end = position + 1
        while end < len(text) and (text[end].isalnum() or text[end] == "_"):
            end += 1
        result += env.get(text[position + 1 : end], "") if end > position + 1 else "$"
        position = end
    return result


def to_list(env: Mapping[str, str]) -> list[str]:
    """The form of config.json."""
    return [f"{name}={value}" for name, value in env.items()]
