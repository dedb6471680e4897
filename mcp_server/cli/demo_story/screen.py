"""The telling on a terminal, at most 100 columns wide."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mcp_server.cli.demo_story.telling import Claim, Event

Json = Any
WIDTH = 100


class Screen:
    """Shows each event as it comes."""

    def __init__(self, console: Console) -> None:
        """``console`` is at most WIDTH wide."""
        self._console = console
        self._command = ""  #: the last one that was given on a terminal
        self._scenes = 0

    def show(self, event: Event) -> None:
        """One event, by its kind."""
        getattr(self, f"_{event.kind}")(event.text, event.more)

    def open(self, *, is_played: bool) -> None:
        """What the reader is about to see."""
        who = (
            "Where a person is asked, the demo plays the person, and says so (--interactive: you answer)."
            if is_played
            else "Where a person is asked, that is you."
        )
        lines = (
            "A real MCP client drives the real server over stdio; the cloud is simulated, on this machine.",
            who,
            "Each ✓ is computed from the simulated cloud's own request journal and state, not from the server's words.",
            "Waits are shortened; the data directory and the key are thrown away at the end.",
        )
        self._console.print(Panel(Text("\n".join(lines)), title="Meraki Specialist MCP: demo", border_style="cyan"))

    def close(self, claims: list[Claim], seconds: float) -> None:
        """The sum of it."""
        failed = [claim for claim in claims if not claim.holds]
        held = len(claims) - len(failed)
        self._console.print()
        self._console.print(Rule(style="cyan"))
        style = "bold red" if failed or not claims else "bold green"
        self._console.print(Text(f"{held} of {len(claims)} claims hold; {seconds:.0f} s.", style))
        for claim in failed:
            self._console.print(Text(f"✗ {claim.text} ({claim.evidence})", "red"))
        if not failed:
            self._console.print(Text("With your own assistant: meraki-specialist serve --sandbox (see README.md)."))

    def _story(self, text: str, more: Mapping[str, Json]) -> None:
        self._scenes = 0
        self._console.print()
        self._console.print(Rule(Text(f"{text} ", "bold cyan"), style="cyan", align="left"))
        self._console.print(Text(str(more.get("about", "")), "italic"))

    def _scene(self, text: str, _more: Mapping[str, Json]) -> None:
        self._scenes += 1
        self._console.print()
        self._console.print(Text(f"{self._scenes}. {text}", "bold"))

    def _say(self, text: str, _more: Mapping[str, Json]) -> None:
        self._indented(Text(text, "italic"))

    def _call(self, text: str, more: Mapping[str, Json]) -> None:
        given = ", ".join(f"{name}={_argument(value)}" for name, value in more["arguments"].items())
        self._spoken(("assistant ▸", "blue"), Text.assemble((text, "bold"), f"({given})"))

    def _answer(self, text: str, more: Mapping[str, Json]) -> None:
        status = str(more.get("status"))
        style = "yellow" if status in ("needs_approval", "rolled_back") else "green"
        self._spoken(("server ◂", "magenta"), Text.assemble((status, style), f"  {text}"))

    def _rows(self, text: str, more: Mapping[str, Json]) -> None:
        table = Table.grid(padding=(0, 2), pad_edge=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in more["rows"]:
            table.add_row(Text(str(name)), Text(str(value), _line_style(str(value), str(name))))
        body = Group(Text(text, "bold"), table) if text else table
        self._console.print(Padding(body, (0, 0, 0, 14), expand=False))

    def _question(self, text: str, more: Mapping[str, Json]) -> None:
        title = "The client shows this question"
        played = Text("\n▸ The demo plays the person, and says yes.", "yellow") if more["played"] else Text("")
        self._boxed(Text(text) + played, title)

    def _terminal(self, text: str, more: Mapping[str, Json]) -> None:
        played = "the demo plays the person" if more["played"] else "yours"
        if text:
            self._command = text
        if not more["screen"] and more["played"]:
            return
        shown = Text.assemble(("$ " + self._command, "bold"), ("\n" if more["screen"] else ""), more["screen"])
        self._boxed(shown, f"A terminal outside the client ({played})")

    def _claim(self, text: str, more: Mapping[str, Json]) -> None:
        mark = ("✓ ", "bold green") if more["holds"] else ("✗ ", "bold red")
        table = Table.grid(padding=0)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(Text.assemble(mark), Group(Text(text), Text(str(more["evidence"]), "dim")))
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))

    def _boxed(self, body: Text, title: str) -> None:
        self._console.print(Padding(Panel(body, title=title, title_align="left", border_style="yellow"), (0, 0, 0, 2)))

    def _indented(self, text: Text) -> None:
        self._console.print(Padding(text, (0, 0, 0, 2), expand=False))

    def _spoken(self, who: tuple[str, str], what: Text) -> None:
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, justify="right", width=11)
        table.add_column(overflow="fold")
        table.add_row(Text.assemble(who), what)
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _argument(value: Json) -> str:
    if isinstance(value, list) and value and isinstance(value[0], Mapping) and "operation" in value[0]:
        return "[" + ", ".join(f"{one['operation']} {_body(one.get('body', {}))}" for one in value) + "]"
    text = str(value)
    return repr(text) if isinstance(value, str) else text


def _body(body: Mapping[str, Json]) -> str:
    parts = []
    for name, value in body.items():
        if isinstance(value, Mapping) and "$insert" in value:
            where = next((f"{key}={value[key]}" for key in ("before", "after", "at") if key in value), "")
            parts.append(f"{name}: $insert {len(value['$insert'])} {where}")
        else:
            parts.append(f"{name}: {value}")
    return "{" + ", ".join(parts) + "}"


def _line_style(value: str, name: str) -> str:
    if name == "warning":
        return "yellow"
    return "green" if value.startswith("+ ") else "red" if value.startswith("- ") else ""
