#include "sim/engine/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/err.h"
#include "sim/pipe.h"

#define CHILD_FAILED 3 // exit status: work returned false

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static char *explain_stop(const char *what)
{
    return xasprintf("%s stopped before its end: its actors wait for each other", what);
}

static char *explain(const char *what, int status)
{
    if (WIFSIGNALED(status)) {
        return xasprintf("%s died of signal %d (%s)", what, WTERMSIG(status),
                         strsignal(WTERMSIG(status)));
    }
    if (WEXITSTATUS(status) == CHILD_FAILED) {
        return explain_stop(what);
    }
    return xasprintf("%s ended with status %d and without a result", what, WEXITSTATUS(status));
}

bool child_run(bool (*work)(void *context, void *result), void *context, void *result,
               size_t result_bytes, const char *what, char **why)
{
    int ends[2];
    if (pipe(ends) != 0) {
        *why = xasprintf("%s could not start: %s", what, strerror(errno));
        return false;
    }
    fflush(NULL); // SimGrid flushes in the child: what waits in a buffer now would come out twice
    pid_t child = fork();
    if (child < 0) {
        *why = xasprintf("%s could not start: %s", what, strerror(errno));
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (child == 0) {                     // _exit: buffers and handlers belong to the parent
        prctl(PR_SET_PDEATHSIG, SIGKILL); // nobody would take the result any more
        close(ends[0]);
        bool is_done = work(context, result);
        bool is_sent = pipe_write_all(ends[1], result, result_bytes);
        _exit(!is_done ? CHILD_FAILED : is_sent ? 0 : 1);
    }
    close(ends[1]);
    size_t got = pipe_read_all(ends[0], result, result_bytes);
    close(ends[0]);
    int status = wait_for(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && got == result_bytes) {
        return true;
    }
    *why = explain(what, status);
    return false;
}

bool child_run_here(bool (*work)(void *context, void *result), void *context, void *result,
                    const char *what, char **why)
{
    bool is_done = work(context, result);
    if (!is_done) {
        *why = explain_stop(what);
    }
    return is_done;
}
