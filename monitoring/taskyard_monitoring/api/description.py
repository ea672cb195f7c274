"""The OpenAPI description, made whole: the headers of answers, and the media type of problems."""

from typing import Any

from .problems import CONTENT_TYPE

_TEXT = {"schema": {"type": "string"}}
_SECONDS = {"schema": {"type": "integer", "minimum": 1}}

_HEADERS: dict[str, dict[str, Any]] = {
    "200": {},
    "201": {"Location": {**_TEXT, "description": "The address of the job."}},
    "401": {"WWW-Authenticate": _TEXT},
    "429": {"Retry-After": {**_SECONDS, "description": "Seconds until there is room for another."}},
    "503": {"Retry-After": {**_SECONDS, "description": "Seconds."}},
}

_ETAG = {"ETag": {**_TEXT, "description": "Send it as If-None-Match to be spared what you have."}}


def completed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a description with the headers of answers, and the media type of problems."""
    for methods in schema["paths"].values():
        for method, operation in methods.items():
            responses = {str(status): each for status, each in operation["responses"].items()}
            for status, answer in responses.items():
                _complete(status, answer)
            if method == "get":
                responses["200"]["headers"] = _ETAG
                responses["304"] = {"description": "Not Modified"}
            operation["responses"] = dict(sorted(responses.items()))
    return schema


def _complete(status: str, answer: dict[str, Any]) -> None:
    if headers := _HEADERS.get(status):
        answer["headers"] = headers
    if status >= "400":
        answer["content"] = {CONTENT_TYPE: answer["content"]["application/json"]}
