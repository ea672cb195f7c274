"""Tasks that the HTTP API offers, for its tests."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from taskyard import policy, task
from taskyard_monitoring.exposing import exposed

if TYPE_CHECKING:
    from taskyard.compat import TaskContext

Colour = Literal["red", "green"]


class Address(TypedDict):
    """Where somebody lives."""

    street: str
    number: int


@task(queue_name="reports", priority=10)
@exposed(permission=None, queues=("mail",))
def build_report(report_id: int, day: date | None = None, colour: Colour = "red") -> str:
    """Build a report.

    The rest is for developers.
    """
    return f"{report_id} {day} {colour}"


@task
@exposed(permission="auth.view_group")
def count_groups(limit: Annotated[int, Field(ge=1, le=5)] = 5):
    return limit


@task(takes_context=True)
@exposed(permission=None)
def with_context(
    context: TaskContext,
    copy: str,
    json: list[int] = [],  # noqa: B006
    /,
    *schema: int,
    model: Address,
    **rest: float,
):
    """Names that models have themselves, and every kind of parameter."""
    return [copy, json, schema, model, rest]


@task
@exposed(permission=None)
def anything(value, other=object()):  # noqa: B008
    return value


@task
@exposed(permission=None)
@policy(unique=True)
def only_once(number: int = 0, password: str = ""):
    return number


@task
@exposed(permission=None)
def several(first: str = "a", second: str = "b", *others: int):
    return [first, second, *others]


@task
def hidden(value: int):
    """Not exposed."""
    return value
