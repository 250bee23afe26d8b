"""The command-line kit: words and flags declared once, as data.

``declare`` holds the declarations, ``parse`` reads a command line by pflag's rules, ``program`` finds the command's
module by name and runs it. Everything that a well-formed command does not need (help, completion, prompts, usage
errors, progress) lives in modules that are loaded when asked for, and may use click.

A command is a module with ``COMMAND`` and ``run``::

    from ocikit.common.cli.declare import Command, Flag, at_least

    COMMAND = Command(
        use="rm [options] CONTAINER [CONTAINER...]",
        short="Remove one or more containers",
        flags=(Flag("force", "bool", "f", help="Stop and remove a running container"),),
        args=at_least(1),
        complete="containers",
    )

    def run(ctx, opts, args):
        ...
        return 0
"""
