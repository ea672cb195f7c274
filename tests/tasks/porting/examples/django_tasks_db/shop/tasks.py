from django.core.management import call_command
from django_tasks import task  # found: mechanical
from django_tasks_db.models import DBTaskResult  # found: decision


@task(priority=5)
def send_receipt(order_id):
    call_command("prune_db_task_results")  # found: mechanical
    return DBTaskResult.objects.filter(status="READY").count()  # found: decision


def buy():
    send_receipt.enqueue(7)
