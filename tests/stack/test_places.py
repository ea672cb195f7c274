"""A service's paths are on this machine."""

from pathlib import PurePosixPath

import pytest

from compose.stack.places import Places
from compose.stack.reading import Mount
from compose.stack.reading.service import service


def places(tmp_path, *mounts):
    given = service("site", {"image": "site"}, {})
    given.mounts.extend(Mount(kind, source, PurePosixPath(target)) for kind, source, target in mounts)
    made = Places(given, tmp_path / "data")
    made.prepare(lambda text: text.replace("postgres:5432", "127.9.9.9:5432"))
    return made


def test_a_volume_is_shared_and_a_tmpfs_is_not(tmp_path):
    made = places(tmp_path, ("volume", "files", "/var/lib/site"), ("tmpfs", "", "/run"))

    assert made.at("/var/lib/site/a") == tmp_path / "data/volumes/files/a"
    assert made.at("/run/pid") == tmp_path / "data/services/site/run/pid"
    assert made.at("/run").is_dir()


def test_files_of_ours_are_copied_with_what_holds_here(tmp_path):
    source = tmp_path / "conf"
    (source / "more").mkdir(parents=True)
    (source / "more" / "x.conf").write_text("to postgres:5432, keep /var/cache/a, not /var/cached")
    made = places(tmp_path, ("tmpfs", "", "/var/cache"), ("bind", str(source), "/etc/site"))

    cache = tmp_path / "data/services/site/var/cache"
    assert (
        made.at("/etc/site/more/x.conf").read_text() == f"to 127.9.9.9:5432, keep {cache}/a, not /var/cached"
    )


def test_a_secret_is_for_its_owner_alone(tmp_path):
    made = places(tmp_path, ("secret", "tell nobody", "/run/secrets/token"))

    file = made.at("/run/secrets/token")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("tell nobody", 0o600)


@pytest.mark.parametrize("text", ["http://x/run/a", "a/run", "/running", "x-/run"])
def test_what_only_looks_like_a_path_of_the_service_stays(tmp_path, text):
    assert places(tmp_path, ("tmpfs", "", "/run")).in_text(text) == text
