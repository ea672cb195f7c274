"""Bodies beyond the limit are refused before they are stored, by a real server."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from shop.body_limit import BodyLimit

from .serving import served

LIMIT = 5 * 1024 * 1024 + 32 * 1024
MUCH = 200 * 1024 * 1024
PIECE = bytes(64 * 1024)

HEAD = "POST /upload/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The shop under uvicorn, whose temporary files go to a folder that can be looked at."""
    folder = tmp_path_factory.mktemp("shop")
    with served("config.asgi:application", folder, SHOP_VAR=str(folder), TMPDIR=str(folder)) as server:
        yield server


def memory_of(pid: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) * 1024


def answer_to(shop, head: str, pieces) -> tuple[bytes, int]:
    """Send a request piece by piece until the server answers or hangs up; return its answer and what was sent."""
    with closing(socket.create_connection(("127.0.0.1", shop.port), timeout=60)) as line:
        line.sendall(head.encode())
        sent = 0
        try:
            for piece in pieces:
                line.sendall(piece)
                sent += len(piece)
        except OSError:
            pass  # the server has hung up; its answer is here already
        answer = b""
        try:
            while b"</html>" not in answer and (part := line.recv(65536)):
                answer += part
        except ConnectionResetError:
            pass
        return answer, sent


def test_a_body_that_announces_its_length_is_refused_at_once(shop):
    answer, sent = answer_to(shop, f"{HEAD}Content-Length: {MUCH}\r\n\r\n", [])

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"The limit is 5.0" in answer
    assert sent == 0


def test_a_chunked_body_is_refused_as_soon_as_it_is_too_long(shop):
    before = memory_of(shop.process.pid)
    chunk = b"%x\r\n%s\r\n" % (len(PIECE), PIECE)

    # Only a little more than the limit: what it answers then, it would answer to 200 MB.
    count = LIMIT // len(PIECE) + 2
    answer, _ = answer_to(shop, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", [chunk] * count)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"Split the file" in answer
    assert memory_of(shop.process.pid) - before < 30 * 1024 * 1024


def test_somebody_who_goes_on_sending_fills_nothing(shop):
    before = memory_of(shop.process.pid)
    chunk = b"%x\r\n%s\r\n" % (len(PIECE), PIECE)

    answer_to(shop, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", (chunk for _ in range(MUCH // len(PIECE))))

    assert memory_of(shop.process.pid) - before < 30 * 1024 * 1024
    # Nothing of it lies about: uploads go to files of their own once they have a certain size.
    assert sum(path.stat().st_size for path in shop.log.parent.rglob("*") if path.is_file()) < 2 * LIMIT


def test_the_site_goes_on(shop):
    assert shop.answers()


async def test_what_is_small_enough_passes_untouched():
    seen = []

    async def app(scope, receive, send):
        seen.append(await receive())
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def receive():
        return {"type": "http.request", "body": b"x" * 10, "more_body": False}

    sent = []

    async def send(message):
        sent.append(message)

    await BodyLimit(app, 10)({"headers": [(b"content-length", b"10")]}, receive, send)

    assert seen == [{"type": "http.request", "body": b"x" * 10, "more_body": False}]
    assert [message["status"] for message in sent] == [204]
