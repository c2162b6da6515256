"""docs/openapi.json: it is OpenAPI 3.1, its examples are what its schemas say, and what is made of it is fresh. Needs no manager."""

import copy
import json
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from client import Client, unix
from document import Document, Structure, Undocumented
from client import Answer

SOURCE = Path(sys.argv[2])
OPENAPI = SOURCE / "docs/openapi.json"


class DocumentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.document = Document(OPENAPI)

    def changed(self, change):
        """The document after change(json), which it is given a copy of."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            content = copy.deepcopy(self.document.json)
            change(content)
            json.dump(content, file)
            file.flush()
            return Document(file.name)


class Valid(DocumentTest):
    def test_document_is_openapi_with_true_examples(self):
        self.assertEqual(Structure(self.document).check(), [])

    def test_what_is_wrong_in_a_document_is_found(self):
        def guest(json_):
            return json_["paths"]["/v1/guests/{guest}"]

        for change, words in (
            (lambda j: j.update(openapi="3.0.3"), "is not 3.1"),
            (lambda j: j.pop("info"), "has no info"),
            (lambda j: guest(j)["get"].update(parameter=[]), "parameter is not in OpenAPI"),
            (lambda j: guest(j)["get"].pop("parameters"), "its path has other parameters"),
            (lambda j: guest(j)["get"].update(operationId="putGuest"), "is there twice"),
            (lambda j: guest(j)["put"]["responses"].update({"2000": {"description": ""}}), "is no status"),
            (lambda j: guest(j)["put"]["responses"]["201"].pop("description"), "has no description"),
            (lambda j: guest(j)["put"]["requestBody"]["content"]["application/json"]["example"].update(vcpus="two"), "/vcpus"),
            (lambda j: guest(j)["put"]["requestBody"]["content"]["application/json"]
             ["schema"].update({"$ref": "#/components/schemas/Gust"}), "is not there"),
            (lambda j: j["components"]["schemas"]["LifeState"].update(enum="off"), "is no JSON Schema"),
            (lambda j: j["components"]["schemas"].update(Left={"type": "string"}), "is used nowhere"),
            (lambda j: guest(j)["delete"].update({"x-rastos-role": "root"}), "has no role"),
        ):
            with self.subTest(words):
                def check(json_):
                    change(json_)
                try:
                    wrong = Structure(self.changed(check)).check()
                except KeyError as error:
                    wrong = [f"has no {error.args[0]}"]
                self.assertTrue(any(words in line for line in wrong), wrong)

    def test_every_problem_has_a_code_of_its_own(self):
        problem = self.document.json["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
        codes = [answer["content"]["application/problem+json"]["example"]["code"]
                 for answer in self.document.json["components"]["responses"].values()]
        self.assertEqual(len(codes), len(set(codes)))
        self.assertEqual(set(problem), set(codes) | {"method-not-allowed", "unsupported"})  # of no route: what the description tells

    def test_what_changes_something_needs_more_than_read(self):
        for operation in self.document.operations.values():
            if operation.method != "GET":
                self.assertNotEqual(operation.role, "read", operation)

    def test_every_operation_tells_its_refusals(self):
        for operation in self.document.operations.values():
            with self.subTest(operation):
                self.assertLessEqual({"400", "401", "403", "429", "500", "503"}, set(operation.answers))
                self.assertEqual("404" in operation.answers,
                                 "{" in operation.template and operation.id != "putGuest" and operation.id != "putNetwork")
                if operation.body:
                    self.assertLessEqual({"413", "415", "422"}, set(operation.answers))


class Fresh(DocumentTest):
    def test_page_and_schemas_are_made_of_what_is_there(self):
        process = subprocess.run([sys.executable, "-B", SOURCE / "docs/api.py", "--check"], capture_output=True, text=True)
        self.assertEqual((process.returncode, process.stdout + process.stderr), (0, ""))

    def test_schemas_of_files_are_those_files(self):
        for component, name in (("GuestDefinition", "guest"), ("NetworkDefinition", "network"), ("Settings", "vmm")):
            schema = json.loads((SOURCE / f"docs/schema/{name}.schema.json").read_text())
            taken_in = self.document.json["components"]["schemas"][component]
            self.assertEqual(set(taken_in["properties"]), set(schema["properties"]))
            self.assertEqual(taken_in.get("required"), schema.get("required"))

    def test_staleness_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["cp", "-r", SOURCE / "docs", folder], check=True)
            path = Path(folder, "docs/schema/network.schema.json")
            path.write_text(path.read_text().replace("65535", "65534"))
            process = subprocess.run([sys.executable, "-B", f"{folder}/docs/api.py", "--check"], capture_output=True, text=True)
            self.assertEqual(process.returncode, 1)
            self.assertIn("docs/openapi.json is stale", process.stdout)

    def test_page_has_every_operation_and_its_command(self):
        page = (SOURCE / "docs/api.md").read_text()
        for operation in self.document.operations.values():
            self.assertIn(f"### {operation.method} {operation.template}\n", page)
        commands = re.findall(r"```sh\n(.*?)\n```", page, re.S)
        self.assertEqual(len(commands), len(self.document.operations))
        for command in commands:
            words = shlex.split(command)
            method = words[words.index("-X") + 1] if "-X" in words else "GET"
            self.assertTrue(self.document.find(method, words[-1].removeprefix("http://rastos").split("?")[0]), command)


class Checks(DocumentTest):
    """The checking client catches what it is there for."""

    def answer(self, status, body, **headers):
        return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)

    def wrong(self, words, method, target, answer):
        with self.assertRaises(Undocumented) as caught:
            self.document.check(method, target, answer)
        self.assertIn(words, str(caught.exception))

    def test_answers_that_are_not_documented(self):
        text = b'{"mode":"server"}'
        problem = json.dumps({"type": "about:blank", "title": "x", "status": 404, "detail": "x", "code": "not-found"}).encode()
        self.document.check("GET", "/v1/mode", self.answer(200, text, Content_Type="application/json"))
        for words, target, answer in (
            ("not documented", "/v1/mode", self.answer(418, text)),
            ("Content-Type", "/v1/mode", self.answer(200, text, Content_Type="text/html")),
            ("no JSON", "/v1/mode", self.answer(200, text[:-1], Content_Type="application/json")),
            ("is not one of", "/v1/mode", self.answer(200, b'{"mode":"x"}', Content_Type="application/json")),
            ("Additional properties", "/v1/mode", self.answer(200, b'{"mode":"server","x":1}', Content_Type="application/json")),
            ("expected 404", "/v1/moda", self.answer(200, text, Content_Type="application/json")),
            ("says 404", "/v1/guests/x/state", self.answer(403, problem, Content_Type="application/problem+json")),
            ("without Retry-After", "/v1/mode", self.answer(503, problem, Content_Type="application/problem+json")),
        ):
            with self.subTest(words):
                self.wrong(words, "GET", target, answer)
        self.wrong("a body where none", "DELETE", "/v1/guests/x", self.answer(204, b"x"))
        self.wrong("expected 405", "PUT", "/v1/guests", self.answer(200, b""))

    def test_client_has_the_documents_operations(self):
        client = Client(self.document, unix("/nowhere"))
        target, headers = client.target(self.document.operations["putGuest"], {"guest": "a b", "if_match": '"1"'})
        self.assertEqual((target, headers), ("/v1/guests/a%20b", {"If-Match": '"1"'}))
        with self.assertRaises(TypeError):
            client.getMode(x=1)
        with self.assertRaises(AttributeError):
            client.getModes()


sys.argv[1:] = []
unittest.main()
