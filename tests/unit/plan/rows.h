/*
 * The language of the plan's table (table.h): a host, a division and its guests as one line each, and the plan as text.
 *
 *      host      "4x2 8192"            4 cores of 2 threads, 8192 MiB; core 1 is CPUs 1 and 5, as Linux numbers them
 *                "4x2*2 8192"          the same on each of two nodes, which have half of the memory each
 *                "... 2M=512 1G=2"     with pools of huge pages: pages in all, spread over the nodes
 *      division  "server", "desktop"   the mode
 *                "... reserve=1,512"   CPUs and MiB; "-" for the default
 *                "... over=2.0,1.5"    over-commitment of CPUs and memory
 *                "... percent=50"      the server's part in desktop mode
 *      guests    "S"                   the server guest; D, D1, ...: desktop guests; other names: guests
 *                "S=2,1024"            vCPUs and MiB; "-": not said
 *                "web=1,512/x"         exclusive; /p2-3 pinned there, /n1 strictly on node 1, /N1 preferred, /i0-1 interleaved,
 *                                      /2M and /1G on huge pages; /m256,1024 with memory devices of 1024 MiB of which
 *                                      256 are requested, /M2048 with no more than that in all
 *      plan      "S 2@0-1 1694 | web 1@0-1 512 | left 0 0"
 *                                      vCPUs @ CPUs, MiB; ":2.6" the host CPU of each vCPU and "t2" threads a core when
 *                                      exclusive, "n0" nodes, "2M"; what is left: CPUs, MiB, and MiB of huge pages if any
 *                "! sentence"          a refusal; this is a part of its sentence
 */
#pragma once

#include "vmm/plan/plan.h"

#define ROW_GUESTS_MAX 40
#define ROW_TEXT_MAX   4096

struct row {
	const char *host, *division, *guests, *plan;
};

/* A row's input, made from its text; aborts when the text is wrong. */
struct row_input {
	struct inventory host;
	struct resource_policy policy;
	char names[ROW_GUESTS_MAX][32];
	struct guest_wants guest_wants[ROW_GUESTS_MAX];
	struct plan_want wants[ROW_GUESTS_MAX];
	struct plan_input input;
};

struct row_input *row_read(const char *host, const char *division, const char *guests);
/* The plan of the input as text, or "! " and the sentence. */
const char *row_plan(const struct row_input *input, char text[ROW_TEXT_MAX]);
