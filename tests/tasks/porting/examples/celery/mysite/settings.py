INSTALLED_APPS = [
    "django_celery_beat",  # found: decision
    "django_celery_results",  # found: mechanical
    "shop",
]
CELERY_BROKER_URL = "redis://localhost:6379/0"  # found: decision
CELERY_TASK_ACKS_LATE = True  # found: decision
CELERY_BEAT_SCHEDULE = {}  # found: decision
EMAIL_HOST = "localhost"
