"""What is missing is said, with what to do."""

import os

import pytest

from compose.stack import plan as planning
from compose.stack.__main__ import main
from compose.stack.layout import lay_out
from compose.stack.reading import ComposeError


def test_all_missing_servers_are_named_with_their_packages(data, monkeypatch):
    def nothing_is_there(program, package):
        raise planning.ProgramMissing(program, package)

    for name in ("postgres", "redis", "web"):
        monkeypatch.setattr(f"compose.stack.images.{name}.require", nothing_is_there)

    with pytest.raises(ComposeError, match="apt-get install nginx-light postgresql redis-server"):
        lay_out(data, {"COMPOSE_PROFILES": "embedded"})


def test_a_load_wants_a_stack(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["compose.stack", "--data", str(tmp_path), "load"])

    assert main() == 2
    assert "make stack" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has servers run by others")
def test_a_folder_that_postgresql_cannot_enter_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("compose.stack.images.web.run_here", lambda plan: None)  # takes seconds
    tmp_path.chmod(0o700)

    with pytest.raises(ComposeError, match=r"place of root's own.*--data"):
        lay_out(tmp_path, {"COMPOSE_PROFILES": "embedded"})
