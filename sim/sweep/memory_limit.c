#include "sim/sweep/memory_limit.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// What malloc() asks for at least, several times over. A process that dies with less left died of
// that, if a library that does not look at what malloc() returns was refused little; of a larger
// piece nothing is known here.
#define PROBE_BYTES 1048576u

static const char complaint_of_memory[] = "\ntilesim: out of memory: less than 1 MiB is left\n";

// A library that was refused memory crashes, or aborts with a word of something else. Ends with the
// signal.
static void look_for_memory(int number)
{
    void *probe =
        mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED &&
        write(STDERR_FILENO, complaint_of_memory, sizeof(complaint_of_memory) - 1) < 0) {
        _exit(1); // nobody listens
    }
    raise(number); // blocked until here, by now of default effect
}

void memory_limit_set(uint64_t bytes)
{
    rlim_t limit = (rlim_t)bytes;
    setrlimit(RLIMIT_DATA, &(struct rlimit){limit, limit});
    struct sigaction action = {.sa_handler = look_for_memory, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
}

bool memory_limit_is_reason(const char *complaint)
{
    return strstr(complaint, "out of memory") != NULL || strstr(complaint, "alloc") != NULL;
}
