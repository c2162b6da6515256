"""What the manager refuses: one line that names the field and what was expected, the documented exit code, and nothing changed.

The wrong definitions are made from docs/schema/guest.schema.json, each field wrong in turn.
"""

import copy
import os
import re

from manager import *

with open(os.path.join(SOURCE, "docs/schema/guest.schema.json")) as file:
    SCHEMA = json.load(file)

LONG = "x" * 300
WRONG_TYPES = {"string": [1, True, None, [], {}], "integer": ["1", True, None, 1.5, [], {}, 1e99, -1],
               "boolean": [0, "true", None, [], {}], "object": [1, "x", True, None, []],
               "array": [1, "x", True, None, {}]}


def wrong_values(schema):
    """Values that the schema of one field forbids."""
    kind = schema.get("type")
    yield from (value for value in WRONG_TYPES.get(kind, []) if value != -1 or schema["minimum"] > -1)
    if kind == "integer":
        yield schema["minimum"] - 1
        yield schema["maximum"] + 1
    if kind == "string" and "minLength" in schema:
        yield ""
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if "pattern" in schema:
        yield from (value for value in ("", LONG, "../web", "a/b", "-", "web\n", "\x1b[2J") if not allows(schema, value))
    if "maxItems" in schema:
        yield [copy.deepcopy(example(schema["items"]))] * (schema["maxItems"] + 1)
    if "enum" in schema:
        yield from ("", LONG, 7, None, [], str(schema["enum"][0]) + "x")


def allows(schema, text):
    return len(text) <= schema.get("maxLength", len(text)) and re.search(schema["pattern"].replace("$", r"\Z"), text)


