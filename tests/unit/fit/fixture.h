/*
 * A folder of its own for each test, with two key pairs (dev.key, dev.pem, other.key, other.pem) and a small
 * image signed by the first.
 */
#pragma once

#include <criterion/criterion.h>
#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/boot/fit.h"

#define KERNEL  "this is the kernel"
#define INITRD  "this is the initrd, a little longer"
#define CMDLINE "console=ttyS0 quiet"

struct fixture {
	char folder[32]; /* the working directory, too */
	struct fit_key key;
	uint8_t *data; /* the image; malloc'd */
	size_t size;
	struct fit fit;
	struct error err;
};

extern struct fixture fixture;

void fixture_setup(void);      /* all of it */
void fixture_setup_keys(void); /* no image */
void fixture_teardown(void);

/* Runs a shell command in the folder; its exit status, and what it printed when output is not NULL. */
int shell(char *output, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, which must work. */
void shell_do(const char *format, ...) __attribute__((format(printf, 1, 2)));
void require_mkimage(void);

void file_write(const char *path, const void *data, size_t size);
/* Reads a file of the folder into fixture.data. */
void image_read(const char *path);
/* Room for libfdt to add things to fixture.data, and back to the smallest size. */
void image_grow(void);
void image_pack(void);
/* Signs all configurations of fixture.data by dev.key. */
void image_sign_again(void);
/* Gives an image of fixture.data other data and the hash that belongs to it. */
void image_set_data(const char *image, const void *data, size_t size);
#define IMAGE_SET_TEXT(image, text) image_set_data(image, text, sizeof(text))

/* Opens fixture.data; what comes out is in fixture.fit and fixture.err. */
int image_open(void);
int image_open_unsigned(void);
int image_open_configuration(const char *configuration);

/* The image must be refused with that code, and say so with that text. */
void expect_refused(int code, const char *text);
