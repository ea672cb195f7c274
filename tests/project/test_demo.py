"""`manage.py demo` as a stranger runs it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from shop.data import make_orders
from shop.demo.errors import DemoError
from shop.demo.folder import prepare
from shop.demo.groups import Group

from .commands import start


def test_a_folder_with_somebodys_files_is_left_alone(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(DemoError, match="not empty and no demo made it"):
        prepare(tmp_path, tmp_path / "shop.sqlite3")

    assert (tmp_path / "thesis.txt").exists()


def test_a_demos_own_folder_is_emptied(tmp_path: Path):
    folder = tmp_path / "demo"
    prepare(folder, folder / "shop.sqlite3")
    (folder / "mail").mkdir()

    prepare(folder, folder / "shop.sqlite3")

    assert not (folder / "mail").exists()


def result(status: str, traceback: str = "") -> SimpleNamespace:
    errors = [SimpleNamespace(traceback=traceback)] if traceback else []
    return SimpleNamespace(
        id="", task=SimpleNamespace(name="send_receipt"), status=status, errors=errors, is_finished=True
    )


def test_a_failed_job_is_named_with_its_reason():
    group = Group([result("SUCCESSFUL"), result("FAILED", "Traceback\n  ...\nOSError: no route\n")])

    assert group.failure == "1 of 2 send_receipt jobs failed, the first with OSError: no route."


@pytest.mark.slow
def test_the_demo_does_the_main_job_from_nothing(tmp_path: Path):
    folder = tmp_path / "demo"

    demo = start("demo", "--dir", str(folder))
    output, _ = demo.communicate(timeout=300)

    assert demo.returncode == 0, output
    assert f"{make_orders.DIRTY_ROWS} dirty lines were reported" in output
    for task in ("import_orders", "notify_import_finished", "build_report", "roll_up_day", "send_receipt"):
        assert task in output
    [report] = (folder / "files" / "reports").iterdir()
    assert report.name.startswith("revenue-2025-12")
    assert report.read_bytes().startswith(b"%PDF")
    assert 600 <= len(list((folder / "mail").glob("receipt-*.eml"))) <= 900


@pytest.mark.slow
def test_a_demo_that_takes_too_long_says_so(tmp_path: Path):
    demo = start("demo", "--dir", str(tmp_path / "demo"), "--deadline", "1")
    output, _ = demo.communicate(timeout=120)

    assert demo.returncode == 1
    assert "The jobs were not done after 1 seconds. The worker's log ends:" in output
