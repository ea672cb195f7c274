"""What a client of the WebSocket may ask for, what it is told, and when it is sent away."""

import asyncio
import json
from contextlib import asynccontextmanager
from importlib import import_module
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.layers import channel_layers
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import connection

from taskyard import cancel, job_metadata
from taskyard.models import JOB_TABLE
from taskyard_monitoring.live import consumer, watcher
from taskyard_monitoring.live.asking import Unclear, parse_ask
from taskyard_monitoring.live.consumer import Close
from taskyard_monitoring.live.routing import websocket_urlpatterns
from tests.example.tasks import important, nothing

from .conftest import cookie_of

PATIENCE = 20.0


async def application(scope, receive, send):
    """A site's WebSocket, as its `asgi.py` has it."""
    site = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
    await site(scope, receive, send)


class Socket(WebsocketCommunicator):
    """A client."""

    async def ask(self, **message):
        """Send a message."""
        await self.send_json_to(message)

    async def heard(self, kind, /, **data):
        """Return the next message of this type that has this in it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.receive_json_from(PATIENCE)
                if message["type"] == kind and message.items() >= data.items():
                    return message

    async def answer(self, **message):
        """Ask, and return what comes next."""
        await self.ask(**message)
        return await self.receive_json_from(PATIENCE)

    async def closed(self):
        """Return with which code the site closes it, whatever it says before."""
        async with asyncio.timeout(PATIENCE):
            while (message := await self.receive_output(PATIENCE))["type"] != "websocket.close":
                pass
        return message["code"]


@asynccontextmanager
async def opened(cookie="", origin="http://testserver"):
    """Open a socket, and close it in order."""
    headers = [(b"host", b"testserver"), (b"cookie", cookie.encode()), (b"origin", origin.encode())]
    socket = Socket(application, "/live/socket/", headers)
    is_accepted, _ = await socket.connect(PATIENCE)
    assert is_accepted
    try:
        yield socket
    finally:
        await socket.disconnect(timeout=PATIENCE)


@pytest.fixture
def ann(transactional_db):
    """Somebody with jobs of their own."""
    return User.objects.create_user("ann")


@pytest.fixture
def vera(transactional_db):
    """Somebody who may see all jobs."""
    user = User.objects.create_user("vera")
    user.user_permissions.add(Permission.objects.get(codename="view_console"))
    return user


@pytest.fixture
def job_of():
    """Enqueue a job on behalf of somebody."""

    def enqueue(user, task=nothing, *arguments):
        with job_metadata(user=user.pk):
            return str(task.enqueue(*arguments).id)

    return enqueue


cancelled = sync_to_async(cancel)


def rename_table(old, new):
    """Give a table another name."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_a_job_is_told_of_as_it_is_and_when_it_changes(ann, job_of):
    job_id = await sync_to_async(job_of)(ann)
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        assert await socket.answer(subscribe={"job": job_id}) == {"type": "subscribed", "job": job_id}
        told = await socket.heard("job", id=job_id, state="waiting")
        assert (told["queue"], told["is_finished"]) == ("default", False)

        await cancelled(job_id)

        assert (await socket.heard("job", id=job_id, state="cancelled"))["is_finished"]


async def test_a_queue_tells_of_ones_own_jobs_alone(ann, vera, job_of):
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        assert (await socket.answer(subscribe={"queue": "reports"}))["queue"] == "reports"
        await socket.ask(subscribe={"job": str(uuid4())})
        await socket.heard("job", state="unknown")  # so there has been a look
        hers, others, elsewhere = await sync_to_async(
            lambda: (job_of(vera, important, "x"), job_of(ann), job_of(ann, important, "x"))
        )()

        told = await socket.heard("job")

        assert told["id"] == elsewhere not in {hers, others}


async def test_who_may_see_the_console_hears_of_all_jobs(ann, vera, job_of):
    async with opened(await sync_to_async(cookie_of)(vera)) as socket:
        assert await socket.answer(subscribe={"all": True}) == {"type": "subscribed", "all": True}
        job_id = await sync_to_async(job_of)(ann)

        await socket.heard("job", id=job_id)


async def test_somebody_elses_job_is_as_unknown_as_one_that_is_not_there(ann, vera, job_of):
    job_id = await sync_to_async(job_of)(vera)
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        told = []
        for wanted in (job_id, str(uuid4())):
            await socket.ask(subscribe={"job": wanted})
            told.append({**await socket.heard("job", id=wanted), "id": ""})

        assert told[0] == told[1]
        assert told[0]["state"] == "unknown"


async def test_unsubscribing_ends_it(ann, job_of):
    first, second = await sync_to_async(lambda: (job_of(ann), job_of(ann)))()
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        for job_id in (first, second):
            await socket.ask(subscribe={"job": job_id})
            await socket.heard("job", id=job_id)
        await socket.ask(unsubscribe={"job": first})
        await socket.heard("unsubscribed", job=first)
        for job_id in (first, second):
            await cancelled(job_id)

        assert (await socket.heard("job"))["id"] == second


