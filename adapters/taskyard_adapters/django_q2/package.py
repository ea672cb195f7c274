"""What travels: django-q2's own kind of package, signed by it, with a message of ours as its one argument.

django-q2 signs pickles with SECRET_KEY. A package holds plain strings and one small dict, and none is
unpickled whose signature does not match. Its `func` names the task for the page of queued tasks in
django-q2's admin and for nothing else: a task is no function, so a `qcluster` could not even call it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from taskyard.engines import engine_library
from taskyard.message import BadMessage, encode

if TYPE_CHECKING:
    from taskyard.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Package:
    """A package on its way, as a broker handed it out."""

    payload: str
    place: Any
    """Where it was: the row's key, or the list's."""


def pack(delivery: "Delivery") -> str:
    """Return the signed package for a job.

    Raises:
        InvalidTaskBackend: where django-q2 is not installed.
    """
    signing = engine_library("django_q.signing", "django-q2")
    package = {
        "id": delivery.job_id.hex,
        "name": delivery.task,
        "func": delivery.task,
        "args": (encode(delivery.job_id),),
        "kwargs": {},
    }
    signed: str = signing.SignedPackage.dumps(package)
    return signed


def unpack(payload: str) -> object:
    """Return the message in a package; whether it is one of Taskyard's is the consumer's to say.

    Raises:
        BadMessage: where the signature does not match or there is no package under it.
    """
    signing = engine_library("django_q.signing", "django-q2")
    try:
        package = signing.SignedPackage.loads(payload)
    except signing.BadSignature as error:
        raise BadMessage(
            f"Its signature does not match ({error}). Whoever sends and whoever runs jobs need the same "
            'SECRET_KEY and Q_CLUSTER["name"], and each site a PREFIX of its own in OPTIONS; the job waits '
            "in the database."
        ) from error
    except Exception as error:
        raise BadMessage(f"There is no package in it ({error}).") from error
    try:
        [message] = package["args"]
    except (KeyError, TypeError, ValueError):
        return package
    return message
