"""compose.yaml as data: its services, as Docker Compose itself understands them."""

from .errors import ComposeError
from .order import levels
from .project import read
from .service import HealthCheck, Mount, Port, Service

__all__ = ["ComposeError", "HealthCheck", "Mount", "Port", "Service", "levels", "read"]
