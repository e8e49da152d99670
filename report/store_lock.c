// One writer: a lock on PATH.lock. A record lock of fcntl: it ends with the process, however it
// ends, and forked children do not hold it.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/store_tables.h"
#include "sim/err.h"

static bool say_holder(const struct store *store, char **why)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int error = errno;
    if (fcntl(store->lock_file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
        *why = xasprintf("%s: another process (%ld) writes to it and holds the lock %s",
                         store->path, (long)lock.l_pid, store->lock_path);
    } else {
        *why = xasprintf("%s: cannot take the lock %s: %s", store->path, store->lock_path,
                         strerror(error));
    }
    return false;
}

// Is the file that was locked still the one of that name? Its holder removes it at the end.
static bool is_same_file(const struct store *store)
{
    struct stat held, named;
    return fstat(store->lock_file, &held) == 0 && stat(store->lock_path, &named) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

bool store_lock(struct store *store, char **why)
{
    store->lock_path = xasprintf("%s.lock", store->path);
    for (;;) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        store->lock_file = open(store->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        bool is_locked = store->lock_file >= 0 && fcntl(store->lock_file, F_SETLK, &lock) == 0;
        if (is_locked && is_same_file(store)) {
            return true;
        }
        if (!is_locked) {
            say_holder(store, why);
        }
        if (store->lock_file >= 0) {
            close(store->lock_file);
        }
        if (!is_locked) {
            free(store->lock_path);
            store->lock_path = NULL;
            return false;
        }
    }
}

void store_unlock(struct store *store)
{
    if (store->lock_path != NULL) {
        unlink(store->lock_path);
        close(store->lock_file);
        free(store->lock_path);
        store->lock_path = NULL;
    }
}
