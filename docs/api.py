#!/usr/bin/env python3
"""docs/openapi.json is the truth about the manager's API, written by hand. This makes what follows from it:

    docs/openapi.json   the schemas of files (guest, network, settings) are taken in from docs/schema/, so that the one
                        document says everything; and it is laid out so that changes are easy to read
    docs/api.md         the same for people

    api.py [--check]    --check: writes nothing, and ends with 1 when something is stale
"""

import argparse
import json
import re
import shlex
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
OPENAPI = DOCS / "openapi.json"
# Components that are files of their own. Those say what they are and where; a part of a document does not.
FILES = {"GuestDefinition": "guest", "NetworkDefinition": "network", "Settings": "vmm"}
FILES_ONLY = ("$schema", "$id", "title")
PARTS = {"GuestDefinition": {"GuestDisk": "disks", "GuestCard": "networks", "GuestFilesystem": "filesystems"}}
METHODS = ("get", "put", "post", "patch", "delete")
SOCKET = "/run/rastos/api.sock"
WIDTH = 120
# What stands for a parameter of the path in examples.
NAMES = {"guest": "web", "network": "lab", "disk": "data", "device": "data", "task": "1", "port": "22", "name": "guest",
         "channel": "org.qemu.guest_agent.0"}
QUERIES = {"listGuests": "state=running&limit=10", "getGuestCrashes": "newest=true", "getLogs": "lines=10",
           "getEvents": "since=0", "startGuest": "wait=true&timeout_s=30", "shutdownGuest": "wait=true&timeout_s=30",
           "killGuest": "wait=true"}


# --- The document ---

