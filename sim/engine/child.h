// Runs a function in a child process and takes its result back through a pipe.
#ifndef TILESIM_SIM_CHILD_H
#define TILESIM_SIM_CHILD_H

#include <stdbool.h>
#include <stddef.h>

// work fills `result` (result_bytes long, shared with nobody) and returns false if it failed by its
// own account. False with a sentence in *why (owned by the caller) if the child failed or died;
// `what` begins it. What work filled in before it failed comes back as well.
bool child_run(bool (*work)(void *context, void *result), void *context, void *result,
               size_t result_bytes, const char *what, char **why);
// The same without a child, in a process that is one itself and is about to end.
bool child_run_here(bool (*work)(void *context, void *result), void *context, void *result,
                    const char *what, char **why);

#endif
