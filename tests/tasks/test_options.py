"""OPTIONS of a backend: what is unknown or wrong is refused by name, before any job is lost."""

from datetime import timedelta

import pytest
from django.test import override_settings

from taskyard.compat import InvalidTaskBackend, task_backends

EMBEDDED = "taskyard_adapters.embedded.EmbeddedBackend"
RECORDING = "tests.example.backends.RecordingBackend"


def backend_with(options, backend=EMBEDDED):
    with override_settings(TASKS={"mine": {"BACKEND": backend, "OPTIONS": options}}):
        return task_backends["mine"]


@pytest.mark.parametrize("backend", [EMBEDDED, RECORDING])
def test_unknown_keys_are_named_and_the_known_listed(backend):
    with pytest.raises(InvalidTaskBackend) as caught:
        backend_with({"RETENTOIN": timedelta(days=1), "COLOUR": "red"}, backend)

    message = str(caught.value)
    assert "TASKS['mine']['OPTIONS'] has unknown keys: COLOUR, RETENTOIN" in message
    assert "RETENTION" in message.partition("knows")[2]


WRONG = [
    *({"MAX_ARGUMENT_BYTES": value} for value in (0, -1, 1.5, "1000", None, True)),
    *({"MAX_RESULT_BYTES": value} for value in (0, -1, 1.5, "1000", None, True)),
    *({"RETENTION": value} for value in (7, "7 days", None, timedelta(seconds=-1), timedelta.max)),
]


@pytest.mark.parametrize("options", WRONG, ids=lambda options: "{}={!r}".format(*next(iter(options.items()))))
def test_a_wrong_value_is_refused_by_name(options):
    [name] = options

    with pytest.raises(InvalidTaskBackend, match=rf"TASKS\['mine'\]\['OPTIONS'\].*{name}"):
        backend_with(options)


RIGHT = [
    {},
    {"MAX_ARGUMENT_BYTES": 1},
    {"MAX_RESULT_BYTES": 10**9},
    {"RETENTION": timedelta(0)},
    {"RETENTION": timedelta(days=3650)},
]


@pytest.mark.parametrize("options", RIGHT, ids=str)
def test_a_right_value_holds(options):
    settings = backend_with(options).settings

    for name, value in options.items():
        assert getattr(settings, name) == value


def test_the_defaults_are_as_documented():
    settings = backend_with({}).settings

    assert (settings.MAX_ARGUMENT_BYTES, settings.MAX_RESULT_BYTES) == (256 * 1024, 256 * 1024)
    assert timedelta(days=7) == settings.RETENTION


def test_a_backend_without_options_has_the_defaults():
    with override_settings(TASKS={"mine": {"BACKEND": EMBEDDED}}):
        assert timedelta(days=7) == task_backends["mine"].settings.RETENTION


def test_one_wrong_backend_does_not_keep_another_from_working():
    with override_settings(
        TASKS={"mine": {"BACKEND": EMBEDDED, "OPTIONS": {"X": 1}}, "other": {"BACKEND": EMBEDDED}}
    ):
        assert timedelta(days=7) == task_backends["other"].settings.RETENTION
        with pytest.raises(InvalidTaskBackend):
            _ = task_backends["mine"]
