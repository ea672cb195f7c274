"""The document names the commands that the tests run."""

import pytest

from tests.support.processes import ROOT

from .running import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_the_document_has_the_command_that_was_tested(name):
    command = " ".join(COMMANDS[name]).format(port=8000)

    assert f"`{command}`" in (ROOT / "docs" / "how-to" / "serve.md").read_text()
