// Values of options that several commands take. Each ends the program by argp_error(), with
// EXIT_BAD_INPUT and the option's name, on a wrong one.
#ifndef TILESIM_SIM_COMMANDS_OPTIONS_H
#define TILESIM_SIM_COMMANDS_OPTIONS_H

#include <argp.h>
#include <stdint.h>

long option_number(const char *option, const char *text, long max, struct argp_state *state); // 1..
// Borrowed. An empty name, which is what an unset variable of the shell leaves, is wrong.
const char *option_name(const char *option, const char *text, struct argp_state *state);

struct group_option {
    char *group;        // owned; NULL: not given
    const char *series; // in it; NULL: all of the group
};
void option_group(struct group_option *group, const char *text, struct argp_state *state);

uint32_t option_all_cores(uint32_t max); // how many processes or threads where no option says it

#endif
