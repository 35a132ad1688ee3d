"""The Markdown files outside docs/, as pages of the site, so that their links are checked as well.

A link to a file that is itself a page goes to that page, one to a file of the repository without a page becomes the
file's name, and one to nothing is a warning.
"""

import os
import re
from pathlib import Path

from generated import write
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

# What is copied, and where to.
PAGES = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "benchmarks/README.md": "results/systems.md",
}
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^\s*(```|~~~)")


def copied(text: str, source: Path, page: Path, root: Path) -> str:
    """A page whose relative links lead from its place in docs/ to where those of its source lead."""
    docs = root / "docs"
    pages = {(root / path).resolve(): docs / place for path, place in PAGES.items()}

    def relinked(found: re.Match[str]) -> str:
        target, hash_mark, anchor = found["target"].partition("#")
        if "://" in target or not target:
            return found[0]
        path = (source.parent / target).resolve()
        if not path.exists() or not path.is_relative_to(root):
            logger.warning("%s: there is no %s", source.relative_to(root), target)
            return found["text"]
        if path.is_dir() or not (found["picture"] or path in pages or path.is_relative_to(docs)):
            return f"{found['text']} (`{path.relative_to(root)}`)"
        there = os.path.relpath(pages.get(path, path), page.parent)
        text = LINK.sub(relinked, found["text"])
        return f"{found['picture']}[{text}]({Path(there).as_posix()}{hash_mark}{anchor})"

    lines, fenced = [], False
    for line in text.splitlines():
        fenced ^= bool(FENCE.match(line))
        lines.append(line if fenced else LINK.sub(relinked, line))
    return "\n".join(lines) + "\n"


def write_pages(app: Sphinx) -> None:
    """Copy the pages into docs/."""
    root = Path(app.srcdir).parent.resolve()
    for path, place in PAGES.items():
        source, page = root / path, root / "docs" / place
        write(page, copied(source.read_text(), source, page, root))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
