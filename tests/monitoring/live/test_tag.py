"""What `{% job_progress %}` shows without a script: the job as it is when the page is made."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.template import engines
from django.test import RequestFactory

from taskyard import TaskResult
from taskyard.states import JobState
from tests.tasks.jobs import add_job

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.monitoring.live.tag_site")]


@pytest.fixture(autouse=True)
def settings_stay(monkeypatch):
    """The site names its own settings, which are not these."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")


@pytest.fixture
def ann():
    """Somebody with jobs of their own."""
    return User.objects.create_user("ann")


def shown(job, user=None, text="{% job_progress job %}", **context):
    """Return what the tag shows somebody, its white space evened out."""
    request = RequestFactory().get("/page/?a=1")
    request.user = user or AnonymousUser()
    template = engines["django"].from_string("{% load taskyard_live %}" + text)
    return re.sub(r"\s+", " ", template.render({"job": job, **context}, request))


def word(html):
    """Return the word for the state."""
    return re.search(r'data-part="word">([^<]*)<', html)[1]


@pytest.mark.parametrize(
    ("state", "columns", "says", "bar"),
    [
        (JobState.READY, {}, "Waiting", 'value="0"'),
        (JobState.RUNNING, {"progress": {"done": 4, "total": 10}}, "Running", 'value="40"'),
        (JobState.RUNNING, {}, "Running", 'max="100">'),
        (JobState.SUCCESSFUL, {}, "Done", 'value="100"'),
        (JobState.FAILED, {}, "Failed", 'value="0"'),
        (JobState.CANCELLED, {}, "Cancelled", 'value="0"'),
    ],
)
def test_each_state_is_a_word_and_a_bar(ann, state, columns, says, bar):
    html = shown(add_job(state, owner=str(ann.pk), **columns).pk, ann)

    assert word(html) == says
    assert bar in re.search("<progress[^>]*>", html)[0]
    assert ("Refresh" in html) == (state in {JobState.READY, JobState.RUNNING})


def test_how_far_it_is_is_said_in_words(ann):
    job = add_job(JobState.RUNNING, owner=str(ann.pk), progress={"done": 4, "total": 10, "message": "<rows>"})

    assert "4 of 10 &lt;rows&gt;" in shown(job.pk, ann)


def test_the_bar_has_a_name(ann):
    job = add_job(owner=str(ann.pk))

    html = shown(job.pk, ann, '{% job_progress job label="Your import" %}')

    assert '<progress aria-label="Your import"' in html


def test_what_is_done_leads_on(ann):
    job = add_job(JobState.SUCCESSFUL, owner=str(ann.pk))

    html = shown(job.pk, ann, "{% job_progress job then=then %}", then="/report/?a=1&b=2")

    assert '<a href="/report/?a=1&amp;b=2">Continue</a>' in html


def test_what_is_not_done_can_be_looked_at_again(ann):
    assert '<noscript><a href="/page/?a=1">Refresh</a></noscript>' in shown(
        add_job(owner=str(ann.pk)).pk, ann
    )


def test_somebody_elses_job_looks_like_one_that_is_not_there(ann):
    somebody = add_job(owner="somebody else").pk
    nobody = uuid4()

    hidden = shown(somebody, ann).replace(str(somebody), "")

    assert word(hidden) == "Unknown job"
    assert hidden == shown(nobody, ann).replace(str(nobody), "")
    assert word(shown(somebody)) == "Unknown job"


def test_why_it_failed_is_for_those_who_see_the_console(ann):
    job = add_job(JobState.FAILED, owner=str(ann.pk))
    vera = User.objects.create_user("vera")
    vera.user_permissions.add(Permission.objects.get(codename="view_console"))

    assert "no luck" not in shown(job.pk, ann)
    assert "no luck" in shown(job.pk, vera)


@pytest.mark.parametrize("wrong", ["", None, "no id", "<b>", 5])
def test_what_is_no_id_is_an_unknown_job(wrong):
    assert word(shown(wrong)) == "Unknown job"


def test_a_result_will_do_for_an_id(ann):
    from tests.example.tasks import nothing

    result = nothing.enqueue()
    assert isinstance(result, TaskResult)

    assert f'data-job="{result.id}"' in shown(result)


def test_the_script_carries_the_nonce_of_the_page(ann):
    assert "nonce" not in shown(uuid4())
    assert '.js" nonce="abc"></script>' in shown(uuid4(), csp_nonce="abc")


def test_a_template_without_a_request_shows_a_stranger_nothing():
    template = engines["django"].from_string("{% load taskyard_live %}{% job_progress job %}")

    assert "Unknown job" in template.render({"job": add_job(owner="7").pk})


@pytest.mark.urls("tests.urls")
def test_a_site_without_the_addresses_is_told_which():
    with pytest.raises(ImproperlyConfigured, match=r"taskyard_monitoring\.live\.urls"):
        shown(uuid4())


@pytest.mark.parametrize("then", ["javascript:alert(1)", "data:text/html,x"])
def test_a_page_to_go_on_to_is_a_page(then):
    with pytest.raises(ValueError, match="address of a page"):
        shown(uuid4(), None, "{% job_progress job then=then %}", then=then)
