#include "vmm/domain_xml/heap.h"

#include <libxml/xmlmemory.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/util.h"
#include "common/sanitized.h"

#define STEP       MIB(16)
#define HUGE       MIB(2)
#define UNIT       16
#define UNITS_MAX  64 /* of a piece with its head; larger ones are malloc's */
#define UNITS_MORE 0  /* in the head of those */

/* Before each piece, which is aligned to UNIT as malloc's are. */
struct head {
	uint64_t units;
};

struct free_piece {
	struct free_piece *next;
};

/* Libxml2 calls with nothing of ours in its hands. */
static struct free_piece *free_pieces[UNITS_MAX + 1];
static char *next, *end; /* pages that are not cut yet; next is a head's place */

static struct head *head_of(void *piece)
{
	return (struct head *)((char *)piece - sizeof(struct head));
}

static bool pages_take(void)
{
	char *pages = mmap(NULL, STEP + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *first;

	if (pages == MAP_FAILED)
		return false;
	first = (char *)(((uintptr_t)pages + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	madvise(first, STEP, MADV_HUGEPAGE); /* where there are none, they are small */
	next = first + UNIT - sizeof(struct head);
	end = first + STEP;
	return true;
}

/* Larger than all lists have. UNIT bytes before it, for its head. */
static void *large_take(struct head *old, size_t size)
{
	char *whole = old ? (char *)old + sizeof(*old) - UNIT : NULL;

	whole = size <= SIZE_MAX - UNIT ? realloc(whole, size + UNIT) : NULL;
	if (!whole)
		return NULL;
	head_of(whole + UNIT)->units = UNITS_MORE;
	return whole + UNIT;
}

static void *heap_take(size_t size)
{
	size_t units = (MIN(size, (size_t)UNIT * UNITS_MAX) + sizeof(struct head) + UNIT - 1) / UNIT;
	struct free_piece *piece;

	if (units > UNITS_MAX)
		return large_take(NULL, size);
	piece = free_pieces[units];
	if (piece) {
		free_pieces[units] = piece->next;
		return piece;
	}
	if ((size_t)(end - next) < units * UNIT && !pages_take())
		return NULL;
	((struct head *)(void *)next)->units = units;
	next += units * UNIT;
	return next - units * UNIT + sizeof(struct head);
}

static void heap_give_back(void *piece)
{
	struct free_piece *freed = piece;
	uint64_t units;

	if (!piece)
		return;
	units = head_of(piece)->units;
	if (units == UNITS_MORE) {
		free((char *)piece - UNIT);
		return;
	}
	freed->next = free_pieces[units];
	free_pieces[units] = freed;
}

static void *heap_retake(void *piece, size_t size)
{
	size_t room;
	void *other;

	if (!piece)
		return heap_take(size);
	if (head_of(piece)->units == UNITS_MORE)
		return large_take(head_of(piece), size);
	room = head_of(piece)->units * UNIT - sizeof(struct head);
	if (size <= room)
		return piece;
	other = heap_take(size);
	if (other) {
		memcpy(other, piece, room);
		heap_give_back(piece);
	}
	return other;
}

static char *heap_copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = heap_take(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void heap_begin(void)
{
	if (!SANITIZED)
		xmlMemSetup(heap_give_back, heap_take, heap_retake, heap_copy);
}