def example(schema):
    """A value that the schema allows, as small as may be."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {key: example(schema["properties"][key]) for key in schema.get("required", ())}
    return {"string": "a", "integer": schema.get("minimum"), "boolean": True, "array": []}[schema["type"]]


def fields(schema, path=()):
    """Each field of an object, with its path: names, and 0 for the first element of an array."""
    for name, inner in schema["properties"].items():
        here = (*path, name)
        yield here, inner
        if "properties" in inner:
            yield from fields(inner, here)
        elif inner.get("type") == "array" and inner["items"].get("type") == "object":
            yield from fields(inner["items"], (*here, 0))


def put(definition, path, value):
    """A copy with value at path; what is on the way there is made."""
    changed = place = copy.deepcopy(definition)
    for step, following in zip(path, path[1:]):
        if isinstance(step, int):
            if not place:
                place.append({})
            place = place[step]
        else:
            place = place.setdefault(step, [] if isinstance(following, int) else {})
    place[path[-1]] = value
    return changed


def place_name(path):
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


class BadInput(ManagerTest):
    def setUp(self):
        super().setUp()
        self.define_file("web", autostart=False)
        self.up()

    def list(self):
        return self.ask("list")["result"]

    def refuses(self, code, words, op, **members):
        """The answer to one request; files and list stay as they are."""
        before, listed = self.files(), self.list()
        answer = self.ask(op, **members)
        self.assertIs(answer["ok"], False, answer)
        self.assertEqual(answer["code"], code, answer)
        self.assertTrue(answer["error"].isprintable(), repr(answer["error"]))
        self.assert_words(words, answer["error"])
        self.assertEqual(self.files(), before, "files were changed")
        self.assertEqual(self.list(), listed)

    def test_each_field_wrong_in_turn(self):
        good = self.definition("db", autostart=False, disks=[{"path": "data.img"}])
        tried = 0
        for path, schema in fields(SCHEMA):
            for value in wrong_values(schema):
                with self.subTest(path=place_name(path), value=str(value)[:40]):
                    # The schema's few other rules (image or kernel) do not matter: this field comes first.
                    self.refuses(FAILED, [place_name(path)], "define", definition=put(good, path, value))
                    tried += 1
        self.assertGreater(tried, 200)

    def test_each_field_misspelled(self):
        good = self.definition("db", autostart=False, disks=[{"path": "data.img"}])
        for path, _ in fields(SCHEMA):
            if len(path[-1]) < 4:
                continue  # nothing is near to so short a word
            wrong = path[-1][:-2] + path[-1][-1] + path[-1][-2]
            if wrong == path[-1]:
                wrong = path[-1] + "x"
            with self.subTest(place_name(path)):
                self.refuses(FAILED, [place_name((*path[:-1], wrong)), f'"{path[-1]}"'], "define",
                             definition=put(good, (*path[:-1], wrong), 1))

    def test_by_the_command(self):
        self.write("wrong.json", json.dumps(self.definition("db", memory_mib=1)))
        self.refused(FAILED, ["memory_mib", "from 16 to"], "define", "wrong.json")
        self.write("wrong.json", json.dumps(self.definition("../db")))
        self.refused(FAILED, ["name"], "define", "wrong.json")
        self.write("wrong.json", json.dumps(self.definition(LONG)))
        self.refused(FAILED, ["name"], "define", "wrong.json")
        self.write("wrong.json", json.dumps(self.definition("web")))
        self.refused(REFUSED, ["web", "the name is taken"], "define", "wrong.json")
        self.refused(FAILED, ["missing.json", "No such file"], "define", "missing.json")
        self.write("wrong.json", "{")
        self.refused(FAILED, ["wrong.json", "not valid JSON"], "define", "wrong.json")

    def test_unknown_guest(self):
        for command in ("start", "shutdown", "reboot", "kill", "pause", "resume", "info", "undefine", "console", "logs",
                        "boot-report", "stats", "crashes"):
            with self.subTest(command):
                self.refused(NO_GUEST, ["no guest is named wbe", "did you mean web?"], command, "wbe")
        for name in ("../web", "/", LONG, "web\n", ""):
            with self.subTest(name=name[:5]):
                process = self.run_program("start", name)
                self.assertIn(process.returncode, (NO_GUEST, USAGE))
                self.assertRegex(process.errors.splitlines()[0], r"\Arastos-vmm[^\n]*: ")

    def test_what_the_state_forbids(self):
        self.ok("start", "web")
        self.wait_state("web", "running")
        self.refuses(REFUSED, ["web", "already running"], "start", guest="web")
        self.refuses(REFUSED, ["web", "already running"], "resume", guest="web")
        self.refuses(REFUSED, ["web", "is running", "shut it down first"], "undefine", guest="web")
        self.ok("kill", "--wait", "web")
        for op in ("shutdown", "kill", "reboot", "pause", "resume", "console"):
            with self.subTest(op):
                self.refuses(REFUSED, ["web", "is off"], op, guest="web")

    def test_memory_beyond_the_plan(self):
        much = 1 << 23
        self.refuses(REFUSED, ["db", "memory_mib", str(much)], "define", definition=self.definition("db", memory_mib=much))
        self.assertTrue(self.ask("define", definition=self.definition("db", memory_mib=much, autostart=False))["ok"])
        answer = self.ask("start", guest="db")
        self.assertEqual(answer["code"], REFUSED, answer)
        self.assert_words(["db", "memory_mib", str(much)], answer["error"])
        self.assertNotIn("pid", self.guest("db"))

    def test_disk_in_use(self):
        self.write("data.img", bytes(4096))
        for name in ("db", "other"):
            definition = self.definition(name, autostart=False, disks=[{"path": self.path("data.img")}])
            self.assertTrue(self.ask("define", definition=definition)["ok"])
        self.ok("start", "db")
        answer = self.ask("start", guest="other")
        self.assertEqual(answer["code"], REFUSED, answer)
        self.assert_words(["data.img", "in use"], answer["error"])
        self.assertNotIn("pid", self.guest("other"))
        self.ok("kill", "--wait", "db")
        self.ok("start", "other")

    def test_undefine_of_one_that_others_need(self):
        self.assertTrue(self.ask("define", definition=self.definition("db", depends_on=["web"], autostart=False))["ok"])
        self.refuses(REFUSED, ["web", "db depends on it"], "undefine", guest="web")
        self.refuses(FAILED, ["depends_on", "circle"], "define", replace=True,
                     definition=self.definition("web", depends_on=["db"], autostart=False))


if __name__ == "__main__":
    main()
