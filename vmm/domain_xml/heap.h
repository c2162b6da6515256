/*
 * Memory for libxml2 in a process that ends soon. A schema is a hundred thousand pieces of a few bytes, and
 * its validator takes and gives back as many again for each thousand devices: with malloc(3) that is a fifth
 * of the time, and a page fault for each 4 KiB another tenth.
 *
 * Pieces of the same size, rounded up to 16 bytes, have a list of those that are free; new ones are cut from
 * pages that are taken from the kernel 16 MiB at a time, huge ones where it has them, and never given back.
 * Larger ones are malloc's. One thread. A program with a sanitizer has malloc(3) for all, which it watches.
 */
#pragma once

/* Before anything else of libxml2. */
void heap_begin(void);
