// tilesim: what the user types becomes a command (sim/commands/). Only this file ends the program,
// but for the parser of options, which ends it after --help and after a wrong option.
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/commands/command.h"
#include "sim/config/config.h"
#include "sim/err.h"
#include "sim/version.h"

struct arguments {
    const char *command; // NULL: none was given
    int first;           // its place in argv
};

static void print_help(FILE *stream)
{
    fprintf(stream, "Usage: tilesim COMMAND [OPTION...] ...\n"
                    "A simulator of IPU-like manycore machines that train spiking networks.\n\n");
    for (const struct command *command = commands; command->name != NULL; command++) {
        fprintf(stream, "  %-8s %-16s %s\n", command->name, command->arguments, command->doc);
    }
    fprintf(stream, "  %-8s %-16s %s\n", "help", "[COMMAND]", "this text, or a command's options");
    fprintf(stream, "\n  -V, --version              print the version\n"
                    "\nExit status: 0 done; 1 writing failed, or a fault of the simulator; 2 bad "
                    "command line or input;\n3 a machine does not fit.\n");
}

// The command nearest to what was typed; NULL if none is near.
static const char *nearest_command(const char *typed)
{
    const char *nearest = NULL;
    uint32_t nearest_distance = 3; // letters of damage at which a guess is no help
    for (const struct command *command = commands; command->name != NULL; command++) {
        uint32_t distance = config_word_distance(typed, command->name);
        if (distance < nearest_distance) {
            nearest = command->name;
            nearest_distance = distance;
        }
    }
    return nearest;
}

static int refuse_command(const char *typed)
{
    const char *nearest = nearest_command(typed);
    fprintf(stderr, "tilesim: no command \"%s\"", typed);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean \"%s\"?", nearest);
    }
    fprintf(stderr, "\nTry `tilesim help`.\n");
    return EXIT_BAD_INPUT;
}

// Else a mistyped folder would leave a command with other files, and calibrate would write into
// them.
static bool has_usable_configs(void)
{
    const char *folder = getenv("TILESIM_CONFIGS");
    struct stat status;
    if (folder == NULL || folder[0] == '\0' ||
        (stat(folder, &status) == 0 && S_ISDIR(status.st_mode))) {
        return true;
    }
    fprintf(stderr, "tilesim: TILESIM_CONFIGS: %s is not a folder\n", folder);
    return false;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    char *name = xasprintf("tilesim %s", command->name); // the parser's messages begin with it
    char **arguments = xcalloc((size_t)argc + 1, sizeof(char *));
    memcpy(arguments, argv, (size_t)argc * sizeof(char *));
    arguments[0] = name;
    int status = command->run(argc, arguments);
    free(arguments);
    free(name);
    return status;
}

static int help_command(int argc, char **argv)
{
    if (argc == 1) {
        print_help(stdout);
        return command_finish_output(EXIT_DONE);
    }
    const struct command *command = command_find(argv[1]);
    if (command == NULL) {
        return refuse_command(argv[1]);
    }
    char option[] = "--help";
    return run_command(command, 2, (char *[]){argv[0], option, NULL});
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'V':
        printf("tilesim %s (git %s)\n", TILESIM_VERSION, version_git());
        exit(command_finish_output(EXIT_DONE));
    case 'h':
        print_help(stdout);
        exit(command_finish_output(EXIT_DONE));
    case ARGP_KEY_ARG:
        arguments->command = text;
        arguments->first = state->next - 1;
        state->next = state->argc; // the rest belongs to the command
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    argp_err_exit_status = EXIT_BAD_INPUT; // of libc; read by every argp_parse
    signal(SIGXFSZ, SIG_IGN); // a file over the limit is a write that fails, with a message
    static const struct argp_option options[] = {
        {"version", 'V', NULL, 0, "print the version", 0},
        {"help", 'h', NULL, 0, "print this text", 0},
        {0},
    };
    static const struct argp argp = {options, parse_option, "COMMAND [OPTION...] ...", NULL, NULL,
                                     NULL,    NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP, NULL, &arguments);
    if (arguments.command == NULL) {
        print_help(stderr);
        return EXIT_BAD_INPUT;
    }
    if (strcmp(arguments.command, "help") == 0) {
        return help_command(argc - arguments.first, argv + arguments.first);
    }
    const struct command *command = command_find(arguments.command);
    if (command == NULL) {
        return refuse_command(arguments.command);
    }
    if (!has_usable_configs()) {
        return EXIT_BAD_INPUT;
    }
    return run_command(command, argc - arguments.first, argv + arguments.first);
}
