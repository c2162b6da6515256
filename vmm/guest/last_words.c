#include "vmm/guest/last_words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/guest/fixed_file.h"

int last_words_write(char *memory, const cJSON *words)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(words);
	int code;

	if (!text)
		return -ENOMEM;
	if (strlen(text) >= LAST_WORDS_SIZE)
		return -E2BIG;
	code = fixed_file_reserve(memory, strlen(text) + 1);
	if (code == 0)
		strcpy(memory, text);
	return code;
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
