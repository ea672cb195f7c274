import os

from celery import Celery  # found: mechanical
from celery.schedules import crontab  # found: mechanical

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

app = Celery("mysite")  # found: mechanical
app.config_from_object("django.conf:settings", namespace="CELERY")  # found: mechanical
app.autodiscover_tasks()  # found: mechanical
app.conf.beat_schedule = {  # found: decision
    "nightly": {
        "task": "shop.tasks.add_up",
        "schedule": crontab(hour=2, minute=0),  # found: mechanical
    },
}


@app.on_after_configure.connect
def more(sender, **kwargs):
    from shop.tasks import add_up

    app.add_periodic_task(30.0, add_up.s("today"))  # found: decision, decision
