INSTALLED_APPS = [
    "django_tasks",  # found: decision
    "django_tasks_db",  # found: mechanical
    "shop",
]
TASKS = {
    "default": {"BACKEND": "django_tasks_db.DatabaseBackend"},  # found: mechanical
    "old": {"BACKEND": "django_tasks.backends.database.DatabaseBackend"},  # found: mechanical
}
