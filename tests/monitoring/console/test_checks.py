"""The system check of what pages need."""

from taskyard_monitoring.console.checks import check_htmx


def test_all_is_well_where_htmx_is_installed():
    assert check_htmx() == []


def test_htmx_is_missed(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_htmx"]

    [warning] = check_htmx()

    assert "django_htmx" in warning.hint


def test_a_site_without_console_needs_no_htmx(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_htmx"]
    settings.ROOT_URLCONF = ()

    assert check_htmx() == []
