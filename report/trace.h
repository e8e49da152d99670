// A trace in the Trace Event Format ("JSON trace"), which Perfetto's UI and chrome://tracing open.
// Written as it comes; the file appears under its name once it is complete (report/output_file.h).
// Times are nanoseconds of modelled time, whole ones, so that slices that follow each other do so
// without overlap; in the file they stand in microseconds with three digits, as the format asks.
#ifndef TILESIM_REPORT_TRACE_H
#define TILESIM_REPORT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct trace;

// NULL, with a sentence in *why (owned by the caller): the file cannot be made.
struct trace *trace_open(const char *path, char **why);
// False, with a sentence in *why: not everything was written, and no file of that name was made or
// changed.
bool trace_close(struct trace *trace, char **why);
void trace_discard(struct trace *trace); // NULL is allowed

// A group of tracks; returns its number. Shown in the order of these calls.
uint32_t trace_add_process(struct trace *trace, const char *name);
// A track of the last process; returns its number.
uint32_t trace_add_track(struct trace *trace, const char *name);

struct trace_value {
    const char *key; // NULL: none
    uint64_t value;
};
#define TRACE_VALUES 6

struct trace_slice {
    uint32_t process, track;
    const char *name, *category;
    uint64_t begin_nanoseconds, end_nanoseconds;
    struct trace_value values[TRACE_VALUES]; // shown beside it
};
// Slices of a track: in the order of their beginnings, an outer one before those inside it.
void trace_add_slice(struct trace *trace, const struct trace_slice *slice);

#endif
