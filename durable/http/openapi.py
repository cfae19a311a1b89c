"""The OpenAPI 3.1 document of an API, from its routes; imported when the document is made, never to serve a request."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, assert_never

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from durable.bindings.auth import IAM, JWT, ApiKeys, Authorizer
from durable.http.api import RETRY_AFTER_SECONDS, Api
from durable.http.endpoint import Argument, Endpoint
from durable.http.problems import CONTENT_TYPE, Problem, description_of, title_of
from durable.http.routing import Route

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
_SIGNED: Final = "sigv4"
_TOKEN: Final = "token"
_KEY: Final = "key"
_NONE: Final = object()
_HERE: Final[Json] = {"url": "/", "description": "this server"}


def document(
    apis: Sequence[Api],
    *,
    title: str,
    version: str = "1.0.0",
    description: str = "",
    servers: Sequence[Json] = (_HERE,),
    signed: bool = True,
) -> Json:
    """Return the document of several APIs as one.

    Args:
        servers: where the APIs are, as OpenAPI's Server Objects.
        signed: whether to say which requests are signed, as on AWS and not on one machine.
    """
    operations = [(api, route) for api in apis for route in api.routes]
    schemas = _Schemas([route.endpoint for _, route in operations])
    paths: Json = {}
    taken: Counter[str] = Counter()
    used: set[str] = set()
    for api, route in operations:
        operation = _operation(route, schemas) | {"tags": [*route.tags] or [api.title]}
        name = operation["operationId"]
        taken[name] += 1
        if taken[name] > 1:
            # Generators of clients make a method of each operationId, so it must be unique: functions of two APIs may
            # share a name.
            operation["operationId"] = f"{name}_{taken[name]}"
        if scheme := _scheme_of(api, route, signed=signed):
            operation["security"] = [{scheme: []}]
            used.add(scheme)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    components: Json = {"schemas": schemas.components(), "responses": _problems([route for _, route in operations])}
    if used:
        components["securitySchemes"] = {name: scheme() for name, scheme in _SCHEMES.items() if name in used}
    info = {"title": title, "version": version} | ({"description": description} if description else {})
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": list(servers),
        "paths": paths,
        "components": components,
    }


class _Schemas:
    """The schemas of all bodies and replies, under the names that they share."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        inputs: list[tuple[int, JsonSchemaMode, TypeAdapter[Any]]] = [
            (id(each), "validation", each.adapter) for endpoint in endpoints for each in endpoint.accepts
        ]
        replies: list[tuple[int, JsonSchemaMode, TypeAdapter[Any]]] = [
            (id(each), "serialization", each.reply) for each in endpoints
        ]
        # All at once: two models of one name, and a model with other fields in and out, get names that tell them apart.
        found, self._definitions = TypeAdapter.json_schemas([*inputs, *replies], ref_template=_REF)
        self._found = {key: schema for (key, _), schema in found.items()}
        for key, _, _ in inputs:
            self._close(self._found[key], set())

    def body(self, endpoint: Endpoint) -> Json:
        schemas = [self._found[id(each)] for each in endpoint.accepts]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas} if schemas else {}

    def reply(self, endpoint: Endpoint) -> Json:
        return self._found[id(endpoint)]

    def components(self) -> Json:
        named = {**self._definitions.get("$defs", {}), "Problem": _PROBLEM}
        return {name: _untitled(named[name]) for name in sorted(named)}

    def _close(self, schema: Any, seen: set[str]) -> None:
        """Mark every object of a body as closed: unknown fields are refused."""
        for part in _parts(schema):
            if "properties" in part:
                part.setdefault("additionalProperties", False)
            name = part.get("$ref", "").rpartition("/")[2]
            # A model may refer to itself.
            if name and name not in seen:
                seen.add(name)
                self._close(self._definitions["$defs"][name], seen)

    def example(self, schema: Json) -> Any:
        """Return an example of a schema, made of the examples of its parts; `_NONE` if a required part has none."""
        schema = self.resolved(schema)
        if "examples" in schema:
            return schema["examples"][0]
        if "anyOf" in schema:
            # The first is the one that an author writes first, as X in `X | None`.
            return self.example(schema["anyOf"][0])
        if "items" in schema:
            item = self.example(schema["items"])
            return _NONE if item is _NONE else [item]
        made = {name: self.example(each) for name, each in schema.get("properties", {}).items()}
        if not made or any(made[name] is _NONE for name in schema.get("required", ())):
            return _NONE
        return {name: value for name, value in made.items() if value is not _NONE}

    def resolved(self, schema: Json) -> Json:
        reference: str = schema.get("$ref", "")
        return self._definitions["$defs"][reference.rpartition("/")[2]] if reference else schema