async def test_a_ping_is_answered_with_what_it_carries(ann):
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        assert await socket.answer(ping=7) == {"type": "pong", "ping": 7}


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[" * 10_000, "null", "[]", '"ping"', "{}", '{"ping": 1, "subscribe": {"all": true}}'),
        *('{"shout": 1}', '{"ping": null}', '{"ping": 1e999}', f'{{"ping": "{"x" * 65}"}}', '{"ping": [1]}'),
        *('{"subscribe": "all"}', '{"subscribe": {}}', '{"subscribe": {"all": false}}'),
        *('{"subscribe": {"job": 5}}', '{"subscribe": {"job": "x"}}', '{"subscribe": {"queue": ""}}'),
        *(f'{{"subscribe": {{"queue": "{"q" * 129}"}}}}', '{"subscribe": {"all": true, "queue": "x"}}'),
        f'{{"ping": {"9" * 5000}}}',
    ],
)
def test_what_means_nothing_is_refused_with_words(text):
    with pytest.raises(Unclear, match=r"(?i)send|ping|job|queue"):
        parse_ask(text)


async def test_after_an_error_the_socket_goes_on(ann):
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        await socket.send_to(text_data="what?")
        assert "JSON" in (await socket.heard("error"))["error"]

        assert await socket.answer(ping=1) == {"type": "pong", "ping": 1}


async def test_a_binary_frame_closes_it(ann):
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        await socket.send_to(bytes_data=b"\0")

        assert await socket.closed() == Close.BAD_REQUEST


async def test_a_message_too_large_closes_it(ann):
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        await socket.ask(ping="x" * consumer.LONGEST_MESSAGE)

        assert await socket.closed() == Close.TOO_LARGE


async def test_who_sends_too_much_is_sent_away(ann):
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        for number in range(1000):
            await socket.ask(ping=number)

        assert await socket.closed() == Close.TOO_MANY


async def test_a_socket_listens_to_so_many_things_and_no_more(ann, monkeypatch):
    monkeypatch.setattr(consumer, "MOST_TOPICS", 2)
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        for name in ("a", "b"):
            assert (await socket.answer(subscribe={"queue": name}))["type"] == "subscribed"
        refused = await socket.answer(subscribe={"queue": "c"})
        assert "2 jobs and queues at most" in refused["error"]
        assert (await socket.answer(subscribe={"queue": "a"}))["type"] == "subscribed"
        await socket.ask(unsubscribe={"queue": "b"})

        assert (await socket.answer(subscribe={"queue": "c"}))["type"] in {"unsubscribed", "subscribed"}


async def test_a_stranger_is_told_by_the_code(transactional_db):
    async with opened() as socket:
        assert await socket.closed() == Close.NOT_SIGNED_IN


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", ""])
async def test_a_foreign_page_is_refused_before_the_socket_opens(ann, origin):
    cookie = await sync_to_async(cookie_of)(ann)
    headers = [(b"host", b"testserver"), (b"cookie", cookie.encode())]
    socket = Socket(application, "/live/socket/", [*headers, (b"origin", origin.encode())])

    is_accepted, _ = await socket.connect(PATIENCE)

    assert not is_accepted


async def test_who_signs_out_hears_no_more(ann, monkeypatch):
    monkeypatch.setattr(consumer, "RECHECK", 0.0)
    monkeypatch.setattr(consumer, "HEARTBEAT_INTERVAL", 0.05)
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        await socket.heard("heartbeat")
        await Session.objects.all().adelete()

        assert await socket.closed() == Close.NOT_SIGNED_IN


async def test_who_gains_or_loses_a_permission_is_to_come_back(vera, monkeypatch):
    monkeypatch.setattr(consumer, "RECHECK", 0.0)
    monkeypatch.setattr(consumer, "HEARTBEAT_INTERVAL", 0.05)
    async with opened(await sync_to_async(cookie_of)(vera)) as socket:
        await socket.heard("heartbeat")
        await vera.user_permissions.aclear()

        assert await socket.closed() == Close.COME_BACK


async def test_a_session_of_a_changed_password_is_none(ann, monkeypatch):
    monkeypatch.setattr(consumer, "RECHECK", 0.0)
    monkeypatch.setattr(consumer, "HEARTBEAT_INTERVAL", 0.05)
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        ann.set_password("another")
        await ann.asave()

        assert await socket.closed() == Close.NOT_SIGNED_IN


async def test_while_the_database_does_not_answer_the_socket_stays(ann, monkeypatch, caplog):
    monkeypatch.setattr(consumer, "RECHECK", 0.0)
    monkeypatch.setattr(consumer, "HEARTBEAT_INTERVAL", 0.05)
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        await sync_to_async(rename_table)("django_session", "gone")
        try:
            for _ in range(4):
                await socket.heard("heartbeat")
        finally:
            await sync_to_async(rename_table)("gone", "django_session")
        assert "cannot be looked up" in caplog.text
        await Session.objects.all().adelete()

        assert await socket.closed() == Close.NOT_SIGNED_IN


async def test_trouble_with_the_database_is_told_and_its_end(ann):
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        await socket.ask(subscribe={"job": str(uuid4())})
        await socket.heard("job", state="unknown")
        await sync_to_async(rename_table)(JOB_TABLE, "gone")
        try:
            assert (await socket.heard("trouble"))["words"]
        finally:
            await sync_to_async(rename_table)("gone", JOB_TABLE)

        await socket.heard("trouble", words="")


