"""Write docs/reference; ``--check`` writes nothing and exits 1 when a page is out of date."""

import sys

from scripts.reference.pages import FOLDER, outdated, pages


def main() -> int:
    """The exit code: 0 written or up to date, 1 out of date."""
    made = pages()
    stale = outdated(made)
    for name in stale:
        print(f"docs/reference/{name} is out of date")
    if "--check" not in sys.argv:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (FOLDER / name).write_text(made[name], "utf-8")
    print(f"docs: {len(stale)} pages changed" if stale else "docs: up to date")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
