/* The heap of rastos-domain-xml, and what is kept between its questions to the schema. */
#include <criterion/criterion.h>
#include <libxml/xmlmemory.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/domain_xml/heap.h"

#define PIECES 4000
#define ROUNDS 200000

static struct piece {
	unsigned char *bytes;
	size_t size;
	unsigned char fill;
} pieces[PIECES];

static bool as_filled(const struct piece *piece, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (piece->bytes[i] != piece->fill)
			return false;
	}
	return true;
}

/* Of all sizes that lists have, and larger ones. */
static size_t any_size(void)
{
	size_t most = rand() % 50 == 0 ? 100000 : 1100;

	return (size_t)rand() % most;
}

static void change(struct piece *piece)
{
	size_t size = any_size();

	if (piece->bytes && rand() % 2) {
		xmlFree(piece->bytes);
		piece->bytes = NULL;
		return;
	}
	piece->bytes = xmlRealloc(piece->bytes, size);
	cr_assert_not_null(piece->bytes);
	cr_assert_eq((uintptr_t)piece->bytes % 16, 0);
	cr_assert(as_filled(piece, piece->size < size ? piece->size : size), "what was in it went along");
	piece->size = size;
	piece->fill = (unsigned char)rand();
	memset(piece->bytes, piece->fill, size);
}

Test(domain_xml_heap, pieces_are_their_owners_alone)
{
	heap_begin();
	srand(7);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct piece *piece = &pieces[rand() % PIECES];

		cr_assert(!piece->bytes || as_filled(piece, piece->size));
		if (!piece->bytes)
			piece->size = 0;
		change(piece);
	}
	for (unsigned i = 0; i < PIECES; i++) {
		cr_assert(!pieces[i].bytes || as_filled(&pieces[i], pieces[i].size));
		xmlFree(pieces[i].bytes);
	}
}

Test(domain_xml_heap, what_is_given_back_is_given_out_again)
{
	static char *taken[64];
	char *first;

	heap_begin();
	first = xmlMalloc(40);
	xmlFree(first);
	/* More than a process may have, if each took fresh memory. */
	for (unsigned round = 0; round < 100000; round++) {
		for (unsigned i = 0; i < 64; i++)
			taken[i] = xmlMalloc(1000);
		for (unsigned i = 0; i < 64; i++)
			xmlFree(taken[i]);
	}
	first = (char *)xmlMemStrdup("a text");
	cr_assert_str_eq(first, "a text");
	xmlFree(first);
}

Test(domain_xml_heap, more_than_there_is_is_refused)
{
	char *piece;

	heap_begin();
	piece = xmlMalloc(100);
	cr_assert_not_null(piece);
	cr_assert_null(xmlMalloc(SIZE_MAX / 2));
	cr_assert_null(xmlRealloc(piece, SIZE_MAX / 2));
	xmlFree(piece);
}
