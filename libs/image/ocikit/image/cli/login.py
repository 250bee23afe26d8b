"""podman login."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, at_most
from ocikit.common.cli.optionsets.registry import LOGIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="login [options] [REGISTRY]",
    short="Log in to a container registry",
    long="Checks a user name and a password at a registry and keeps them for later commands.",
    example="podman login quay.io\npodman login --username ... --password ... quay.io\npodman login --get-login quay.io",
    flags=LOGIN,
    args=at_most(1),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Logs in, or prints who is logged in."""
    from ocikit.common.errors import UsageError
    from ocikit.image.cli import helpers
    from ocikit.image.registry import access, login

    if opts.authfile and opts.compat_auth_file:
        raise UsageError(
            "options for paths to the credential file and to the Docker-compatible credential file "
            "can not be set simultaneously",
            hint="-",
        )
    context = helpers.registry_context(opts)
    target = args[0] if args else login.default_registry(access.load_conf(context))
    options = login.LoginOptions(
        context,
        username=opts.username,
        password=_password(ctx, opts),
        compat_authfile=opts.compat_auth_file,
        verbose=opts.verbose,
    )
    if opts.get_login:
        sys.stdout.write(login.stored_user(target, options) + "\n")
        return 0
    login.login(target, options, _say, _ask)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _password(ctx: Context, opts: Values) -> str:
    """The password that the flags give; "" if it is to be asked for."""
    from ocikit.common.errors import UsageError

    if opts.get("secret"):
        if opts.password_stdin or opts.password:
            raise UsageError("--secret can not be used with --password options", hint="-")
        return _from_secret(ctx, opts)
    if not opts.password_stdin:
        return str(opts.password)
    if opts.password:
        raise UsageError("can't specify both --password-stdin and --password", hint="-")
    if not opts.username:
        raise UsageError("must provide --username with --password-stdin", hint="-")
    return sys.stdin.read().rstrip("\n")


def _from_secret(ctx: Context, opts: Values) -> str:
    """The password out of a podman secret; without --username the secret's name is the user's."""
    from ocikit.image.cli import helpers

    text = helpers.secret_data(ctx, opts.secret)
    if not opts.username:
        opts.set("username", opts.secret)
    return text


def _ask(question: str, hidden: bool) -> str:
    if hidden:
        import getpass

        return getpass.getpass(question)
    from ocikit.common.errors import OcikitError

    sys.stdout.write(question)
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise OcikitError(
            "getting username and password: reading username: EOF", hint="use --username and --password-stdin"
        )
    return answer.strip()
