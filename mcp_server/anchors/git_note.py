"""Notes in a git repository, under refs/notes/meraki-specialist-audit: push that ref, and others hold the history.

Every note is put on one object (the blob of a fixed sentence), so ``git notes --ref meraki-specialist-audit show`` of
that object gives all lines, and the ref's own history shows each step.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from mcp_server.errors import StoreUnavailable

REF: Final = "meraki-specialist-audit"
SENTENCE: Final = b"Signed statements about the audit chain of meraki-specialist.\n"
_TIMEOUT_S: Final = 20.0
_IDENTITY: Final = ("-c", "user.name=meraki-specialist", "-c", "user.email=meraki-specialist@localhost")


def append(repository: Path, line: str) -> None:
    """The line as one more paragraph of the note. Raises StoreUnavailable."""
    blob = _git(repository, "hash-object", "-w", "--stdin", given=SENTENCE).strip()
    _git(repository, *_IDENTITY, "notes", f"--ref={REF}", "append", "-m", line, blob)


def _git(repository: Path, *words: str, given: bytes = b"") -> str:
    """What git prints. Its surroundings are fixed: no variable of this process chooses another repository or editor."""
    command = ["git", "-C", str(repository), *words]
    surroundings = {"PATH": os.defpath, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "HOME": str(repository)}
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own repository, no shell
            command, input=given, capture_output=True, timeout=_TIMEOUT_S, env=surroundings, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise StoreUnavailable(f"git {repository}: {type(problem).__name__}") from problem
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
        raise StoreUnavailable(f"git {repository}: {said[:200]}")
    return done.stdout.decode("ascii", "replace")
