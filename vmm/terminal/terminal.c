#include "vmm/terminal/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

static void set(struct terminal_state *state, int fd, const struct termios *wanted)
{
	state->fd = fd;
	state->raw = tcsetattr(fd, TCSADRAIN, wanted) == 0;
}

static void raw_set(struct terminal_state *state, int fd, bool output)
{
	struct termios raw;

	if (state->raw || tcgetattr(fd, &state->before) < 0)
		return;
	raw = state->before;
	cfmakeraw(&raw);
	if (!output)
		raw.c_oflag |= OPOST; /* our own lines still want their carriage return */
	set(state, fd, &raw);
}

void terminal_raw(struct terminal_state *state, int fd)
{
	raw_set(state, fd, false);
}

void terminal_raw_both(struct terminal_state *state, int fd)
{
	raw_set(state, fd, true);
}

void terminal_keys(struct terminal_state *state, int fd)
{
	struct termios keys;

	if (state->raw || tcgetattr(fd, &state->before) < 0)
		return;
	keys = state->before;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	set(state, fd, &keys);
}

void terminal_restore(struct terminal_state *state)
{
	if (!state->raw)
		return;
	/* Not TCSADRAIN: a terminal that takes nothing any more would keep us here. */
	tcsetattr(state->fd, TCSANOW, &state->before);
	state->raw = false;
}

bool terminal_size(int fd, unsigned *columns, unsigned *rows)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return false;
	*columns = size.ws_col;
	*rows = size.ws_row;
	return true;
}
