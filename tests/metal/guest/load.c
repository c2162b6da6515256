/*
 * Work for the driver of a disk, whose result can be checked; static, since it also runs on the host.
 *
 *      metal-load write FILE SEED THREADS   writes all of FILE past the page cache, in pieces of 1 to 16
 * blocks and in random order, from several threads at once, and flushes it metal-load check FILE SEED whether
 * each block is as that left it
 *
 * A block's content follows from its number and SEED, so that a block at another's place, or of another time,
 * is found.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK        4096U
#define PIECE_BLOCKS 16U
#define THREADS_MAX  16U

struct writer {
	pthread_t thread;
	int fd;
	uint64_t seed, blocks;
	unsigned number, count; /* it writes every count-th piece */
};

/* SplitMix64. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t value = *state += 0x9e3779b97f4a7c15;

	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

static void block_fill(uint64_t *words, uint64_t seed, uint64_t number)
{
	uint64_t state = seed << 32 ^ number;

	for (size_t i = 0; i < BLOCK / sizeof(*words); i++)
		words[i] = random_next(&state);
}

static uint64_t blocks_of(int fd, const char *name)
{
	struct stat status;
	uint64_t bytes;

	if (fstat(fd, &status) < 0)
		err(1, "%s", name);
	if (!S_ISBLK(status.st_mode))
		return (uint64_t)status.st_size / BLOCK;
	if (ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		err(1, "%s", name);
	return bytes / BLOCK;
}

/* The blocks from `first` on, at most a piece, in requests of random sizes. */
static void piece_write(const struct writer *writer, uint64_t first, void *buffer, uint64_t *state)
{
	uint64_t end = first + PIECE_BLOCKS < writer->blocks ? first + PIECE_BLOCKS : writer->blocks;

	while (first < end) {
		uint64_t count = 1 + random_next(state) % (end - first);

		for (uint64_t i = 0; i < count; i++)
			block_fill((uint64_t *)buffer + i * BLOCK / sizeof(uint64_t), writer->seed,
				   first + i);
		if (pwrite(writer->fd, buffer, count * BLOCK, (off_t)(first * BLOCK)) !=
		    (ssize_t)(count * BLOCK))
			err(1, "write of block %" PRIu64, first);
		first += count;
	}
}

static void *writer_run(void *context)
{
	struct writer *writer = context;
	uint64_t pieces = (writer->blocks + PIECE_BLOCKS - 1) / PIECE_BLOCKS,
		 state = writer->seed + writer->number;
	uint64_t count = 0, *order = calloc(pieces, sizeof(*order));
	void *buffer = aligned_alloc(BLOCK, PIECE_BLOCKS * BLOCK);

	if (!order || !buffer)
		errx(1, "out of memory");
	for (uint64_t piece = writer->number; piece < pieces; piece += writer->count) {
		uint64_t place = random_next(&state) % (count + 1);

		order[count] = order[place]; /* a shuffle, from the inside out */
		order[place] = piece;
		count++;
	}
	for (uint64_t i = 0; i < count; i++)
		piece_write(writer, order[i] * PIECE_BLOCKS, buffer, &state);
	free(buffer);
	free(order);
	return NULL;
}

static int file_write(const char *name, uint64_t seed, unsigned threads)
{
	struct writer writers[THREADS_MAX];
	int fd = open(name, O_RDWR | O_DIRECT);

	if (threads == 0 || threads > THREADS_MAX)
		errx(2, "1 to %u threads", THREADS_MAX);
	if (fd < 0)
		err(1, "%s", name);
	for (unsigned i = 0; i < threads; i++) {
		writers[i] = (struct writer){
			.fd = fd, .seed = seed, .blocks = blocks_of(fd, name), .number = i, .count = threads};
		if (pthread_create(&writers[i].thread, NULL, writer_run, &writers[i]) != 0)
			errx(1, "no thread");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(writers[i].thread, NULL);
	if (fsync(fd) < 0)
		err(1, "flush");
	return close(fd);
}

static int file_check(const char *name, uint64_t seed)
{
	int fd = open(name, O_RDONLY);
	uint64_t read_words[BLOCK / sizeof(uint64_t)], words[BLOCK / sizeof(uint64_t)];
	uint64_t blocks;

	if (fd < 0)
		err(1, "%s", name);
	blocks = blocks_of(fd, name);
	for (uint64_t i = 0; i < blocks; i++) {
		if (read(fd, read_words, BLOCK) != BLOCK)
			err(1, "read of block %" PRIu64, i);
		block_fill(words, seed, i);
		if (memcmp(read_words, words, BLOCK) != 0)
			errx(1, "block %" PRIu64 " is not what was written", i);
	}
	return blocks == 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 5 && strcmp(what, "write") == 0)
		return file_write(argv[2], strtoull(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10));
	if (argc == 4 && strcmp(what, "check") == 0)
		return file_check(argv[2], strtoull(argv[3], NULL, 10));
	errx(2, "usage: metal-load write FILE SEED THREADS | check FILE SEED");
}
