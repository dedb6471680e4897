"""docs/reference/command-line.md: every command, from click."""

from collections.abc import Iterator

import click

from mcp_server.cli.program import program
from scripts.reference.words import table


def page() -> str:
    """The page."""
    return "\n\n".join([_HEAD, *(_section(path, command) for path, command in commands(program, "meraki-specialist"))])


_HEAD = """# Command line

Exit codes: 0 done, 1 failed, 2 usage or a wrong setting, 3 refused, 4 needs approval, 5 the store cannot be used here
(`audit verify` keeps 1 for a chain that is not whole; with 5 it says nothing about the chain). Where this account may
not write in the data directory, `audit verify`, `audit export`, `audit tail`, `backup`, `plans`, `history`, `show` and
`changes` read a private copy of the store and its log, which they make below `TMPDIR`. A passphrase is taken from the
terminal only, never from an argument, a pipe or the environment. Under `serve --transport stdio` nothing but MCP goes
to standard output."""


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with its path, groups included, in the order in which help lists them."""
    yield path, group
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    usage = f"```text\n{path} {' '.join(command.collect_usage_pieces(context))}\n```"
    text = (command.help or "").replace("\n", " ").strip()
    options = [(_names(option), option.help or "", _default(option)) for option in _options(command)]
    parts = [f"## {path}", text, usage]
    if options:
        parts.append(table(["option", "meaning", "default"], options))
    return "\n\n".join(parts)


def _options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option) and not one.hidden]


def _names(option: click.Option) -> str:
    names = " or ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = option.type
    if isinstance(kind, click.Choice):
        return f"{names} {', '.join(str(choice) for choice in kind.choices)}"
    return names if option.is_flag else f"{names} {kind.name}"


def _default(option: click.Option) -> str:
    value = option.default
    is_told = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    return f"`{value}`" if is_told and not option.is_flag else ""
