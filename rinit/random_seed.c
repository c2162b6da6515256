#include "rinit/random_seed.h"

#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/file.h"

#define SEED_SIZE 256 /* the size of a hash is enough; more harms nobody */

struct seed {
	int bits, size; /* RNDADDENTROPY's struct rand_pool_info */
	unsigned char bytes[SEED_SIZE];
};

void random_seed_load(bool credit)
{
	AUTO_CLOSE int file = open(RANDOM_SEED_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO_CLOSE int device = open("/dev/urandom", O_RDWR | O_CLOEXEC);
	struct seed seed = {0};
	ssize_t length = file < 0 ? 0 : read(file, seed.bytes, sizeof(seed.bytes));

	if (length <= 0 || device < 0)
		return;
	if (!credit) {
		write_all(device, seed.bytes, (size_t)length);
		return;
	}
	seed.bits = (int)length * 8;
	seed.size = (int)length;
	if (ioctl(device, RNDADDENTROPY, &seed))
		fprintf(stderr, "<4>" RANDOM_SEED_FILE ": the kernel does not take it: %m\n");
}

/* Written beside it first: a seed is whole or the old one. */
void random_seed_save(bool safely)
{
	static const char fresh[] = RANDOM_SEED_FILE ".new";
	unsigned char bytes[SEED_SIZE];
	AUTO_CLOSE int file = -1;

	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes))
		return; /* the kernel has too little itself: the old seed is better */
	mkdir(STATE_FOLDER, 0755);
	unlink(fresh);
	file = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return; /* a system that is never written has no seed */
	if (write_all(file, bytes, sizeof(bytes)) || (safely && fsync(file)) ||
	    rename(fresh, RANDOM_SEED_FILE))
		unlink(fresh);
}
