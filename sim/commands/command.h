// The commands of the program: `tilesim NAME ...`. Each has a file of its own in this folder.
#ifndef TILESIM_SIM_COMMANDS_COMMAND_H
#define TILESIM_SIM_COMMANDS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// The one list: name, arguments, what it does.
#define COMMANDS(X)                                                                           \
    X(run, "EXPERIMENT.yaml", "trains or draws, times every machine, reports")                \
    X(sweep, "SWEEP.yaml", "runs an experiment at many points, into a database")              \
    X(check, "FILE.yaml...", "says what is wrong with experiments, chips, GPUs; or nothing")  \
    X(inspect, "EXPERIMENT.yaml", "graph, placement, compute sets, exchanges, SRAM")          \
    X(fit, "EXPERIMENT.yaml", "how long a sequence, how large a network fits, for each plan") \
    X(report, "RESULTS.db...", "what sweeps found, as a table, CSV, JSON; joins databases")   \
    X(validate, "", "holds the model against measurements")                                   \
    X(calibrate, "--group NAME", "refits uncertain values to them and writes them back")      \
    X(list, "WHAT", "chips, gpus, experiments, neurons, codelets, data, keys, ...")

enum exit_status { // of the program
    EXIT_DONE = 0,
    EXIT_FAULT = 1,        // writing failed, or the simulator is wrong
    EXIT_BAD_INPUT = 2,    // the command line or an input file
    EXIT_DOES_NOT_FIT = 3, // a machine; the others ran
};

struct command {
    const char *name;
    const char *arguments;
    const char *doc; // one line
    // argv[0] is "tilesim NAME". Returns the exit status of the program. The parser of options
    // (argp) ends the program itself after --help and after a wrong option, with EXIT_BAD_INPUT.
    int (*run)(int argc, char **argv);
};

#define X(name, arguments, doc) int command_##name(int argc, char **argv);
COMMANDS(X)
#undef X

extern const struct command commands[]; // ends with a NULL name
const struct command *command_find(const char *name);

// May a stream carry colours: a terminal, and NO_COLOR is not set (no-color.org).
bool command_has_colour(FILE *stream);
// Characters in a line of the terminal; 0: no terminal, or it does not say.
uint32_t command_width(FILE *stream);
// Is standard output what a file is written to: "-", or another name of the file that it is
// redirected to? Then it carries that file alone: tables, which are for eyes, are not printed.
// NULL: no file.
bool command_is_stdout(const char *path);
// Flushes standard output. EXIT_FAULT, with a message, if not everything arrived; else `status`.
int command_finish_output(int status);

#endif
