INSTALLED_APPS = ["django_q", "shop"]  # found: mechanical
Q_CLUSTER = {"name": "shop", "orm": "default", "retry": 120, "timeout": 60}  # found: decision
