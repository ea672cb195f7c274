"""What may be shown of arguments: by their names, or as a site's own hook says."""

import logging

import pytest
from django.core import checks

from taskyard.backend import BackendOptions
from taskyard.checks import check_redaction
from taskyard.compat import InvalidTaskBackend, task_backends
from taskyard.fields import CorruptJSON
from taskyard.operating.presenting import shown_call
from taskyard.operating.redaction import (
    FAILED,
    MASK,
    looks_secret,
    redacted_call,
    redacted_schedule,
    redacted_value,
    restored,
)
from taskyard.operating.search import Search
from taskyard.operating.words import BadSearch
from tests.example.tasks import add, bill, nothing, sign_in
from tests.tasks.jobs import add_job, fresh, row_of
from tests.tasks.schedules.rows import add_schedule

pytestmark = pytest.mark.django_db


# --- by name ---

SECRET = (
    *("password", "PASSWORD", "new_password2", "userPassword", "passwd", "db-passwd", "passphrase"),
    *("secret", "client_secret", "clientSecret", "token", "accessToken", "csrf_tokens", "X-Auth-Token"),
    *("api_key", "apikey", "APIKey", "X-Api-Key", "access_key", "private_key", "credentials"),
    *("Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "sessionid", "session_id"),
    *("signature", "pwd", "pin", "card_pin", "userPIN", "otp", "cvv", "cvc", "auth", "basicAuth", "jwt"),
)

OPEN = (
    *("order", "author", "spinning", "key", "keyboard", "monkey", "compass", "passenger", "session"),
    *("authority", "opinion", "cryptic", "user", "0", "", "hotpot", "übung", "bypass"),
)


@pytest.mark.parametrize("name", SECRET)
def test_what_is_named_like_a_secret_is_one(name):
    assert looks_secret(name)


@pytest.mark.parametrize("name", OPEN)
def test_what_only_sounds_like_one_is_none(name):
    assert not looks_secret(name)


def test_arguments_are_hidden_by_keyword_place_and_key():
    job = add_job(
        task=sign_in.module_path,
        args=["ada", "hunter2", "t1", "t2"],
        kwargs={"api_key": "k", "headers": [{"Cookie": {"a": 1}, "Accept": "*"}], "pin": None, "order": 42},
    )

    args, kwargs = redacted_call(job)

    assert args == ["ada", MASK, MASK, MASK]
    assert kwargs == {
        "api_key": MASK,
        "headers": [{"Cookie": MASK, "Accept": "*"}],
        "pin": MASK,
        "order": 42,
    }
    assert shown_call(job).startswith('("ada", "•••", "•••", "•••", api_key="•••", headers=')


def test_positional_arguments_of_a_task_without_code_are_judged_by_their_keys_alone():
    job = add_job(task="tests.gone.sign_in", args=["ada", {"password": "hunter2"}], kwargs={"token": "t"})

    assert redacted_call(job) == (["ada", {"password": MASK}], {"token": MASK})


def test_what_is_stored_and_what_the_task_gets_is_not_touched():
    job = add_job(task=sign_in.module_path, args=["ada", "hunter2"], kwargs={"token": ["t"], "a": {"b": [1]}})
    before = row_of(job)

    redacted_call(job)
    redacted_call(job)

    assert job.args == ["ada", "hunter2"]
    assert job.kwargs == {"token": ["t"], "a": {"b": [1]}}
    assert row_of(job) == before


def test_values_go_by_the_names_in_them():
    assert redacted_value({"a": [{"token": 1}], "password": {"b": 2}}) == {
        "a": [{"token": MASK}],
        "password": MASK,
    }
    assert redacted_value("hunter2") == "hunter2"


def test_what_is_no_json_is_not_shown():
    job = add_job(task=nothing.module_path)
    job.kwargs = CorruptJSON(text='{"password": "hunter2"', fault="Expecting ',' delimiter")

    assert redacted_call(job) == ([f"{FAILED}: kwargs is no JSON: Expecting ',' delimiter"], {})
    assert "hunter2" not in str(redacted_value(job.kwargs))


@pytest.mark.parametrize("columns", [{"args": {"password": "hunter2"}}, {"kwargs": ["hunter2"]}])
def test_arguments_that_are_no_list_and_mapping_are_not_shown(columns):
    assert "hunter2" not in shown_call(add_job(**columns))


# --- a site's own hook ---


def test_a_hook_decides_alone(hook):
    hook("hide_orders")
    job = add_job(task=bill.module_path, args=[77], kwargs={"order": 42, "password": "x", "noise": 1})

    assert redacted_call(job) == (["…7"], {"order": "…2", "password": "x"})
    assert fresh(job).kwargs == job.kwargs == {"order": 42, "password": "x", "noise": 1}


def test_each_backend_has_its_own(hook):
    hook("hide_orders")

    assert redacted_call(add_job(backend="leased", kwargs={"order": 42, "password": "x"})) == (
        [],
        {"order": 42, "password": MASK},
    )


@pytest.mark.parametrize("name", ["fail", "return_nothing", "return_no_json", "gone", "NO_FUNCTION"])
def test_a_hook_that_fails_shows_nothing_and_is_logged_without_the_values(hook, name, caplog):
    hook(name)
    job = add_job(args=["hunter2"], kwargs={"order": 42})

    with caplog.at_level(logging.DEBUG):
        assert redacted_call(job) == ([FAILED], {})

    [record] = caplog.records
    assert f"a job of {nothing.module_path} cannot be redacted" in record.message
    assert "hunter2" not in caplog.text
    if name == "fail":
        assert "ValueError at " in record.message
        assert "privacy.py:" in record.message


def test_a_job_whose_backend_is_gone_shows_nothing_where_others_have_a_hook(hook):
    job = add_job(backend="gone", kwargs={"order": 42})
    assert redacted_call(job) == ([], {"order": 42})

    hook("hide_orders")

    assert redacted_call(job) == ([FAILED], {})


def test_a_schedule_goes_by_the_backend_that_its_jobs_go_to(hook):
    hook("hide_orders")
    own = add_schedule(name="own", task=bill.module_path, args=[77])
    other = add_schedule(name="other", task=bill.module_path, args=[77], backend="leased")

    assert redacted_schedule(own) == (["…7"], {})
    assert redacted_schedule(other) == ([77], {})


@pytest.mark.parametrize("name", ["gone", "NO_FUNCTION"])
def test_a_hook_that_is_not_there_is_refused_by_a_system_check(hook, name):
    assert check_redaction() == []

    hook(name)

    [error] = check_redaction()
    assert (error.id, error.level) == ("taskyard.E002", checks.ERROR)
    assert "TASKS['default']['OPTIONS']['REDACT'] names no function" in error.msg
    assert "(task, args, kwargs)" in error.hint


def test_a_hook_is_named_by_its_path(settings):
    with pytest.raises(ValueError, match="REDACT must be the dotted path of a function"):
        BackendOptions(REDACT=print)
    settings.TASKS = {**settings.TASKS, "default": {**settings.TASKS["default"], "OPTIONS": {"REDACT": 7}}}
    with pytest.raises(InvalidTaskBackend, match="REDACT must be"):
        _ = task_backends["default"]


# --- looking for it ---


def refused(words):
    try:
        list(Search.parse(words).jobs())
    except BadSearch as fault:
        assert "this is not shown, and so not looked for" in str(fault)  # noqa: PT017 - or it is not refused
        return True
    return False


@pytest.mark.parametrize(
    "words",
    [
        "args.password:hunter2",
        "args.headers.Cookie:a",
        "args.headers.0.Cookie:a",
        'args.headers:\'{"Cookie": "a"}\'',
        "args.1:hunter2 task:sign_in",
        "args.7:hunter2 task:sign_in",
        "task:nothing args.token:1",
        "task:tests.gone.sign_in args.token:1",
    ],
)
def test_what_is_hidden_by_its_name_is_not_looked_for(words):
    assert refused(words)


@pytest.mark.parametrize(
    "words", ["args.order:42", "args.0:ada", "args.1:2 task:add", "args.user:ada", "add"]
)
def test_all_else_is_looked_for(words):
    assert not refused(words)


def test_a_place_is_looked_for_in_the_jobs_of_those_tasks_that_show_it():
    sign_in.enqueue("ada", "hunter2")
    shown = add.enqueue("ada", "hunter2")

    assert [str(job.pk) for job in Search.parse("args.1:hunter2").jobs()] == [shown.id]


def test_a_search_built_by_hand_is_refused_as_well():
    with pytest.raises(BadSearch):
        Search().with_word("args.password:x").jobs()


def test_what_a_hook_hides_is_not_looked_for(hook):
    hook("hide_orders")

    assert refused("args.order:42")
    assert not refused("args.0:77")
    assert refused("task:bill args.0:77")
    assert not refused("task:add args.0:77")
    assert refused("args.password:x"), "another backend has no hook and hides it"
    assert not refused("args.colour:red")


def test_where_the_hook_fails_nothing_is_looked_for(hook):
    hook("fail")

    assert refused("args.colour:red")


def test_by_what_place_an_argument_is_found_does_not_tell_either(hook):
    hook("hide_bills")
    bill.enqueue(77)
    other = add_job(kwargs={"order": 77})

    assert refused("task:bill args.order:77")
    assert [job.pk for job in Search.parse("args.order:77").jobs()] == [other.pk]
    assert not Search.parse("args.0:77").jobs().exists()


# --- what was edited while hidden ---


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"user": "ada", "password": MASK}, {"user": "ada", "password": "hunter2"}),
        ({"user": "bob", "password": MASK}, {"user": "bob", "password": "hunter2"}),
        ({"user": "ada", "password": "new"}, {"user": "ada", "password": "new"}),
        ({"password": MASK, "more": [MASK]}, {"password": "hunter2", "more": [MASK]}),
        ({}, {}),
        (["ada", MASK], ["ada", MASK]),
    ],
)
def test_what_was_left_as_shown_stays_as_stored(given, meant):
    stored = {"user": "ada", "password": "hunter2"}

    assert restored(given, redacted_value(stored), stored) == meant


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["ada", MASK], ["ada", "hunter2"]),
        (["bob", MASK, 7], ["bob", "hunter2", 7]),
        (["ada"], ["ada"]),
        ([MASK, "ada"], [MASK, "ada"]),
    ],
)
def test_what_was_left_in_its_place_in_a_list_stays_as_stored(given, meant):
    assert restored(given, ["ada", MASK], ["ada", "hunter2"]) == meant
