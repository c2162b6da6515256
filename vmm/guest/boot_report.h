/*
 * A guest's boot, step by step: when each step was reached and what it cost.
 *
 *      exec      the guest process exists and its main function runs
 *      verify    the boot image's signature and hashes hold (absent without an image)
 *      vm        the guest process is in its jail; the virtual machine, its memory and devices are made
 *      load      kernel, initrd and tables are in guest memory
 *      run       the first KVM_RUN
 *      kernel    the first byte of output on the console, or 0x40 on the debug port; a kernel told to be
 *                quiet (loglevel=) leaves the first byte to init, and this step then comes after the next
 *      init      init started: 0x41 on the debug port, or the boot timer
 *      ready     READY=1 came over vsock
 *
 * Wall time is CLOCK_MONOTONIC since the process started, CPU time is the whole process's: vCPUs included, so
 * what the guest itself burnt counts.
 */
#pragma once

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "vmm/config/definition.h"

enum boot_step {
	BOOT_STEP_EXEC,
	BOOT_STEP_VERIFY,
	BOOT_STEP_VM,
	BOOT_STEP_LOAD,
	BOOT_STEP_RUN,
	BOOT_STEP_KERNEL,
	BOOT_STEP_INIT,
	BOOT_STEP_READY,
	BOOT_STEP_COUNT,
};

struct boot_step_time {
	bool reached;
	uint64_t wall_ns; /* since the start */
	uint64_t cpu_ns;
};

struct boot_report {
	char guest[DEFINITION_NAME_MAX + 1];
	struct boot_step_time steps[BOOT_STEP_COUNT];
};

/* Records one boot; marks may come from any thread, the first of each step counts. */
struct boot_recorder {
	pthread_mutex_t lock;
	uint64_t start_wall_ns;
	struct boot_report report;
};

/* since_ns: when whoever started the process began to, CLOCK_MONOTONIC; 0: the process has waited for nothing
 * so far, and the clock starts where it did. What it has cost until now is the exec step. */
void boot_recorder_start(struct boot_recorder *recorder, const char *guest, uint64_t since_ns);
/* True when this was the step's first mark. */
bool boot_recorder_mark(struct boot_recorder *recorder, enum boot_step step);
void boot_recorder_read(struct boot_recorder *recorder, struct boot_report *report);

/* Of a guest that has not begun to boot. */
void boot_report_clear(struct boot_report *report, const char *guest);
/* {"guest","ready","steps":[{"name","at_ms","wall_ms","cpu_ms"}]}: at_ms since the start, in order; wall_ms
 * and cpu_ms are the step's own, since the step before. NULL when out of memory. */
cJSON *boot_report_to_json(const struct boot_report *report);
/* Reads that back; -EINVAL when it is not one. */
int boot_report_from_json(const cJSON *json, struct boot_report *report);

/* The same in messages between processes, where JSON's numbers cost more than the rest of it: "exec 1034000
 * 980000 vm 3400000 2300000", a step's name, then nanoseconds since the start, and of CPU until then. */
#define BOOT_REPORT_TEXT_MAX 512

void boot_report_to_text(const struct boot_report *report, char text[BOOT_REPORT_TEXT_MAX]);
/* Reads that back, but for whose it is; -EINVAL when it is not one. */
int boot_report_from_text(const char *text, struct boot_report *report);

void boot_report_print(const struct boot_report *report, FILE *file);
/* A chart, one bar a step, as an SVG document. */
void boot_report_svg(const struct boot_report *report, FILE *file);
