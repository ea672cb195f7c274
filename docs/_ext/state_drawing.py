"""Shows a Mermaid state diagram as a drawing that needs no script: a page's own one, of a job's states."""

import re
from html import escape
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

WIDTH, HEIGHT = 735, 340
BOX = (118, 40)

PLACES = {
    "READY": (150, 165),
    "RUNNING": (400, 165),
    "SUCCESSFUL": (630, 60),
    "FAILED": (630, 165),
    "CANCELLED": (630, 270),
}
START = (24, 165)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_lexer("mermaid", TextLexer)
    app.connect("doctree-read", _draw)
    return {"parallel_read_safe": True}


def _draw(app: Sphinx, doctree: nodes.document) -> None:
    for block in list(doctree.findall(nodes.literal_block)):
        if block.get("language") == "mermaid" and app.builder.format == "html":
            block.replace_self(nodes.raw("", svg(block.astext()), format="html"))


def svg(diagram: str) -> str:
    """Return a drawing of the states; each arrow bears all events that lead its way."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for source, target, event in re.findall(r"^\s*(\S+) --> (\S+) : (\w+)$", diagram, re.MULTILINE):
        arrows.setdefault((source, target), []).append(event)
    parts = [_arrow(source, target, events) for (source, target), events in arrows.items()]
    parts += [_state(name) for name in PLACES]
    return (
        f'<svg class="state-drawing" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="The states of a job, and what leads from one to another; a table below says the same">'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"/></marker></defs>'
        f'<circle class="state" cx="{START[0]}" cy="{START[1]}" r="7"/>{"".join(parts)}</svg>'
    )


def _state(name: str) -> str:
    x, y = PLACES[name]
    width, height = BOX
    return (
        f'<rect class="state" x="{x - width / 2}" y="{y - height / 2}" width="{width}" height="{height}" '
        'rx="8"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle">{escape(name)}</text>'
    )


def _arrow(source: str, target: str, events: list[str]) -> str:
    if target == "[*]":  # pruned: the row is gone, and the picture clearer without it
        return ""
    path, (x, y), anchor = _course(source, target)
    lines = "".join(
        f'<tspan x="{x}" dy="{0 if number == 0 else 15}">{escape(event)}</tspan>'
        for number, event in enumerate(events)
    )
    return (
        f'<path d="{path}" marker-end="url(#tip)"/>'
        f'<text class="event" x="{x}" y="{y}" text-anchor="{anchor}">{lines}</text>'
    )


def _course(source: str, target: str) -> tuple[str, tuple[int, int], str]:
    courses: dict[tuple[str, str], tuple[str, tuple[int, int], str]] = {
        ("[*]", "READY"): ("M31 165H88", (60, 157), "middle"),
        ("READY", "RUNNING"): ("M209 155H338", (274, 147), "middle"),
        ("READY", "READY"): ("M176 145C186 98 226 98 206 144", (214, 104), "start"),
        ("RUNNING", "READY"): ("M341 177H212", (274, 194), "middle"),
        ("RUNNING", "SUCCESSFUL"): ("M440 145L568 68", (486, 100), "middle"),
        ("RUNNING", "FAILED"): ("M459 165H568", (512, 157), "middle"),
        ("RUNNING", "CANCELLED"): ("M440 185L568 262", (516, 214), "middle"),
        ("READY", "CANCELLED"): ("M150 185C150 290 300 285 568 280", (300, 296), "middle"),
        ("SUCCESSFUL", "READY"): ("M571 52C420 30 160 40 158 142", (330, 64), "middle"),
        ("FAILED", "READY"): ("M690 165C745 150 730 14 620 14C380 10 128 10 138 142", (330, 40), "middle"),
        ("CANCELLED", "READY"): ("M630 291C560 345 130 350 138 188", (430, 318), "middle"),
    }
    return courses[source, target]