def layout(value, depth=0, before=0, width=WIDTH):
    """JSON, an object or array on one line where it fits behind what is before it."""
    flat = json.dumps(value, ensure_ascii=False)
    if 2 * depth + before + len(flat) < width or not isinstance(value, (dict, list)) or not value:
        return flat
    indent = "  " * (depth + 1)
    if isinstance(value, list):
        lines = [indent + layout(item, depth + 1, 0, width) for item in value]
        return "[\n" + ",\n".join(lines) + "\n" + "  " * depth + "]"
    heads = {key: json.dumps(key, ensure_ascii=False) + ": " for key in value}
    lines = [indent + heads[key] + layout(item, depth + 1, len(heads[key]), width) for key, item in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"


def take_in(document):
    """The files' schemas become components, and so does what is a thing of its own in them: generators of clients know no other
    references."""
    schemas = document["components"]["schemas"]
    for component, name in FILES.items():
        schema = json.loads((DOCS / f"schema/{name}.schema.json").read_text())
        parts = {component + part[0].upper() + part[1:]: inner for part, inner in schema.pop("$defs", {}).items()}
        for part, array in PARTS.get(component, {}).items():
            parts[part] = schema["properties"][array]["items"]
            schema["properties"][array]["items"] = {"$ref": f"#/components/schemas/{part}"}
        for part, inner in ({component: schema} | parts).items():
            schemas[part] = {key: with_references(component, value) for key, value in inner.items() if key not in FILES_ONLY}
    schemas["GuestPatch"] = patch_of(schemas["GuestDefinition"]) | {"description": "what a definition may be merged with (RFC 7396)"}
    return document


def patch_of(schema):
    """What may be merged into one that is there (RFC 7396): any of its members but its name, or null; of an object a part."""
    def member(inner):
        inner = {key: value for key, value in inner.items() if key not in ("description", "default")}
        if inner.get("type") == "object" and inner.get("additionalProperties") is False and inner.get("properties"):
            return patch_of(inner) | {"type": ["object", "null"]}
        if inner.get("type") == "object":
            return {"type": ["object", "null"]}
        if "oneOf" in inner:
            return {"anyOf": [member(branch) for branch in inner["oneOf"]]}
        words = [value for value in inner.get("enum", ()) if isinstance(value, str)]
        if words and words != inner["enum"]:  # generators of clients want one type each
            return {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": words}, {"type": "null"}]}
        return {"anyOf": [inner, {"type": "null"}]}

    return {"type": "object", "additionalProperties": False,
            "properties": {name: inner if inner is False or name == "name" else member(inner)
                           for name, inner in schema["properties"].items()}}


def with_references(component, value):
    """#/$defs/iotune of a file is a component."""
    text = re.sub(r'"#/\$defs/(\w)', lambda found: f'"#/components/schemas/{component}{found.group(1).upper()}', json.dumps(value))
    return json.loads(text)


def resolve(document, value):
    """What a local reference stands for."""
    while isinstance(value, dict) and "$ref" in value:
        found = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        value = found
    return value


# --- For people ---

def anchor(title):
    return title.lower().replace(" ", "-")


def plain(text):
    return text.replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    if not rows:
        return []
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return [*lines, ""]


def limits(schema):
    """What a number, a text or an array may be, in words."""
    least, most = schema.get("minimum"), schema.get("maximum")
    words = []
    if least is not None and most is not None:
        words.append(f"{least} to {most}")
    elif least:
        words.append(f"from {least}")
    if "multipleOf" in schema:
        words.append(f"a multiple of {schema['multipleOf']}")
    if "maxItems" in schema:
        words.append(f"at most {schema['maxItems']}")
    if "default" in schema:
        words.append(f"default: {json.dumps(schema['default'])}")
    return words


def kind(schema):
    """A schema's type, with a link where it has a section of its own."""
    if schema is False:
        return "not here"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return f"[{name}](#{anchor(name)})"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(word).strip(chr(34))}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"array of {kind(schema['items'])}"
    type_ = schema.get("type", "any")
    return " or ".join(type_) if isinstance(type_, list) else type_


def described(schema):
    words = [schema["description"]] if "description" in schema else []
    return plain("; ".join(words + limits(schema)))


def member_rows(schema, prefix=""):
    """An object's members, those of objects in it by their path."""
    rows = []
    for name, member in schema.get("properties", {}).items():
        if member is False:
            continue
        needed = "yes" if name in schema.get("required", ()) else ""
        rows.append([f"`{prefix}{name}`", kind(member), needed, described(member)])
        inner = member.get("items", member) if isinstance(member, dict) else {}
        if "properties" in inner:
            below = f"{prefix}{name}{'[]' if 'items' in member else ''}."
            rows += member_rows(inner, below)
    return rows


def schema_section(name, schema):
    lines = [f"### {name}", ""]
    if name in FILES:
        lines += [f"[docs/schema/{FILES[name]}.schema.json](schema/{FILES[name]}.schema.json); what its members mean is told in "
                  "[configuration.md](configuration.md).", ""]
    if "description" in schema:
        lines += [schema["description"] + ".", ""]
    rows = member_rows(schema)
    if rows:
        return lines + table(["member", "type", "required", ""], rows)
    return lines + [kind(schema), ""]


def content_words(content):
    return ", ".join(f"`{media}`: {kind(item.get('schema', {}))}" for media, item in content.items())


def answer_rows(document, operation):
    rows = []
    for status, answer in operation["responses"].items():
        answer = resolve(document, answer)
        headers = ", ".join(f"`{name}`" for name in answer.get("headers", ()))
        rows.append([status, plain(answer["description"]), content_words(answer.get("content", {})), headers])
    return rows


def problem_statuses(document, operation):
    """Statuses whose answers are problems like any other: one line for all of them."""
    return [status for status, answer in operation["responses"].items()
            if answer.get("$ref", "").startswith("#/components/responses/")]


def example_of(media):
    if "example" in media:
        return media["example"]
    return next(iter(media["examples"].values()))["value"]


def example_path(path):
    return re.sub(r"\{(\w+)\}", lambda name: NAMES[name.group(1)], path)


def curl(document, method, path, operation):
    """A command that can be typed as it is."""
    words = ["curl", "--unix-socket", SOCKET]
    url = "http://rastos" + example_path(path)
    if operation["operationId"] in QUERIES:
        url += "?" + QUERIES[operation["operationId"]]
    if method != "get":
        words += ["-X", method.upper()]
    if "101" in operation["responses"]:
        words += ["-T", ".", "-H", "Connection: Upgrade", "-H", "Upgrade: rastos-stream"]
    if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
        words += ["-N", "-H", "Accept: text/event-stream"]
    body = resolve(document, operation.get("requestBody"))
    if body:
        media, item = next(iter(body["content"].items()))
        words += ["-H", f"Content-Type: {media}", "-d", json.dumps(example_of(item), ensure_ascii=False)]
    return shlex.join(words + [url])


def parameter_rows(document, operation):
    rows = []
    for parameter in operation.get("parameters", ()):
        parameter = resolve(document, parameter)
        schema = parameter["schema"]
        words = plain("; ".join([parameter["description"], *limits(resolve(document, schema))]))
        rows.append([f"`{parameter['name']}`", parameter["in"], kind(schema), words])
    return rows


def operation_section(document, method, path, operation):
    lines = [f"### {method.upper()} {path}", "", f"{operation['summary']}. Role: **{operation['x-rastos-role']}**.", ""]
    if "description" in operation:
        lines += [operation["description"], ""]
    lines += table(["parameter", "in", "type", ""], parameter_rows(document, operation))
    body = resolve(document, operation.get("requestBody"))
    if body:
        optional = "" if body.get("required") else " (may be left out)"
        lines += [f"Body{optional}: {content_words(body['content'])}. {body.get('description', '')}".rstrip(), ""]
    problems = problem_statuses(document, operation)
    rows = [row for row in answer_rows(document, operation) if row[0] not in problems]
    lines += table(["status", "", "body", "headers"], rows)
    listed = ", ".join(problems)
    lines += [f"[Problems](#problems): {listed}.", "", "```sh", curl(document, method, path, operation), "```", ""]
    for status, answer in operation["responses"].items():
        media = resolve(document, answer).get("content", {}).get("application/json")
        if status < "300" and media and "example" in media:
            lines += ["```json", layout(media["example"], width=100), "```", ""]
            break
    return lines


def problem_section(document):
    lines = ["## Problems", "", "What every error is: application/problem+json, a [Problem](#problem).", ""]
    rows = []
    for answer in document["components"]["responses"].values():
        example = answer["content"]["application/problem+json"]["example"]
        headers = ", ".join(f"`{name}`" for name in answer.get("headers", ()))
        rows.append([str(example["status"]), f"`{example['code']}`", plain(answer["description"]), plain(example["detail"]),
                     headers])
    return lines + table(["status", "code", "", "for example", "headers"], rows)


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def markdown(document):
    info = document["info"]
    lines = ["<!-- Made of openapi.json by api.py: change that. -->", "# The manager's API", "", info["description"], "",
             "The whole in [OpenAPI 3.1](openapi.json), which the manager also serves at `/openapi.json`, and which generators of "
             "clients read. How to turn TCP, TLS, tokens and roles on: [configuration.md](configuration.md).", ""]
    for tag in document["tags"]:
        lines += table([tag["description"], "", "role"],
                       [[f"[{method.upper()} {path}](#{heading_anchor(method, path)})", plain(operation["summary"]),
                         operation["x-rastos-role"]]
                        for method, path, operation in operations(document) if operation["tags"] == [tag["name"]]])
    lines += problem_section(document)
    for tag in document["tags"]:
        lines += [f"## {tag['description'][0].upper()}{tag['description'][1:]}", ""]
        for method, path, operation in operations(document):
            if operation["tags"] == [tag["name"]]:
                lines += operation_section(document, method, path, operation)
    lines += ["## Objects", ""]
    for name, schema in document["components"]["schemas"].items():
        lines += schema_section(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def heading_anchor(method, path):
    return "".join(c for c in f"{method} {path}".lower().replace(" ", "-") if c.isalnum() or c in "-_")


# --- Files ---

def main():
    parser = argparse.ArgumentParser(description="makes what follows from docs/openapi.json")
    parser.add_argument("--check", action="store_true", help="only tell what is stale")
    check = parser.parse_args().check
    document = take_in(json.loads(OPENAPI.read_text()))
    stale = []
    for path, text in ((OPENAPI, layout(document) + "\n"), (DOCS / "api.md", markdown(document))):
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.name)
        if not check:
            path.write_text(text)
    for name in stale:
        print(f"docs/{name} {'is stale: run docs/api.py' if check else 'is written'}")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
