"""The root of the command line: its table, its exit codes, and what it does not load."""

import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from mcp_server.cli import program
from mcp_server.errors import NotAllowed, OutcomeUnknown, Refused, SettingsError, StoreUnavailable
from tests.support.longest import LONGEST_S

#: What a command that serves nobody has no use for.
HEAVY = ("mcp", "mcp_types", "uvicorn", "starlette", "mcp_server.sandbox")


def commands(group: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context) if isinstance(group, click.Group) else ():
        command = group.get_command(context, name)  # type: ignore[attr-defined]  # only a group gets here
        assert command is not None, name
        yield (*words, name), command
        yield from commands(command, (*words, name))


ALL = dict(commands(program.program))
_MEASURE = """
import resource, sys
from mcp_server.cli.program import main
code = 0
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
used = resource.getrusage(resource.RUSAGE_SELF)
loaded = sorted(name for name in {heavy!r} if name in sys.modules)
import json
sys.stderr.write(json.dumps({{"code": code, "cpu_s": used.ru_utime + used.ru_stime, "loaded": loaded}}))
"""


def measured(*words: str, home: str = "/nonexistent") -> dict[str, Any]:
    """Exit code, CPU seconds, and which heavy modules a command loaded."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE.format(heavy=HEAVY), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
        env={"MERAKI_SPECIALIST_HOME": home, "PATH": "/usr/bin:/bin"},
    )
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "words", [(), *(words for words in ALL if len(words) == 1)], ids=lambda words: " ".join(words) or "root"
)
def test_help_loads_nothing_heavy_and_takes_less_than_a_second_of_processor(words: tuple[str, ...]) -> None:
    """Whoever asks for help does not wait for the SDK, a web server or the simulated cloud."""
    found = measured(*words, "--help")
    assert found["code"] in (0, None)
    heavy = set(found["loaded"])
    assert heavy - ({"uvicorn", "mcp_server.sandbox"} if words == ("sandbox",) else set()) == set()
    assert found["cpu_s"] < 1.0


@pytest.mark.parametrize("words", [("history",), ("plans", "--json"), ("audit", "tail"), ("catalogue", "info")])
def test_a_reading_command_loads_no_server(words: tuple[str, ...], tmp_path: Any) -> None:
    """What is read from the store needs neither the SDK nor the sandbox."""
    home = tmp_path / "home"
    found = measured(*words, home=str(home))
    assert (found["code"], found["loaded"]) == (0, [])


def test_the_help_of_the_root_says_of_each_command_what_the_command_says_of_itself() -> None:
    """The short texts of the table are no other story than the commands' own help."""
    for name, (_, text) in program.COMMANDS.items():
        own = (ALL[(name,)].help or "").splitlines()[0]
        assert own.startswith(text.rstrip(".").split(";")[0].split(", or")[0][:30]), (name, own)


def test_every_reading_command_answers_as_json() -> None:
    """--json is there for programs wherever something is read."""
    catalogue = ("catalogue info", "catalogue search", "catalogue refresh")
    groups = ("key list", "secret list", "audit verify", "audit tail", *catalogue)
    reading = ("plans", "history", "show", "rollback", "doctor", "sandbox", "demo", *groups)
    for words in reading:
        assert "--json" in [flag for parameter in ALL[tuple(words.split())].params for flag in parameter.opts], words


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (click.Abort(), 1, "Aborted."),
        (click.UsageError("no"), 2, "Error: no"),
        (SettingsError("X", "'y'", "z"), 2, "Setting X: found 'y'; allowed: z"),
        (Refused("No.", "Ask."), 3, "Refused: No. Ask."),
        (NotAllowed(), 3, "Refused: The API key has no permission for this."),
        (StoreUnavailable("disk full"), 5, "(disk full)"),
        (OutcomeUnknown("lost", sent=True), 1, "Failed: The Meraki cloud gave no usable answer"),
        (ExceptionGroup("g", [Refused("Inside a group.", "")]), 3, "Refused: Inside a group."),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "Failed: No space left on device\n"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/x"), 1, "such file or directory (/x)"),
        (Refused("a\x1b[2Jb", ""), 3, "a\\u001b[2Jb"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_kind_of_error_has_its_exit_code_and_one_clean_line(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 done, 1 failed, 2 usage, 3 refused; never a traceback, never a control character."""

    def fail(_ctx: click.Context) -> None:
        raise error

    monkeypatch.setattr(program.program, "invoke", fail)
    with pytest.raises(SystemExit) as ended:
        program.main(["plans"])
    assert ended.value.code == code
    told = capsys.readouterr().err
    assert words in told
    assert "\x1b" not in told


@pytest.mark.parametrize("buffering", [1, -1])
def test_what_cannot_be_printed_is_told_once_and_nothing_is_left_to_print(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], buffering: int
) -> None:
    """Never as done, whether a line is written at once or at the end."""
    with Path("/dev/full").open("w", buffering) as full:  # its end writes what is left
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            program.main(["--version"])
    assert (ended.value.code, capfd.readouterr().err) == (1, "Failed: No space left on device\n")


def test_a_fault_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no error of ours goes up with its traceback."""

    def fail(_ctx: click.Context) -> None:
        raise ExceptionGroup("g", [KeyError("bug")])

    monkeypatch.setattr(program.program, "invoke", fail)
    with pytest.raises(KeyError):
        program.main(["plans"])


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and the name."""
    with pytest.raises(SystemExit) as ended:
        program.main(["aprove", "plan-1"])
    assert ended.value.code == 2
    assert "aprove" in capsys.readouterr().err