async def test_a_channel_layer_gets_no_channel_for_each_socket(ann, settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        assert await socket.answer(ping=1) == {"type": "pong", "ping": 1}

        assert not channel_layers["default"].channels


async def test_where_too_many_listen_one_is_to_come_back(ann, monkeypatch):
    monkeypatch.setattr(import_module("taskyard_monitoring.live.watcher"), "MOST_LISTENERS", 0)
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        assert await socket.closed() == Close.COME_BACK


async def test_nothing_is_left_of_a_socket_that_was_closed(ann, caplog):
    caplog.set_level("DEBUG", "taskyard_monitoring")
    async with opened(await sync_to_async(cookie_of)(ann)) as socket:
        await socket.ask(subscribe={"all": True})
        await socket.heard("subscribed")
        assert len(watcher) == 1

    assert len(watcher) == 0
    assert "dropped" not in caplog.text
    assert {task.get_coro().__name__ for task in asyncio.all_tasks()}.isdisjoint({"_tell"})


class Hanging:
    """A server whose client takes nothing any more once `stuck_at` is in it, until it `goes_on`."""

    def __init__(self, cookie):
        self.scope = {
            "type": "websocket",
            "path": "/live/socket/",
            "headers": [
                (b"cookie", cookie.encode()),
                (b"origin", b"http://testserver"),
                (b"host", b"testserver"),
            ],
            "query_string": b"",
            "subprotocols": [],
        }
        self.received = asyncio.Queue()
        self.taken = asyncio.Queue()
        self.stuck_at = None
        self.is_stuck, self.goes_on = asyncio.Event(), asyncio.Event()

    async def send(self, message):
        """Take a message, or never come to an end with it."""
        text = message.get("text", "")
        if self.stuck_at is not None and self.stuck_at in text:
            self.is_stuck.set()
            await self.goes_on.wait()
        if text:
            self.taken.put_nowait(json.loads(text))

    def hear(self, **message):
        """Have the client say something."""
        self.received.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    async def __aenter__(self):
        self.received.put_nowait({"type": "websocket.connect"})
        self.serving = asyncio.create_task(application(self.scope, self.received.get, self.send))
        async with asyncio.timeout(PATIENCE):
            while not len(watcher):
                await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_):
        self.serving.cancel()


async def test_what_happens_while_the_answer_is_under_way_is_told_after_it(ann, vera, job_of):
    async with (
        Hanging(await sync_to_async(cookie_of)(ann)) as server,
        opened(await sync_to_async(cookie_of)(vera)) as other,
    ):
        await other.ask(subscribe={"all": True})
        await other.heard("subscribed")
        server.stuck_at = "subscribed"
        server.hear(subscribe={"queue": "default"})
        async with asyncio.timeout(PATIENCE):
            await server.is_stuck.wait()
        job_id = await sync_to_async(job_of)(ann)
        await other.heard("job", id=job_id)

        server.goes_on.set()

        async with asyncio.timeout(PATIENCE):
            assert (await server.taken.get())["type"] == "subscribed"
            assert (await server.taken.get())["id"] == job_id


async def test_who_takes_nothing_is_dropped(ann, monkeypatch):
    monkeypatch.setattr(consumer, "SLOWEST", 0.2)
    monkeypatch.setattr(consumer, "HEARTBEAT_INTERVAL", 0.05)
    async with Hanging(await sync_to_async(cookie_of)(ann)) as server:
        server.stuck_at = ""
        async with asyncio.timeout(PATIENCE):
            await server.serving

    assert len(watcher) == 0


async def test_who_takes_the_news_too_slowly_is_dropped(ann, monkeypatch, job_of):
    monkeypatch.setattr(import_module("taskyard_monitoring.live.watcher"), "PATIENCE", 0.2)
    job_id = await sync_to_async(job_of)(ann)
    async with Hanging(await sync_to_async(cookie_of)(ann)) as server:
        server.stuck_at = '"type":"job"'
        server.hear(subscribe={"job": job_id})
        async with asyncio.timeout(PATIENCE - 5):
            await server.serving

    assert len(watcher) == 0


async def test_who_asks_without_taking_the_answers_is_dropped(ann, monkeypatch):
    monkeypatch.setattr(consumer, "SLOWEST", 0.2)
    async with Hanging(await sync_to_async(cookie_of)(ann)) as server:
        server.stuck_at = ""
        server.hear(ping=1)
        async with asyncio.timeout(PATIENCE):
            await server.serving

    assert len(watcher) == 0


async def test_a_socket_ends_with_its_task(ann):
    async with Hanging(await sync_to_async(cookie_of)(ann)) as server:
        server.serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await server.serving

    assert len(watcher) == 0


async def test_a_socket_without_a_session_says_what_is_missing(transactional_db):
    socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), "/live/socket/")

    with pytest.raises(Exception, match="AuthMiddlewareStack"):
        await socket.connect(PATIENCE)
        await socket.wait(PATIENCE)
