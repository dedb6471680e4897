"""The words of the repository: nothing of the place where it was written, links that lead somewhere, a short README."""

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.blocks import ROOT, pages

#: Written with character classes, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": r"/[w]ork/|/[h]ome/(?!ana/)[a-z]+/|/[r]oot/|/[U]sers/[A-Za-z]+/|[C]:\\Users",
    "a folder beside the repository": r"\.\./[s]hared|[s]hared/(?:facts|design|style|spikes)|[f]acts/[a-z-]+\.md",
    "how the work was divided": r"\b(?:[s]ub-?agent|[h]elper session|[c]o-?worker|[b]rief\.md|[i]ssues? show"
    r"|(?:later|this|next|crash-safety) [i]ssue)\b",
    "a package index": r"[p]ypi\.org|[f]iles\.pythonhoste[d]|[r]egistry\.npmj[s]|[i]ndex-url|[a]rtifactory|[n]exus",
    "a key": r"-----BEGIN [A-Z ]*[P]RIVATE KEY-----",
}
TEXT = {".md", ".py", ".toml", ".json", ".svg", ".sql", ".txt", ".lock", ".yml", ".cfg", ""}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def tracked() -> list[Path]:
    """The text files of the repository, as it would be given away."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False).stdout.decode().split("\0")
    paths = [ROOT / name for name in listed if name] or _unpacked()  # a source archive has no history
    return [path for path in paths if path.suffix in TEXT and path.is_file()]


def _unpacked() -> list[Path]:
    parts = [ROOT / name for name in ("mcp_server", "tools", "tests", "docs", "scripts")]
    return [
        *ROOT.glob("*.*"),
        *(path for part in parts for path in part.rglob("*.*") if "__pycache__" not in path.parts),
    ]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_text_holds(what: str) -> None:
    """Neither source, tests, documentation nor lock files."""
    assert len(tracked()) > 200
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    """Files exist, and so do the headings that links point at."""
    for target in LINK.findall(re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = unquote(target).partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), f"{page.name} -> {target}"
        assert other.is_relative_to(ROOT), f"{page.name} -> {target}"
        if heading:
            assert heading in _headings(other), f"{page.name} -> {target}"


def _headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_page_can_be_reached_from_the_readme() -> None:
    """A page that nothing links to is not read."""
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        todo += page.glob("*.md") if page.is_dir() else []  # a link to a folder leads to what is in it
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        todo += [
            (page.parent / unquote(one.partition("#")[0])).resolve() for one in LINK.findall(page.read_text("utf-8"))
        ]
    assert {page.relative_to(ROOT) for page in pages()} - {page.relative_to(ROOT) for page in seen} == set()


def test_the_readme_stays_under_700_words() -> None:
    """What does not fit belongs on another page."""
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 700


def test_the_readme_names_the_server_as_the_registry_wants_it() -> None:
    """The registry looks for this line in the package's description."""
    assert re.search(r"mcp-name: [\w.-]+/[\w.-]+", (ROOT / "README.md").read_text("utf-8"))


def test_the_picture_is_sound() -> None:
    """Well-formed, with a title and a description for those who cannot see it."""
    from xml.etree import ElementTree as ET

    tree = ET.parse(ROOT / "docs" / "flow.svg")  # noqa: S314  our own file
    names = [element.tag.rpartition("}")[2] for element in tree.iter()]
    assert names[0] == "svg"
    assert {"title", "desc"} <= set(names)
