"""docs/openapi.json as the tests use it: what a request may be, what an answer must be, and a client made of it at run time."""

import functools
import json
import re
import sys
from pathlib import Path

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

METHODS = ("get", "put", "post", "patch", "delete")
# What any path may answer, which the document tells once in its introduction.
EVERYWHERE = {"405"}


CHECKER = jsonschema.FormatChecker(("ipv4",))


@CHECKER.checks("date-time")
def is_date_time(value):
    """As the manager writes them; the library's own check needs another package."""
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ", value)


class Undocumented(AssertionError):
    """An answer that the document does not have."""


class Document:
    def __init__(self, path):
        self.json = json.loads(Path(path).read_text())
        self.operations = {}
        for template, item in self.json["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = Operation(self, method.upper(), template, item[method])
                    self.operations[operation.id] = operation
        self.validators = {}

    def resolve(self, value):
        while isinstance(value, dict) and set(value) >= {"$ref"}:
            found = self.json
            for step in value["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            value = found
        return value

    def errors(self, schema, value):
        """Where and why value is not what schema says; empty when it is."""
        key = json.dumps(schema)
        if key not in self.validators:
            # References are into the components.
            self.validators[key] = jsonschema.Draft202012Validator(
                schema | {"components": self.json["components"]}, format_checker=CHECKER)
        return [f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
                for error in self.validators[key].iter_errors(value)]

    def find(self, method, path):
        """The operation that a request is, or None."""
        for operation in self.operations.values():
            if operation.method == method and operation.pattern.fullmatch(path):
                return operation
        return None

    def has_path(self, path):
        return any(operation.pattern.fullmatch(path) for operation in self.operations.values())

    def check(self, method, target, answer):
        """Raises Undocumented unless the document has this answer to this request."""
        path = target.split("?")[0]
        operation = self.find("GET" if method == "HEAD" else method, path)
        where = f"{method} {target}: {answer.status}"
        if operation:
            allowed = operation.answers
            if str(answer.status) not in allowed and str(answer.status) not in EVERYWHERE:
                raise Undocumented(f"{where}: not documented; {answer.text[:300]}")
            described = allowed.get(str(answer.status), {})
        elif self.has_path(path) and method == "OPTIONS":
            self.expect(where, answer, ("204", *answers_of_strangers(self)))
            described = {}
        elif self.has_path(path):
            self.expect(where, answer, ("405", *answers_of_strangers(self)))
            described = {}
        else:
            self.expect(where, answer, ("404", *answers_of_strangers(self)))
            described = {}
        if answer.status >= 400:
            described = described or self.json["components"]["responses"]["NotFound"]
        self.check_headers(where, described, answer)
        if method != "HEAD":
            self.check_content(where, described.get("content", {}), answer)

    @staticmethod
    def expect(where, answer, statuses):
        if str(answer.status) not in statuses:
            raise Undocumented(f"{where}: expected {' or '.join(statuses)}; {answer.text[:300]}")
        if answer.status in (204, 405) and not answer.headers.get("Allow"):
            raise Undocumented(f"{where}: without Allow")

    def check_headers(self, where, described, answer):
        for name, header in described.get("headers", {}).items():
            header = self.resolve(header)
            value = answer.headers.get(name)
            if value is None:
                if header.get("required", name not in ("Link", "ETag", "Location")):
                    raise Undocumented(f"{where}: without {name}")
                continue
            if header["schema"].get("type") == "integer":
                value = int(value)
            if errors := self.errors(header["schema"], value):
                raise Undocumented(f"{where}: {name}: {errors[0]}")

    def check_content(self, where, content, answer):
        if not content:
            if answer.body:
                raise Undocumented(f"{where}: a body where none is documented: {answer.text[:300]}")
            return
        media = answer.headers.get("Content-Type", "").split(";")[0]
        if media not in content:
            raise Undocumented(f"{where}: Content-Type {media!r}: documented are {', '.join(content)}; {answer.text[:300]}")
        if not media.endswith("json"):
            return
        try:
            value = json.loads(answer.body)
        except ValueError as error:
            raise Undocumented(f"{where}: its body is no JSON: {error}: {answer.text[:300]}")
        if errors := self.errors(content[media]["schema"], value):
            raise Undocumented(f"{where}: {errors[0]}")
        if media == "application/problem+json" and value["status"] != answer.status:
            raise Undocumented(f"{where}: its problem says {value['status']}")


def answers_of_strangers(document):
    """What any request may be answered before its path is looked at."""
    return ("400", "401", "403", "414", "429", "431", "503")


class Operation:
    def __init__(self, document, method, template, json_):
        self.document, self.method, self.template, self.json = document, method, template, json_
        self.id, self.role = json_["operationId"], json_["x-rastos-role"]
        self.pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)))
        self.parameters = [document.resolve(parameter) for parameter in json_.get("parameters", ())]
        self.answers = {status: document.resolve(answer) for status, answer in json_["responses"].items()}
        self.body = document.resolve(json_.get("requestBody"))
        self.stream = "101" in self.answers

    def __repr__(self):
        return f"{self.method} {self.template}"

    def named(self, where):
        return [parameter for parameter in self.parameters if parameter["in"] == where]


# --- Whether it is an OpenAPI 3.1 document ---

