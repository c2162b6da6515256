/* rastos-vmm image, as it is called from the command line. */
#include "fixture.h"

#include <cjson/cJSON.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/exit_code.h"
#include "vmm/image/image.h"
#include "vmm/image/text.h"

/* The least that is an x86-64 kernel: one segment at 1 MiB. */
static void kernel_write(uint16_t machine)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		char code[64];
	} kernel = {
		.header =
			{
				.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
					    EV_CURRENT},
				.e_type = ET_EXEC,
				.e_machine = machine,
				.e_version = EV_CURRENT,
				.e_entry = 0x100000,
				.e_phoff = sizeof(Elf64_Ehdr),
				.e_ehsize = sizeof(Elf64_Ehdr),
				.e_phentsize = sizeof(Elf64_Phdr),
				.e_phnum = 1,
			},
		.segment =
			{
				.p_type = PT_LOAD,
				.p_flags = PF_R | PF_X,
				.p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
				.p_vaddr = 0x100000,
				.p_paddr = 0x100000,
				.p_filesz = 64,
				.p_memsz = 64,
				.p_align = 4096,
			},
	};

	file_write("vmlinux", &kernel, sizeof(kernel));
}

static void setup(void)
{
	fixture_setup_keys();
	kernel_write(EM_X86_64);
	file_write("initrd", INITRD, sizeof(INITRD));
}

TestSuite(image, .init = setup, .fini = fixture_teardown);

static char output[65536];
static char errors[4096];

static void json_delete(cJSON **json)
{
	cJSON_Delete(*json);
}

#define AUTO_JSON __attribute__((cleanup(json_delete)))

static void file_text(const char *path, char *text, size_t size)
{
	AUTO_FCLOSE FILE *file = fopen(path, "r");
	size_t used;

	cr_assert(file);
	used = fread(text, 1, size - 1, file);
	text[used] = '\0';
}