def _parts(schema: Any) -> Iterator[Json]:
    """Yield every object within a schema."""
    if isinstance(schema, dict):
        yield schema
        for each in schema.values():
            yield from _parts(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _parts(each)


def _untitled(schema: Json) -> Json:
    """Return a schema without the titles that pydantic derives from field names."""
    fields = schema.get("properties", {})
    shown = {name: {key: value for key, value in each.items() if key != "title"} for name, each in fields.items()}
    return schema | ({"properties": shown} if shown else {})


def _scheme_of(api: Api, route: Route, *, signed: bool) -> str | None:
    """Return by which scheme the caller of a route is known; None where there is none, or only the project knows it."""
    auth = api.protection.auth if api.protection is not None and not route.public else None
    match auth:
        case JWT():
            return _TOKEN
        case ApiKeys():
            return _KEY
        case IAM():
            return _SIGNED if signed else None
        case Authorizer():
            return None
        case None:
            return _SIGNED if signed and api.signed else None
        case _:
            assert_never(auth)


def _operation(route: Route, schemas: _Schemas) -> Json:
    endpoint = route.endpoint
    summary, _, description = (inspect.getdoc(endpoint.function) or endpoint.function.__name__).partition("\n")
    operation: Json = {"operationId": endpoint.function.__name__, "summary": summary.rstrip(".")}
    if text := " ".join(description.split()):
        operation["description"] = text
    if endpoint.takes:
        operation["parameters"] = [_parameter(each) for each in endpoint.takes.values()]
    if endpoint.body:
        operation["requestBody"] = {"required": True, "content": _content(schemas, schemas.body(endpoint))}
    operation["responses"] = _responses(route, schemas)
    return operation


def _parameter(argument: Argument) -> Json:
    declared = argument.declared
    described: Json = {"name": argument.name, "in": declared.place, "required": argument.required}
    if declared.description:
        described["description"] = declared.description
    described["schema"] = _schema(argument)
    if declared.example is not None:
        described["example"] = declared.example
    return described


def _schema(argument: Argument) -> Json:
    """Return the schema of a parameter's type without null, which cannot be sent."""
    schema = TypeAdapter(argument.type).json_schema(ref_template="{model}")
    definitions = schema.pop("$defs", {})
    kinds = [definitions.get(each.get("$ref"), each) for each in schema.pop("anyOf", [schema])]
    # A query parameter is a text or is left out: there is no text that means null.
    kinds = [each for each in kinds if each != {"type": "null"}]
    found: Json = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if argument.declared.pattern and found.get("type") == "string":
        found["pattern"] = _whole(argument.declared.pattern)
    return found


def _whole(pattern: str) -> str:
    """Return a pattern for the whole text; JSON Schema looks for a pattern anywhere in it."""
    return f"^(?:{pattern})$" if "|" in pattern else f"^{pattern}$"


def _content(schemas: _Schemas, schema: Json) -> Json:
    example = schemas.example(schema)
    return {"application/json": {"schema": schema} | ({} if example is _NONE else {"example": example})}


def _responses(route: Route, schemas: _Schemas) -> Json:
    reply = schemas.reply(route.endpoint)
    described = schemas.resolved(reply).get("description", "Done.")
    success: Json = {"description": described, "content": _content(schemas, reply)}
    if route.status == 201:
        success["headers"] = {
            "Location": {
                "description": "The URL of what was created.",
                "schema": {"type": "string", "format": "uri-reference"},
            }
        }
    responses: Json = {str(route.status): success}
    for status, response in route.responses.items():
        # Below 400 it is another success, with the same body: 200 for a run that was started before.
        responses[str(status)] = success | dict(response) if status < 400 else _reference(status)
    responses |= {str(status): _reference(status) for status in _statuses(route.endpoint)}
    return dict(sorted(responses.items()))


def _statuses(endpoint: Endpoint) -> set[int]:
    """Return the statuses of the problems that a route's parameters and body can cause."""
    found = {500}
    for argument in endpoint.takes.values():
        # A path parameter that does not fit names nothing that is there.
        found.add(404 if argument.declared.place == "path" else 400)
    return found | ({400, 413, 415, 422} if endpoint.body else set())


def _name(status: int) -> str:
    return title_of(status).replace(" ", "")


def _reference(status: int) -> Json:
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _problems(routes: Sequence[Route]) -> Json:
    used = {status for route in routes for status in _statuses(route.endpoint)}
    used |= {status for route in routes for status in route.responses if status >= 400}
    return {_name(status): _problem(status) for status in sorted(used)}


def _problem(status: int) -> Json:
    example = Problem(status, description_of(status)).body()
    if status == 422:
        example["errors"] = [{"field": "email", "message": "Field required"}]
    response: Json = {
        "description": description_of(status),
        "content": {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}, "example": example}},
    }
    if status == 503:
        later = {"description": "Seconds.", "schema": {"type": "integer"}, "example": RETRY_AFTER_SECONDS}
        response["headers"] = {"Retry-After": later}
    return response


def _sigv4() -> Json:
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": "AWS Signature Version 4 of a principal that may execute-api:Invoke.",
        # API Gateway's own extension: OpenAPI has no kind of security scheme for signatures.
        "x-amazon-apigateway-authtype": "awsSigv4",
    }


_SCHEMES: Final[Mapping[str, Callable[[], Json]]] = {
    _SIGNED: _sigv4,
    _TOKEN: lambda: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    _KEY: lambda: {"type": "apiKey", "name": "X-Api-Key", "in": "header"},
}
_PROBLEM: Final[Json] = {
    "title": "Problem",
    "description": "Why a request was refused (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["about:blank"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "description": "With 422: each field that is wrong, by its dotted path.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
