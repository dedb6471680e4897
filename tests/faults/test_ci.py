""".ci/run, with stand-ins for the scripts that it calls: it waits for all of them, and says when one failed."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.longest import LONGEST_S

ROOT: Final = Path(__file__).resolve().parents[2]
CALLS: Final = [
    "check",
    "install",
    "test",
    "faults kill --quick",
    "faults processes",
    "faults soak --quick --seed 104",
    "faults syscalls --quick CI=true",
    "sweep --quick",
]

#: Looks again and again, yet not for ever, also when a call that it waits for never comes.
_UNTIL_LAST: Final = f"for _ in {{1..5000}}; do [ $(wc -l < calls) -ge {len(CALLS) - 1} ] && break; done"


def _checkout(place: Path, failing: str) -> Path:
    """A folder with .ci/run and scripts that note their call; the sweep ends only after every other one has."""
    (place / "scripts").mkdir(parents=True)
    (place / ".ci").mkdir()
    for name in (".ci/run", "scripts/environment"):
        shutil.copy(ROOT / name, place / name)
    for name in ("install", "check", "test", "sweep", "faults"):
        waits = _UNTIL_LAST if name == "sweep" else ""
        script = (
            f'{waits}\ncall="{name}${{*:+ $*}}${{CI:+ CI=$CI}}"\necho "$call" >> calls\n[ "$call" != "{failing}" ]\n'
        )
        _program(place / "scripts" / name, script)
    return place


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!{shutil.which('bash')}\n{text}", "utf-8")
    path.chmod(0o755)


def _run(place: Path, path: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [place / ".ci" / "run"], env={"PATH": path}, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )


def _commands(place: Path, *names: str) -> str:
    """A PATH with the commands that .ci/run and the stand-ins need and these, which note their call."""
    place.mkdir()
    for name in ("bash", "dirname", "env", "wc"):
        (place / name).symlink_to(str(shutil.which(name)))
    for name in names:
        _program(place / name, f'echo "{name} $*" >> {place}/installed\n[ {name} != sudo ] || exec "$@"\n')
    _program(place / "id", "echo 1000\n")
    return str(place)


@pytest.mark.parametrize("failing", ["install", "check", "test"])
def test_a_script_that_failed_ends_ci_when_the_next_needs_it(tmp_path: Path, failing: str) -> None:
    """Nothing is tried in an environment that is not whole, and no fault is provoked in what is not sound."""
    checkout = _checkout(tmp_path / "checkout", failing)
    done = _run(checkout, _commands(tmp_path / "commands", "strace", "git"))
    assert done.returncode == 1
    assert (checkout / "calls").read_text("utf-8").splitlines()[-1] == failing


@pytest.mark.parametrize("failing", ["", "faults kill --quick", "faults syscalls --quick CI=true", "sweep --quick"])
def test_every_script_ends_before_ci_does_and_one_that_failed_fails_it(tmp_path: Path, failing: str) -> None:
    """Whichever it is, and whenever it ends; what cannot be swept here is a failure and not a line."""
    checkout = _checkout(tmp_path / "checkout", failing)
    done = _run(checkout, _commands(tmp_path / "commands", "strace", "git"))
    assert sorted((checkout / "calls").read_text("utf-8").splitlines()) == sorted(CALLS), done.stderr
    assert done.returncode == int(bool(failing))
    assert not (tmp_path / "commands" / "installed").exists()


@pytest.mark.parametrize(("there", "missing"), [((), "strace git"), (("git",), "strace"), (("strace",), "git")])
def test_what_a_sweep_or_a_test_needs_is_installed_when_it_is_missing(
    tmp_path: Path, there: tuple[str, ...], missing: str
) -> None:
    """Before anything is tried, with sudo unless the account is root: neither is passed over for the lack of it."""
    checkout = _checkout(tmp_path / "checkout", "check")
    done = _run(checkout, _commands(tmp_path / "commands", "apt-get", "sudo", *there))
    assert done.returncode == 1
    assert (checkout / "calls").read_text("utf-8").splitlines() == ["install", "check"]
    assert (tmp_path / "commands" / "installed").read_text("utf-8").splitlines() == [
        "sudo apt-get update -qq",
        "apt-get update -qq",
        f"sudo apt-get install -qq --yes --no-install-recommends {missing}",
        f"apt-get install -qq --yes --no-install-recommends {missing}",
    ]