# What each object of it may have and must have (OpenAPI 3.1.0, 4.8), of those that ours uses.
SHAPES = {
    "document": ("openapi info paths", "jsonSchemaDialect servers webhooks components security tags externalDocs"),
    "info": ("title version", "summary description termsOfService contact license"),
    "path": ("", "summary description servers parameters get put post delete options head patch trace"),
    "operation": ("responses operationId summary tags x-rastos-role",
                  "description externalDocs parameters requestBody callbacks deprecated security servers"),
    "parameter": ("name in schema", "description required deprecated allowEmptyValue style explode example examples"),
    "header": ("schema", "description required deprecated"),
    "response": ("description", "headers content links"),
    "request": ("content", "description required"),
    "media": ("", "schema example examples encoding"),
    "components": ("", "schemas responses parameters examples requestBodies headers securitySchemes links callbacks pathItems"),
}


@functools.cache
def schema_problem(text):
    """What the meta schema says against it, or None."""
    try:
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
    except jsonschema.SchemaError as error:
        return error.message
    return None


class Structure:
    """Collects what is wrong with a document as such. Debian has no validator for OpenAPI 3.1."""

    def __init__(self, document):
        self.document, self.json, self.wrong = document, document.json, []

    def say(self, where, what):
        self.wrong.append(f"{where}: {what}")

    def shape(self, kind, where, value):
        required, optional = (words.split() for words in SHAPES[kind])
        for key in set(required) - set(value):
            self.say(where, f"has no {key}")
        for key in set(value) - set(required) - set(optional):
            if not key.startswith("x-"):
                self.say(where, f"{key} is not in OpenAPI 3.1")

    def resolve(self, where, value):
        try:
            return self.document.resolve(value)
        except (KeyError, TypeError):
            self.say(where, f"{value['$ref']} is not there")
            return {}

    def schema(self, where, schema):
        """A schema and all references in it; whether they are right."""
        before = len(self.wrong)
        if problem := schema_problem(json.dumps(schema)):
            self.say(where, f"is no JSON Schema: {problem}")
        self.references(where, schema)
        return len(self.wrong) == before

    def references(self, where, value):
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                self.resolve(where, value)
            for item in value.values():
                self.references(where, item)
        elif isinstance(value, list):
            for item in value:
                self.references(where, item)

    def content(self, where, content):
        for media, item in content.items():
            inner = f"{where} {media}"
            self.shape("media", inner, item)
            if "schema" not in item:
                if media.endswith("json"):  # XML has a schema of its own
                    self.say(inner, "has no schema")
                continue
            if not self.schema(inner, item["schema"]):
                continue
            examples = [entry["value"] for entry in item.get("examples", {}).values()]
            examples += [item["example"]] if "example" in item else []
            if not examples and "application/json" == media and "$ref" in item["schema"]:
                self.say(inner, "has no example")
            for example in examples:
                for error in self.document.errors(item["schema"], example):
                    self.say(f"{inner}: example", error)

    def response(self, where, response):
        response = self.resolve(where, response)
        self.shape("response", where, response)
        for name, header in response.get("headers", {}).items():
            self.shape("header", f"{where} {name}", self.resolve(where, header))
        self.content(where, response.get("content", {}))

    def operation(self, path, method, operation):
        where = f"{method.upper()} {path}"
        self.shape("operation", where, operation)
        if operation["x-rastos-role"] not in ("read", "operate", "admin"):
            self.say(where, "has no role that there is")
        named = set()
        for parameter in operation.get("parameters", ()):
            parameter = self.resolve(where, parameter)
            self.shape("parameter", where, parameter)
            self.schema(f"{where} {parameter['name']}", parameter["schema"])
            if parameter["in"] == "header" and self.resolve(where, parameter["schema"]).get("type") not in ("string", "integer"):
                self.say(where, f"{parameter['name']} has no type that generators of clients have for headers")
            if (parameter["in"], parameter["name"]) in named:
                self.say(where, f"{parameter['name']} is there twice")
            named.add((parameter["in"], parameter["name"]))
            if parameter["in"] == "path" and not parameter.get("required"):
                self.say(where, f"{parameter['name']} is in the path and not required")
        if {name for where_, name in named if where_ == "path"} != set(re.findall(r"\{(\w+)\}", path)):
            self.say(where, "its path has other parameters")
        if "requestBody" in operation:
            body = self.resolve(where, operation["requestBody"])
            self.shape("request", where, body)
            self.content(where, body["content"])
        for status, response in operation["responses"].items():
            if not re.fullmatch(r"[1-5]\d\d|default", status):
                self.say(where, f"{status} is no status")
            self.response(f"{where} {status}", response)

    def check(self):
        self.shape("document", "document", self.json)
        self.shape("info", "info", self.json["info"])
        self.shape("components", "components", self.json["components"])
        if not re.fullmatch(r"3\.1\.\d+", self.json["openapi"]):
            self.say("openapi", "is not 3.1")
        seen = set()
        tags = {tag["name"] for tag in self.json["tags"]}
        for path, item in self.json["paths"].items():
            self.shape("path", path, item)
            for method in METHODS:
                if method in item:
                    self.operation(path, method, item[method])
                    if item[method]["operationId"] in seen:
                        self.say(path, f"operationId {item[method]['operationId']} is there twice")
                    if not set(item[method]["tags"]) <= tags:
                        self.say(path, "has a tag that is not described")
                    seen.add(item[method]["operationId"])
        for name, schema in self.json["components"]["schemas"].items():
            self.schema(f"schema {name}", schema)
        for name, response in self.json["components"]["responses"].items():
            self.response(f"response {name}", response)
        self.used()
        return self.wrong

    def used(self):
        """What nobody refers to is forgotten, or a mistake. Settings are no part of an answer, but have a schema."""
        text = json.dumps(self.json)
        for kind in ("schemas", "responses", "parameters", "headers"):
            for name in self.json["components"][kind]:
                if f'"#/components/{kind}/{name}' not in text and name not in ("Settings", "Allow"):
                    self.say(f"{kind} {name}", "is used nowhere")
