#include "sim/commands/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/err.h"

long option_number(const char *option, const char *text, long max, struct argp_state *state)
{
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < 1 || number > max) {
        argp_error(state, "%s: \"%s\" is not a number in 1..%ld", option, text, max);
    }
    return number;
}

const char *option_name(const char *option, const char *text, struct argp_state *state)
{
    if (*text == '\0') {
        argp_error(state, "%s: the name is empty", option);
    }
    return text;
}

void option_group(struct group_option *group, const char *text, struct argp_state *state)
{
    free(group->group);
    *group = (struct group_option){.group = xstrdup(option_name("--group", text, state))};
    char *slash = strchr(group->group, '/');
    if (slash != NULL) {
        *slash = '\0';
        group->series = slash + 1;
    }
}

uint32_t option_all_cores(uint32_t max)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > (long)max ? max : (uint32_t)cores;
}
