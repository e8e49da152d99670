#include "sim/pipe.h"

#include <errno.h>
#include <unistd.h>

bool pipe_write_all(int file, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(file, bytes, count);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
    return true;
}

size_t pipe_read_all(int file, char *bytes, size_t count)
{
    size_t got = 0;
    while (got < count) {
        ssize_t more = read(file, bytes + got, count - got);
        if (more == 0 || (more < 0 && errno != EINTR)) {
            break;
        }
        got += more > 0 ? (size_t)more : 0;
    }
    return got;
}
