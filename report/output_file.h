// An output file that appears under its name only once it is complete: written beside it, synced,
// renamed. Devices and pipes (/dev/tty, a FIFO) cannot be renamed over: they are written in place.
// A symbolic link stays one: what it points to is replaced. A file that is replaced keeps its mode.
#ifndef TILESIM_REPORT_OUTPUT_FILE_H
#define TILESIM_REPORT_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct output_file {
    FILE *stream;    // to write to; its errors are seen by output_file_commit()
    char *path;      // owned; links followed
    char *temporary; // owned; NULL: written in place
};

// False, with errno set, if the file cannot be created.
bool output_file_open(struct output_file *file, const char *path);
// Closes and renames. False, with errno set: something was not written, and `path` is as it was
// before.
bool output_file_commit(struct output_file *file);
// Closes and leaves `path` as it was (what was written in place stays).
void output_file_abandon(struct output_file *file);

// Would output_file_open() work, and is a file of that name possible? Leaves nothing behind;
// devices and pipes are not opened. False, with errno set. Asked before long work, whose result
// would be lost.
bool output_file_is_possible(const char *path);

#endif
