"""The reference, read from the code while the site is built: nothing in it is kept by hand."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import sources
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

Table = tuple[list[str], Iterator[list[str]]]


class Generated(SphinxDirective):
    """`{taskyard} name`: what `sources` says of it, as Markdown."""

    required_arguments = 1
    optional_arguments = 1
    has_content = False
    made_by: ClassVar[dict[str, Callable[..., str]]] = {
        name.removeprefix("write_"): function
        for name, function in vars(sources).items()
        if name.startswith("write_")
    }

    def run(self) -> list[nodes.Node]:
        name, *rest = self.arguments
        return self.parse_text_to_nodes(self.made_by[name](*rest), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("taskyard", Generated)
    return {"parallel_read_safe": True}
