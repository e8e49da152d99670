#include "sim/commands/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

const struct command commands[] = {
#define X(command_name, command_arguments, command_doc) \
    {.name = #command_name,                             \
     .arguments = command_arguments,                    \
     .doc = command_doc,                                \
     .run = command_##command_name},
    COMMANDS(X)
#undef X
        {.name = NULL},
};

const struct command *command_find(const char *name)
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

bool command_has_colour(FILE *stream)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return (no_colour == NULL || *no_colour == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0 && isatty(fileno(stream)) == 1;
}

uint32_t command_width(FILE *stream)
{
    struct winsize size;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// By another name (/dev/stdout) a table would lie over what was written, or in a file that lost its
// name.
bool command_is_stdout(const char *path)
{
    struct stat named, standard;
    if (path == NULL || strcmp(path, "-") == 0) {
        return path != NULL;
    }
    return stat(path, &named) == 0 && fstat(STDOUT_FILENO, &standard) == 0 &&
           S_ISREG(named.st_mode) && named.st_dev == standard.st_dev &&
           named.st_ino == standard.st_ino;
}

int command_finish_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    fprintf(stderr, "tilesim: cannot write to standard output: %s\n",
            strerror(errno != 0 ? errno : EIO));
    return EXIT_FAULT;
}
