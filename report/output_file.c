#include "report/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/err.h"

#define LINKS_MAX 40u // as Linux

static bool is_special_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

// What a link points to stands beside the link, or is absolute. Owned; NULL if `path` is no link.
static char *read_link(const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0 || length == sizeof target) {
        return NULL;
    }
    const char *slash = strrchr(path, '/');
    int folder_length = target[0] == '/' || slash == NULL ? 0 : (int)(slash - path) + 1;
    return xasprintf("%.*s%.*s", folder_length, path, (int)length, target);
}

// Owned. Of links in a circle the path stays a link, and creating the file there fails or replaces
// it.
static char *follow_links(const char *path)
{
    char *followed = xstrdup(path);
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        char *next = read_link(followed);
        if (next == NULL) {
            break;
        }
        free(followed);
        followed = next;
    }
    return followed;
}

static void free_paths(struct output_file *file)
{
    int error = errno;
    free(file->temporary);
    free(file->path);
    errno = error;
}

static void discard(struct output_file *file)
{
    int error = errno;
    unlink(file->temporary);
    errno = error;
    free_paths(file);
}

// As the file that will be replaced has it; a new one as creat() makes it. mkostemp makes files
// that only their owner may read.
static void set_mode(int descriptor, const char *path)
{
    struct stat status;
    mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor, stat(path, &status) == 0 ? status.st_mode & 07777 : 0666 & ~mask);
}

bool output_file_open(struct output_file *file, const char *path)
{
    *file = (struct output_file){.path = follow_links(path)};
    if (is_special_file(path)) {
        file->stream = fopen(path, "we");
        if (file->stream == NULL) {
            free_paths(file);
        }
        return file->stream != NULL;
    }
    file->temporary = xasprintf("%s.XXXXXX", file->path);
    int descriptor = mkostemp(file->temporary, O_CLOEXEC);
    if (descriptor < 0) {
        free_paths(file); // its name was not made: nothing to unlink
        return false;
    }
    set_mode(descriptor, file->path);
    file->stream = fdopen(descriptor, "w");
    if (file->stream == NULL) {
        close(descriptor);
        discard(file);
        return false;
    }
    return true;
}

// A write that failed has left errno where the caller's next call may have changed it; an error
// flag without errno is reported as EIO.
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
        free_paths(file);
        return is_whole;
    }
    if (!is_whole || rename(file->temporary, file->path) != 0) {
        discard(file);
        return false;
    }
    free_paths(file);
    return true;
}

void output_file_abandon(struct output_file *file)
{
    fclose(file->stream);
    if (file->temporary == NULL) {
        free_paths(file);
    } else {
        discard(file);
    }
}

bool output_file_is_possible(const char *path)
{
    struct stat status;
    if (is_special_file(path)) {
        return true;
    }
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return false;
    }
    struct output_file file;
    if (!output_file_open(&file, path)) {
        return false;
    }
    output_file_abandon(&file);
    return true;
}
