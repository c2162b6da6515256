/*
 * Writes to a disk in rounds that can be told apart, and checks that nothing of a round that was flushed is
 * lost:
 *
 *      disk write DEVICE ROUNDS    a round's blocks are written by several threads at once, past the page
 * cache, and flushed; then "NAME flushed ROUND" is printed disk check DEVICE ROUND     each block of rounds
 * up to this one is there whole, or one of a later round
 *
 * Which blocks a round writes follows from its number. A block is 4 KiB of words that say round, place and
 * block.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK   4096
#define BLOCKS  4096 /* that are used of the disk: 16 MiB */
#define THREADS 8
#define EACH    8  /* blocks of a round that one thread writes */
#define CHUNK   64 /* blocks that are read at once */
#define WORDS   (BLOCK / sizeof(uint64_t))

static int disk;

static void give_up(const char *what)
{
	printf("disk: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* splitmix64 */
static uint64_t mixed(uint64_t number)
{
	number += 0x9e3779b97f4a7c15;
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
	number = (number ^ number >> 27) * 0x94d049bb133111eb;
	return number ^ number >> 31;
}

/* The threads of a round have blocks of their own. */
static unsigned block_of(uint64_t round, unsigned thread, unsigned index)
{
	return (unsigned)(mixed(round << 16 | thread << 8 | index) % (BLOCKS / THREADS)) * THREADS + thread;
}

static uint64_t word_of(uint64_t round, unsigned block, size_t place)
{
	return round << 40 ^ (uint64_t)block << 16 ^ place;
}

struct writer {
	pthread_t thread;
	uint64_t round;
	unsigned number;
};

static void *write_some(void *argument)
{
	const struct writer *writer = argument;
	uint64_t *words;

	if (posix_memalign((void **)&words, BLOCK, BLOCK) != 0)
		give_up("memory");
	for (unsigned index = 0; index < EACH; index++) {
		unsigned block = block_of(writer->round, writer->number, index);

		for (size_t place = 0; place < WORDS; place++)
			words[place] = word_of(writer->round, block, place);
		if (pwrite(disk, words, BLOCK, (off_t)block * BLOCK) != BLOCK)
			give_up("write");
	}
	free(words);
	return NULL;
}

static void write_rounds(const char *name, uint64_t rounds)
{
	struct writer writers[THREADS];

	for (uint64_t round = 1; round <= rounds; round++) {
		for (unsigned i = 0; i < THREADS; i++) {
			writers[i] = (struct writer){.round = round, .number = i};
			if (pthread_create(&writers[i].thread, NULL, write_some, &writers[i]) != 0)
				give_up("thread");
		}
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(writers[i].thread, NULL);
		if (fdatasync(disk) < 0)
			give_up("flush");
		printf("%s flushed %llu\n", name, (unsigned long long)round);
		fflush(stdout);
	}
}

static int check_block(const uint64_t *words, unsigned block, uint64_t least)
{
	uint64_t round = (words[0] ^ (uint64_t)block << 16) >> 40;

	if (round < least)
		return 0;
	for (size_t place = 0; place < WORDS; place++) {
		if (words[place] != word_of(round, block, place))
			return 0;
	}
	return 1;
}

static int check_rounds(const char *name, uint64_t rounds)
{
	static uint64_t least[BLOCKS];
	uint64_t *words;
	unsigned bad = 0;

	if (posix_memalign((void **)&words, BLOCK, CHUNK * BLOCK) != 0)
		give_up("memory");
	for (uint64_t round = 1; round <= rounds; round++) {
		for (unsigned i = 0; i < THREADS * EACH; i++)
			least[block_of(round, i / EACH, i % EACH)] = round;
	}
	for (unsigned block = 0; block < BLOCKS; block++) {
		if (block % CHUNK == 0 &&
		    pread(disk, words, CHUNK * BLOCK, (off_t)block * BLOCK) != CHUNK * BLOCK)
			give_up("read");
		if (least[block] && !check_block(words + block % CHUNK * WORDS, block, least[block]))
			bad++;
	}
	printf("%s: %u blocks of %llu rounds are lost\n", name, bad, (unsigned long long)rounds);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *name;

	if (argc != 4)
		give_up("usage: disk write|check DEVICE ROUNDS");
	name = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
	disk = open(argv[2], O_RDWR | O_DIRECT | O_CLOEXEC);
	if (disk < 0)
		give_up(argv[2]);
	if (strcmp(argv[1], "check") == 0)
		return check_rounds(name, strtoull(argv[3], NULL, 10));
	write_rounds(name, strtoull(argv[3], NULL, 10));
	return EXIT_SUCCESS;
}
