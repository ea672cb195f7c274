"""The arguments of a task as its signature has them: a schema to show, and a check of what callers send.

Callers give all arguments by name. What is checked is the JSON itself, strictly ("7" is no number), and what
the task gets is that same JSON, as from any other caller.
"""

import inspect
import json
from inspect import Parameter
from types import SimpleNamespace
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError

from taskyard.compat import Task

from .problems import faults_of, invalid
from .shapes import Fault


class Unsuitable(TypeError):
    """A task whose signature says what no JSON can be."""


class Signature:
    """What a task takes, but for the context.

    Raises:
        Unsuitable: where an annotation is nothing that JSON can be checked for.
    """

    def __init__(self, task: Task) -> None:
        self._parameters = _parameters(task)
        try:
            hints = _hints(task, self._parameters)
            self._model = _model(task.name, self._parameters, hints)
            self.schema = self._model.model_json_schema()
        except (PydanticUserError, NameError, TypeError) as error:
            raise Unsuitable(
                f"{task.module_path} cannot be exposed: its annotations are nothing that JSON can be checked "
                f"for. {type(error).__name__}: {str(error).splitlines()[0]}"
            ) from error

    def call(self, arguments: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return a call with these arguments, given by name.

        Raises:
            Refused: naming each argument that does not fit.
        """
        try:
            self._model.model_validate_json(json.dumps(arguments), strict=True)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False, include_input=False)
            raise invalid(self._with_names(faults_of(errors, "body", "arguments"))) from error
        return self._placed(dict(arguments))

    def _with_names(self, faults: list[Fault]) -> list[Fault]:
        known = ", ".join(each.name for each in self._parameters) or "none at all"
        for fault in faults:
            if fault.remedy == "Leave it out.":
                fault.remedy = f"Leave it out. The task takes {known}."
        return faults

    def _placed(self, given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Give by position what has no name for callers, and all that stands before it."""
        args: list[Any] = []
        for parameter in self._parameters[: self._number_by_place(given)]:
            if parameter.kind is Parameter.VAR_POSITIONAL:
                args += given.pop(parameter.name)
            else:
                args.append(given.pop(parameter.name, parameter.default))
        return args, given

    def _number_by_place(self, given: dict[str, Any]) -> int:
        nameless = (Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL)
        wanted = (each.kind in nameless and each.name in given for each in self._parameters)
        return max((place for place, is_wanted in enumerate(wanted, 1) if is_wanted), default=0)


def _parameters(task: Task) -> list[Parameter]:
    return list(inspect.signature(task.func).parameters.values())[1 if task.takes_context else 0 :]


def _hints(task: Task, parameters: list[Parameter]) -> dict[str, Any]:
    written = {each.name: each.annotation for each in parameters if each.annotation is not Parameter.empty}
    # Not of the function itself: the context's own annotation may be there for type checkers alone.
    return get_type_hints(
        SimpleNamespace(__annotations__=written), globalns=task.func.__globals__, include_extras=True
    )


def _model(name: str, parameters: list[Parameter], hints: dict[str, Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    base: type[BaseModel] = _NothingElse
    for place, parameter in enumerate(parameters):
        wanted = hints.get(parameter.name, Any)
        match parameter.kind:
            case Parameter.VAR_KEYWORD:
                base = _anything_else(wanted)
            case Parameter.VAR_POSITIONAL:
                fields[f"p{place}"] = _several(wanted, parameter.name)
            case _:
                # Not under its own name, which may be one that models have themselves, such as `copy`.
                fields[f"p{place}"] = (wanted, _field(parameter))
    return create_model(name, __base__=base, **fields)


def _several(wanted: Any, name: str) -> tuple[Any, Any]:
    return list[wanted], Field(default_factory=list, alias=name)


def _field(parameter: Parameter) -> Any:
    if parameter.default is Parameter.empty:
        return Field(alias=parameter.name)
    try:
        json.dumps(parameter.default)
    except (TypeError, ValueError):  # a default that no schema can show
        return Field(default_factory=lambda: None, alias=parameter.name)
    return Field(default=parameter.default, alias=parameter.name)


class _NothingElse(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _anything_else(wanted: Any) -> type[BaseModel]:
    """Return the base of a model that takes other names as well, their values of one kind."""
    annotations = {"__annotations__": {"__pydantic_extra__": dict[str, wanted]}}
    return type("AnythingElse", (BaseModel,), {"model_config": ConfigDict(extra="allow"), **annotations})
