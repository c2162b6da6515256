#include "vmm/guest/last_words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

int last_words_write(char *memory, const cJSON *words)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(words);

	if (!text)
		return -ENOMEM;
	if (strlen(text) >= LAST_WORDS_SIZE)
		return -E2BIG;
	strcpy(memory, text);
	return 0;
}

int last_words_read(const char *path, char **text)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FREE char *words = calloc(1, LAST_WORDS_SIZE + 1);

	if (fd < 0)
		return -errno;
	if (!words)
		return -ENOMEM;
	if (pread(fd, words, LAST_WORDS_SIZE, 0) < 0)
		return -errno;
	*text = TAKE_PTR(words);
	return 0;
}
