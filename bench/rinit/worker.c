/* The smallest service: it leaves a file by its name, so that one sees that it is up, and waits for its end.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/run/bench"

int main(int argc, char **argv)
{
	char path[128];

	(void)argc;
	mkdir(FOLDER, 0755);
	snprintf(path, sizeof(path), FOLDER "/%s", argv[1] ? argv[1] : "0");
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	for (;;)
		pause();
}
