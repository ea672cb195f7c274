"""Whether a job has a tag, in each database's words."""

from django.db.models import BooleanField, F, Func, Q, Value

from taskyard.database import jobs_connection


def has_tag(tag: str) -> Q:
    """Return the condition on a job that it has this tag."""
    if jobs_connection().features.supports_json_field_contains:
        return Q(metadata__contains={"tags": [tag]})
    return Q(_AmongTags(F("metadata"), Value(tag)))


class _AmongTags(Func):
    """For SQLite, whose JSON has no "contains"."""

    arity = 2
    output_field = BooleanField()
    template = "EXISTS (SELECT 1 FROM JSON_EACH(%(expressions)s))"
    arg_joiner = ", '$.tags') AS each_tag WHERE (each_tag.value = "