/* Runs `rastos-vmm image ...`, its words parted by spaces; what it prints comes into output and errors. */
static int image(const char *command)
{
	AUTO_FREE char *words = strdup(command);
	char *argv[32] = {"image"};
	int argc = 1;
	int out = dup(STDOUT_FILENO);
	int err = dup(STDERR_FILENO);
	int code;

	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	fflush(stdout);
	fflush(stderr);
	dup2(open("stdout", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
	dup2(open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
	code = command_image(argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	file_text("stdout", output, sizeof(output));
	file_text("stderr", errors, sizeof(errors));
	return code;
}

/* Fails with that code, and one sentence that holds text. */
static void expect_failure(int code, const char *command, const char *text)
{
	cr_assert_eq(image(command), code, "%s: %s", command, errors);
	cr_assert(strstr(errors, text), "\"%s\" does not say \"%s\"", errors, text);
	cr_assert_eq(strchr(errors, '\n'), errors + strlen(errors) - 1, "not one line: %s", errors);
	cr_assert_str_empty(output, "%s", output);
}

/* The same for a wrong command line, where a second line says where help is. */
static void expect_usage(const char *command, const char *text)
{
	const char *hint;

	cr_assert_eq(image(command), EXIT_USAGE, "%s: %s", command, errors);
	cr_assert(strstr(errors, text), "\"%s\" does not say \"%s\"", errors, text);
	hint = strchr(errors, '\n');
	cr_assert(hint && strncmp(hint, "\nTry `rastos-vmm image ", 23) == 0, "no hint: %s", errors);
	cr_assert_eq(strchr(hint + 1, '\n'), errors + strlen(errors) - 1, "not two lines: %s", errors);
	cr_assert_str_empty(output, "%s", output);
}

static void build_signed(void)
{
	cr_assert_eq(image("build --kernel vmlinux --initrd initrd --cmdline quiet --key dev.key -o a.itb"),
		     0, "%s", errors);
}

Test(image, build_and_verify)
{
	build_signed();
	cr_assert_str_eq(errors, "");
	cr_assert(strstr(output, "a.itb: "));
	cr_assert(strstr(output, "signed by dev"));
	cr_assert_eq(image("verify a.itb --key dev.pem"), EXIT_DONE, "%s", errors);
	cr_assert(strstr(output, "conf-1: verified, signed by dev"));
	cr_assert(strstr(output, "quiet"));
}

Test(image, same_input_makes_the_same_bytes)
{
	build_signed();
	shell_do("cp a.itb b.itb; sleep 1.1; touch vmlinux initrd");
	build_signed();
	shell_do("cmp a.itb b.itb 2>&1");
}

Test(image, source_date_epoch_is_the_time_of_creation)
{
	setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
	build_signed();
	cr_assert_eq(image("inspect a.itb"), EXIT_DONE);
	cr_assert(strstr(output, "created 2023-11-14 22:13:20 UTC"), "%s", output);
	setenv("SOURCE_DATE_EPOCH", "tomorrow", 1);
	expect_failure(EXIT_FAILED, "build --kernel vmlinux -o b.itb", "SOURCE_DATE_EPOCH=tomorrow");
	unsetenv("SOURCE_DATE_EPOCH");
}

Test(image, dumpimage_reads_ours)
{
	char listing[8192];

	require_mkimage();
	build_signed();
	cr_assert_eq(shell(listing, sizeof(listing), "dumpimage -l a.itb 2>&1"), 0, "%s", listing);
	cr_assert(strstr(listing, "Kernel:       kernel-1"), "%s", listing);
	cr_assert(strstr(listing, "Init Ramdisk: ramdisk-1"), "%s", listing);
	cr_assert(strstr(listing, "Image 2 (cmdline-1)"), "%s", listing);
	cr_assert(strstr(listing, "Sign algo:    sha256,rsa2048:dev"), "%s", listing);
	shell_do("dumpimage -T flat_dt -p 1 -o back a.itb 2>&1 && cmp back initrd 2>&1");
}

Test(image, verify_refuses_with_exit_code_4)
{
	cr_assert_eq(image("build --kernel vmlinux -o a.itb"), EXIT_DONE);
	expect_failure(EXIT_REFUSED, "verify a.itb --key dev.pem", "not signed");
	build_signed();
	shell_do("printf x | dd of=a.itb bs=1 seek=1000 conv=notrunc 2>&1");
	cr_assert_eq(image("verify a.itb --key dev.pem"), EXIT_REFUSED);
	shell_do("head -c 500 initrd > a.itb");
	expect_failure(EXIT_FAILED, "verify a.itb --key dev.pem", "not a boot image");
	expect_failure(EXIT_FAILED, "verify nothing.itb --key dev.pem", "cannot open");
	expect_failure(EXIT_FAILED, "verify . --key dev.pem", "not a regular file");
	expect_failure(EXIT_FAILED, "verify a.itb --key nothing.pem", "not a boot image");
}

Test(image, verify_names_a_missing_configuration)
{
	build_signed();
	expect_failure(EXIT_FAILED, "verify a.itb --key dev.pem --configuration conf-7",
		       "no configuration \"conf-7\"");
}

Test(image, verify_as_json)
{
	build_signed();
	cr_assert_eq(image("verify a.itb --key dev.pem --json"), EXIT_DONE);
	AUTO_JSON cJSON *answer = cJSON_Parse(output);
	cr_assert(answer);
	cr_assert(cJSON_IsTrue(cJSON_GetObjectItem(answer, "verified")));
	const cJSON *json = cJSON_GetArrayItem(cJSON_GetObjectItem(answer, "configurations"), 0);
	cr_assert_str_eq(cJSON_GetObjectItem(json, "signed_by")->valuestring, "dev");
	cr_assert_str_eq(cJSON_GetObjectItem(json, "cmdline")->valuestring, "quiet");
}

Test(image, sign_replaces_the_signature)
{
	build_signed();
	shell_do(
		"openssl genrsa -out new.key 3072 2>&1 && openssl rsa -in new.key -pubout -out new.pem 2>&1");
	cr_assert_eq(image("sign a.itb --key new.key"), EXIT_DONE, "%s", errors);
	cr_assert_eq(image("verify a.itb --key new.pem"), EXIT_DONE, "%s", errors);
	expect_failure(EXIT_REFUSED, "verify a.itb --key dev.pem", "signed by key \"new\"");
	cr_assert_eq(image("inspect a.itb --json"), EXIT_DONE);
	AUTO_JSON cJSON *answer = cJSON_Parse(output);
	cr_assert(answer);
	const cJSON *json = cJSON_GetArrayItem(cJSON_GetObjectItem(answer, "configurations"), 0);
	json = cJSON_GetObjectItem(json, "signatures");
	cr_assert_eq(cJSON_GetArraySize(json), 1);
	json = cJSON_GetArrayItem(json, 0);
	cr_assert_str_eq(cJSON_GetObjectItem(json, "algorithm")->valuestring, "sha256,rsa3072");
}

Test(image, sign_takes_a_name_and_an_output)
{
	build_signed();
	cr_assert_eq(image("sign a.itb --key dev.key --name office -o b.itb"), EXIT_DONE, "%s", errors);
	cr_assert_eq(image("inspect b.itb"), EXIT_DONE);
	cr_assert(strstr(output, "key office (not checked)"), "%s", output);
	cr_assert_eq(image("inspect a.itb"), EXIT_DONE);
	cr_assert(strstr(output, "key dev (not checked)"), "%s", output);
}

Test(image, sign_keeps_external_data)
{
	require_mkimage();
	build_signed();
	shell_do("dumpimage -T flat_dt -p 1 -o back a.itb 2>&1");
	shell_do("openssl req -batch -new -x509 -key dev.key -subj /CN=dev -out dev.crt 2>&1");
	shell_do(
		"printf '/dts-v1/; / { description=\"x\"; images { k { data=/incbin/(\"vmlinux\"); type=\"kernel\";"
		"hash-1 { algo=\"sha256\"; }; }; }; configurations { default=\"c\"; c { kernel=\"k\"; }; }; };'"
		" > x.its && mkimage -E -f x.its e.itb 2>&1");
	cr_assert_eq(image("sign e.itb --key dev.key"), EXIT_DONE, "%s", errors);
	cr_assert_eq(image("verify e.itb --key dev.pem"), EXIT_DONE, "%s", errors);
	shell_do("dumpimage -T flat_dt -p 0 -o back e.itb 2>&1 && cmp back vmlinux 2>&1");
}

Test(image, damaged_image_is_not_signed)
{
	build_signed();
	shell_do(
		"cp a.itb good.itb; LC_ALL=C sed -i 's/this is the initrd/this is the inltrd/' a.itb; cp a.itb bad.itb");
	expect_failure(EXIT_REFUSED, "sign a.itb --key dev.key", "does not match");
	shell_do("cmp a.itb bad.itb 2>&1");
}

Test(image, failure_leaves_the_output_as_it_was)
{
	struct stat status;

	file_write("out.itb", "before", 6);
	expect_failure(EXIT_FAILED, "build --kernel vmlinux --key nothing.key -o out.itb",
		       "nothing.key: cannot open");
	cr_assert_eq(stat("out.itb", &status), 0);
	cr_assert_eq(status.st_size, 6);
	expect_failure(EXIT_FAILED, "build --kernel vmlinux -o no/such/out.itb",
		       "no/such/out.itb: cannot write");
	shell_do("test -z \"$(ls | grep new)\"");
}

Test(image, kernels_that_cannot_boot_are_refused)
{
	kernel_write(EM_AARCH64);
	cr_assert_eq(image("build --kernel vmlinux -o a.itb"), EXIT_FAILED);
	cr_assert(strstr(errors, "vmlinux"), "%s", errors);
	expect_failure(EXIT_FAILED, "build --kernel initrd -o a.itb", "neither an ELF vmlinux nor a bzImage");
	expect_failure(EXIT_FAILED, "build --kernel nothing -o a.itb", "kernel nothing: cannot open");
	file_write("empty", "", 0);
	kernel_write(EM_X86_64);
	expect_failure(EXIT_FAILED, "build --kernel vmlinux --initrd empty -o a.itb",
		       "initrd empty: is empty");
}

Test(image, weak_and_wrong_keys_do_not_sign)
{
	build_signed();
	shell_do("openssl genrsa -out weak.key 1024 2>&1");
	expect_failure(EXIT_FAILED, "sign a.itb --key weak.key", "1024 bits is not supported");
	expect_failure(EXIT_FAILED, "sign a.itb --key dev.pem", "not a private key");
	expect_failure(EXIT_FAILED, "sign a.itb --key .", "cannot read");
}

Test(image, usage_errors_say_where_help_is)
{
	expect_usage("build -o a.itb", "--kernel is missing");
	expect_usage("build --kernel vmlinux", "--output is missing");
	expect_usage("build --kernel vmlinux -o a.itb b.itb", "unexpected argument \"b.itb\"");
	expect_usage("build --kernel vmlinux -o a.itb --name x", "--name without --key");
	expect_usage("build --kernle vmlinux",
		     "rastos-vmm image build: there is no option --kernle, did you mean --kernel?");
	expect_usage("sign a.itb", "--key is missing");
	expect_usage("sign --key dev.key", "one image is wanted");
	expect_usage("verify --key dev.pem", "one image is wanted");
	expect_usage("inspect", "one image is wanted");
	expect_failure(EXIT_USAGE, "explode", "no verb \"explode\"");
}

Test(image, every_verb_has_help)
{
	static const char *const verbs[] = {"--help", "build --help", "sign --help", "verify --help",
					    "inspect --help"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		cr_assert_eq(image(verbs[i]), EXIT_DONE, "%s", verbs[i]);
		cr_assert(strstr(output, "Usage: rastos-vmm image"), "%s", output);
		cr_assert_str_empty(errors);
	}
}

Test(image, hostile_text_is_not_printed)
{
	char text[32];

	text_printable(text, sizeof(text), "B\xc3\xbcro \033[2J\x9b\xc2\x9b\xff\xe2\x82\xac\xed\xa0\x80");
	cr_assert_str_eq(text, "B\xc3\xbcro ?[2J????\xe2\x82\xac???");
	text_printable(text, 4, "ab\xe2\x82\xac");
	cr_assert_str_eq(text, "ab");
}
