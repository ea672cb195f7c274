"""The pages whose code is run: the README, and all in docs/ but what is written by a tool."""

from .project import ROOT

DOCS = ROOT / "docs"

PAGES = sorted(
    path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    if "```" in path.read_text() and not path.is_relative_to(DOCS / "_build")
)
