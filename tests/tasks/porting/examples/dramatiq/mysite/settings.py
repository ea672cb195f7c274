INSTALLED_APPS = [
    "django_dramatiq",  # found: mechanical
    "shop",
]
DRAMATIQ_BROKER = {  # found: decision
    "BROKER": "dramatiq.brokers.redis.RedisBroker",
}
