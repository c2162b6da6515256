"""What a request of docs/openapi.json may be, as hypothesis draws it: right by the document, or wrong in one place."""

import json
import re

from hypothesis import strategies as st

NAMES = ["web", "db", "data", "lab", "default"]  # some are there
# Never what this host really has: a pool would take it in.
NOWHERE = "/nonexistent/"

ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2**63, 2**64), st.floats(allow_nan=False, allow_infinity=False),
              st.text(max_size=20)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=5)
HOSTILE_TEXT = st.one_of(
    st.sampled_from(["", " ", "\0", "\n", "..", "../..", "/", "%", "%00", "a" * 300, "\u202e", "\ud7ff",
                    "-1", "1e9", "0x1", "null", "true", "99999999999999999999", "{}", "*", "'", '"', "<a/>"]),
    st.text(max_size=30))


def merged(first, second):
    result = dict(first)
    for key, value in second.items():
        if key == "properties":
            result[key] = result.get(key, {}) | value
        elif key == "required":
            result[key] = [*result.get(key, []), *value]
        else:
            result[key] = value
    return result


def without_banned(schema):
    """Without the properties that it must not have, as `not` says: drawing them would be for nothing."""
    banned = schema.get("not", {})
    names = {name for branch in banned.get("anyOf", [banned]) for name in branch.get("required", ())}
    return schema | {"properties": {name: member for name, member in schema.get("properties", {}).items() if name not in names}}


def of_text(schema):
    if schema.get("format") == "ipv4":
        return st.tuples(*[st.integers(0, 255)] * 4).map(lambda parts: ".".join(map(str, parts)))
    if schema.get("pattern") == "^/":
        return st.text("abc/. ", max_size=12).map(lambda rest: NOWHERE + rest)
    if "pattern" in schema:
        drawn = st.from_regex(schema["pattern"].replace("$", r"\Z"), fullmatch=False)
        if schema["pattern"].startswith("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}"):
            drawn = st.sampled_from(NAMES) | drawn
    else:
        drawn = st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 40))
    return drawn.filter(lambda text: schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 1 << 20))


def of_number(schema):
    step = schema.get("multipleOf", 1)
    least, most = schema.get("minimum", -2**53), schema.get("maximum", 2**53)
    if schema["type"] == "number":
        return st.floats(least, most, allow_nan=False)
    return st.integers(-(-least // step), most // step).map(lambda number: number * step)


class Drawn:
    """Strategies for the schemas of one document."""

    def __init__(self, document):
        self.document, self.known = document, {}

    def value(self, schema):
        """Right by the schema, which may hold itself."""
        key = json.dumps(schema)
        if key not in self.known:
            self.known[key] = st.deferred(
                lambda: self.build(schema).filter(lambda value: not self.document.errors(schema, value)))
        return self.known[key]

    def build(self, schema):
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = merged(self.document.resolve({"$ref": schema["$ref"]}), rest)
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if "oneOf" in schema:
            rest = {key: value for key, value in schema.items() if key != "oneOf"}
            return st.one_of(*[self.build(without_banned(merged(rest, branch))) for branch in schema["oneOf"]])
        kind = schema.get("type")
        if kind == "object":
            return self.of_object(schema)
        if kind == "array":
            return st.lists(self.value(schema["items"]), min_size=schema.get("minItems", 0),
                            max_size=min(schema.get("maxItems", 2), 2))
        if kind == "string":
            return of_text(schema)
        if kind in ("integer", "number"):
            return of_number(schema)
        if kind == "boolean":
            return st.booleans()
        return ANYTHING

    def of_object(self, schema):
        properties = {name: member for name, member in schema.get("properties", {}).items() if member is not False}
        if not properties and schema.get("additionalProperties", True):
            return st.dictionaries(st.text(max_size=8), ANYTHING, max_size=3)
        required = set(schema.get("required", ()))
        drawn = {name: self.value(member) for name, member in properties.items()}
        optional = [name for name in drawn if name not in required]
        # A few of them: all at once hardly ever go together.
        return st.sets(st.sampled_from(optional or [""]), max_size=3).flatmap(lambda names: st.fixed_dictionaries(
            {name: drawn[name] for name in drawn if name in required or name in names}))

    @st.composite
    def wrong(draw, self, schema):
        """Right but for one place, wherever that is."""
        value = json.loads(json.dumps(draw(self.value(schema))))
        places = list(walk(value))
        holder, key = draw(st.sampled_from(places)) if places else (None, None)
        how = draw(st.integers(0, 3))
        if holder is None or how == 0:
            value = draw(ANYTHING) if holder is None else value | {
                         draw(st.text(min_size=1, max_size=10)): draw(ANYTHING)} if isinstance(value, dict) else None
        elif how == 1:
            del holder[key]
        else:
            holder[key] = draw(ANYTHING)
        return value

    def parameter(self, parameter, right):
        """As text; right: what the schema says."""
        if not right:
            return HOSTILE_TEXT
        drawn = self.value(parameter["schema"])
        return drawn.map(lambda value: str(value).lower() if isinstance(value, bool) else str(value))


def walk(value):
    """All places in a value, as what holds them and where."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from walk(item)


def patterns_of(document):
    """All patterns, for a look at whether they mean the same to Python as to the document."""
    return set(re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(document.json)))
