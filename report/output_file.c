#include "report/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/err.h"

static bool is_special_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

static void discard(struct output_file *file)
{
    int error = errno;
    if (file->temporary != NULL) {
        unlink(file->temporary);
        free(file->temporary);
    }
    errno = error;
}

bool output_file_open(struct output_file *file, const char *path)
{
    *file = (struct output_file){.path = path};
    if (is_special_file(path)) {
        file->stream = fopen(path, "we");
        return file->stream != NULL;
    }
    file->temporary = xasprintf("%s.XXXXXX", path);
    int descriptor = mkostemp(file->temporary, O_CLOEXEC);
    if (descriptor < 0) {
        int error = errno;
        free(file->temporary); // its name was not made: nothing to unlink
        errno = error;
        return false;
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor, 0666 & ~mask); // mkostemp makes files that only the owner may read
    file->stream = fdopen(descriptor, "w");
    if (file->stream == NULL) {
        close(descriptor);
        discard(file);
        return false;
    }
    return true;
}

// A write that failed has left errno where the caller's next call may have changed it; an error flag
// without errno is reported as EIO.
static bool finish_stream(struct output_file *file)
{
    bool had_error = ferror(file->stream) != 0;
    int error = had_error ? (errno != 0 ? errno : EIO) : 0;
    if (error == 0 && fflush(file->stream) != 0) {
        error = errno;
    }
    if (error == 0 && file->temporary != NULL && fsync(fileno(file->stream)) != 0) {
        error = errno;
    }
    if (fclose(file->stream) != 0 && error == 0) {
        error = errno;
    }
    errno = error;
    return error == 0;
}

bool output_file_commit(struct output_file *file)
{
    bool is_whole = finish_stream(file);
    if (file->temporary == NULL) {
        return is_whole;
    }
    if (!is_whole || rename(file->temporary, file->path) != 0) {
        discard(file);
        return false;
    }
    free(file->temporary);
    return true;
}
