/*
 * Command lines and environments (systemd.service(5), "Command lines"; systemd.exec(5), "Environment"). Pure
 * functions over text.
 */
#pragma once

#include "rinit/service_config.h"

#define COMMAND_WORD_MAX 4096

/*
 * Adds the commands of one value of an Exec key: prefixes, words, more commands behind a lone ";". 0, -EINVAL
 * or -ENOMEM; what came before the fault has been added.
 */
int command_parse(struct command_list *list, const char *value);

/*
 * The words that the command is run with: ${NAME} becomes the variable's value, a word that is $NAME the
 * words of its value, $$ a dollar sign. An unknown variable is empty. 0 or -ENOMEM
 */
int command_expand(const struct command *command, const struct string_list *environment,
		   struct string_list *argv);

/* The length of the variable's name that text begins with; 0 when it begins with none. */
size_t environment_name_length(const char *text);
/* "NAME=VALUE" takes the place of an older NAME. 0 or -ENOMEM */
int environment_set(struct string_list *environment, const char *assignment);
/* Removes "NAME", or "NAME=VALUE" only when that is its value. */
void environment_unset(struct string_list *environment, const char *name);
/* NULL when there is none; the name is length bytes long. */
const char *environment_get(const struct string_list *environment, const char *name, size_t length);
/*
 * A file for EnvironmentFile=: NAME=VALUE lines, # and ; begin comments, quotes hold blanks and line ends, \
 * takes the next character as it is and joins lines. Returns how many lines were no assignment, or -ENOMEM.
 */
int environment_parse(struct string_list *environment, const char *text, size_t length);
