"""Boot images over HTTP: made, signed, checked and looked into, each as a task that the manager does not wait for."""

import shutil

from api import *


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Images(ApiTest):
    def setUp(self):
        super().setUp()
        self.up()
        for name in ("ci", "other"):
            key, certificate = self.path(f"{name}.key"), self.path(f"{name}.pem")
            subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key],
                           check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", certificate], check=True, capture_output=True)
        self.image = self.path("web.itb")

    def build(self, **members):
        return self.api.buildImage({"kernel": self.path("sleep.elf"), "cmdline": "console=ttyS0", "output": self.image} | members)

    def verify(self, *keys):
        return self.api.verifyImage({"image": self.image, "key": [self.path(f"{key}.pem") for key in keys]})

    def test_from_its_making_to_its_check(self):
        made = self.assert_status(200, self.build(key=self.path("ci.key"), description="a test's")).json
        self.assertEqual((made["image"], made["signed_by"], made["size"]), (self.image, "ci", os.path.getsize(self.image)))
        self.assertEqual(self.assert_status(200, self.verify("ci")).json["configurations"][0]["signed_by"], "ci")
        self.assert_problem(self.verify("other"), 409, ["web.itb"])
        seen = self.assert_status(200, self.api.inspectImage({"image": self.image})).json
        self.assertEqual((seen["description"], seen["size"]), ("a test's", made["size"]))
        other = self.path("signed.itb")
        self.assert_status(200, self.api.signImage({"image": self.image, "key": self.path("other.key"), "output": other}))
        self.image = other
        self.assert_status(200, self.verify("other"))
        self.assert_problem(self.verify("ci"), 409)
        self.assertEqual({(task["kind"], task["state"]) for task in self.api.listTasks().json["tasks"]},
                         {("image-build", "done"), ("image-verify", "done"), ("image-verify", "failed"), ("image-inspect", "done"),
                          ("image-sign", "done")})

    def test_flipped_bit_is_seen(self):
        self.assert_status(200, self.build(key=self.path("ci.key")))
        image = bytearray(self.read("web.itb"))
        image[image.index(b"console=ttyS0")] ^= 1
        self.write("web.itb", bytes(image))
        self.assert_problem(self.verify("ci"), 409, ["web.itb"])
        self.assert_problem(self.api.signImage({"image": self.image, "key": self.path("ci.key")}), 409, ["web.itb"])

    def test_what_is_none(self):
        before = self.files()
        for ask, body, words, pointer in (
                (self.api.buildImage, {"kernel": self.path("sleep.elf")}, ["output", "missing"], "/output"),
                (self.api.buildImage, {"output": self.image}, ["kernel", "missing"], "/kernel"),
                (self.api.buildImage, {"kernel": "vmlinux", "output": self.image}, ["kernel", "absolute"], "/kernel"),
                (self.api.buildImage, {"kernel": self.path("none"), "output": self.image}, ["none", "No such file"], None),
                (self.api.buildImage, {"kernel": self.path("ci.pem"), "output": self.image}, ["neither an ELF"], None),
                (self.api.buildImage, {"kernel": self.path("sleep.elf"), "output": self.image, "kye": "/x"}, ["kye", "key"], "/kye"),
                (self.api.inspectImage, {"image": "web.itb"}, ["image", "absolute"], "/image"),
                (self.api.inspectImage, {"image": "--help"}, ["image", "absolute"], "/image"),
                (self.api.inspectImage, {"image": self.path("sleep.elf")}, ["sleep.elf"], None),
                (self.api.inspectImage, {}, ["image", "missing"], "/image"),
                (self.api.verifyImage, {"image": self.path("sleep.elf"), "key": "x"}, ["key", "array"], "/key"),
                (self.api.verifyImage, {"image": self.path("sleep.elf"), "key": ["x"]}, ["key", "absolute"], "/key"),
                (self.api.signImage, {"image": self.path("sleep.elf")}, ["key", "missing"], "/key")):
            with self.subTest(body=body):
                answer = ask(body)
                self.assertIn(answer.status, (409, 422), answer)
                self.assert_problem(answer, answer.status, words, pointer)
        self.assertEqual(self.files(), before)


main()
