"""The shop does the same under every ASGI server, behind the nginx that we ship."""

import json
import re
from contextlib import ExitStack
from signal import SIGTERM
from socket import SHUT_RDWR

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.servers import wait_until

from .clients import PATIENCE, heard

HEADER = (
    "order_number,order_date,customer_name,customer_email,country,sku,product,quantity,unit_price,currency"
)


def test_pages_and_static_files_are_served(staff):
    page = staff.http.get("/")
    style = staff.http.get("/static/shop/shop.css")

    assert page.status_code == 200
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css")


def test_a_view_enqueues(staff):
    job_id = staff.enqueue()

    assert staff.http.get(f"/jobs/{job_id}/").status_code == 200


def test_an_upload_of_five_megabytes_becomes_a_job(staff):
    form = staff.http.get("/upload/")
    row = "SO-1,2025-12-24,Zoë Noël,zoe@example.com,FR,KIT-101,Kettle,2,64.90,EUR\n".encode()
    content = f"{HEADER}\n".encode() + row * (5_000_000 // len(row))

    answer = staff.http.post(
        "/upload/",
        files={"file": ("orders.csv", content, "text/csv")},
        data={"csrfmiddlewaretoken": form.cookies["csrftoken"]},
        headers={"Origin": f"http://localhost:{staff.port}"},
    )

    assert answer.status_code == 302, answer.text
    assert staff.http.get(answer.headers["location"]).status_code == 200


def test_an_event_arrives_at_once(staff):
    job_id = staff.enqueue()
    with staff.stream(f"jobs={job_id}") as stream:
        assert stream.answer.status_code == 200
        stream.next("job", id=job_id, state="waiting")
        staff.cancel(job_id)

        stream.next("job", id=job_id, state="cancelled")


def test_a_socket_answers_and_tells(staff):
    job_id = staff.enqueue()
    with staff.socket() as socket:
        socket.send(json.dumps({"subscribe": {"job": job_id}}))
        assert json.loads(socket.recv(timeout=PATIENCE)) == {"type": "subscribed", "job": job_id}
        heard(socket, "job", id=job_id, state="waiting")
        staff.cancel(job_id)

        heard(socket, "job", id=job_id, state="cancelled")


def test_who_leaves_is_forgotten_at_once(staff):
    job_id = staff.enqueue()
    with staff.stream(f"jobs={job_id}") as stream, staff.socket() as socket:
        stream.next("job")
        socket.send('{"subscribe": {"all": true}}')
        heard(socket, "subscribed")
        # Who has left in the test before may still be there for a moment.
        wait_until(lambda: staff.inside()["listeners"] == 2, "these two listen")

    wait_until(lambda: staff.inside()["listeners"] == 0, "nobody listens any more")


def test_who_is_cut_off_is_forgotten(staff):
    with staff.socket() as socket:
        socket.send('{"subscribe": {"all": true}}')
        heard(socket, "subscribed")
        socket.socket.shutdown(SHUT_RDWR)
        wait_until(lambda: staff.inside()["listeners"] == 0, "nobody listens any more")


def test_an_open_socket_keeps_neither_thread_nor_connection(staff):
    with ExitStack() as stack:
        for number in range(31):
            socket = stack.enter_context(staff.socket())
            socket.send('{"subscribe": {"all": true}}')
            heard(socket, "subscribed")
            if not number:
                first = staff.inside()
        then = staff.inside()
    assert then["listeners"] == 31
    # The watcher has both, and each request while it is served.
    assert then["threads"] < first["threads"] + 5
    assert then["databases"] < first["databases"] + 5

    wait_until(lambda: staff.inside()["listeners"] == 0, "nobody listens any more")


def test_a_stranger_is_sent_away(stranger):
    with stranger.socket() as socket, pytest.raises(ConnectionClosed) as closed:
        heard(socket, "nothing at all")

    assert closed.value.rcvd.code == 4401
    with stranger.stream("all=1") as stream:
        assert stream.answer.status_code in {401, 403}


def test_a_foreign_page_gets_no_socket(staff):
    with pytest.raises(InvalidStatus) as refused:
        staff.socket(origin="http://elsewhere.example")

    assert refused.value.response.status_code == 403


def test_what_is_too_large_closes_the_socket(staff):
    with staff.socket() as socket, pytest.raises(ConnectionClosed) as closed:
        socket.send(json.dumps({"ping": "x" * 20_000}))
        heard(socket, "nothing more")

    assert closed.value.rcvd.code == 4413


def test_a_request_has_one_id(staff):
    answer = staff.http.get("/", headers={"X-Request-ID": "0123456789abcdef"})
    other = staff.http.get("/", headers={"X-Request-ID": "no id!"})

    assert answer.headers.get_list("X-Request-ID") == ["0123456789abcdef"]
    assert re.fullmatch("[0-9a-f]{32}", other.headers["X-Request-ID"])


GOODBYES = {
    # It knows no stopping in order: it cuts off whoever is there, and browsers come back by themselves.
    "daphne": {("cut", None)},
    # It waits for its requests, but not for sockets: whether theirs is heard depends on who is faster.
    "granian": {("in order", 4503), ("in order", None)},
}
"""How a stream ends and with what code a socket is closed, where it is not as it should be."""


def test_a_server_that_stops_says_goodbye_to_open_pages(served, staff):
    """The last test of a server: it is gone after this."""
    server, _ = served
    job_id = staff.enqueue()
    with staff.stream(f"jobs={job_id}") as stream, staff.socket() as socket:
        stream.next("job")
        socket.send('{"subscribe": {"all": true}}')
        heard(socket, "subscribed")
        server.terminate()

        end = _end_of(stream)
        with pytest.raises(ConnectionClosed) as closed:
            heard(socket, "nothing more")
    code = closed.value.rcvd and closed.value.rcvd.code
    assert (end, code) in GOODBYES.get(server.name, {("in order", 4503)})
    assert server.ended(60) == (-SIGTERM if server.name == "uvicorn" else 0)
    assert "Traceback" not in server.says, server.says


def _end_of(stream):
    try:
        for _ in stream.events():
            pass
    except httpx.RemoteProtocolError:
        return "cut"
    return "in order"
