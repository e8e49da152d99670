#include "report/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/output_file.h"
#include "sim/err.h"

struct trace {
    struct output_file file;
    char *path; // owned; as given, for messages
    uint32_t processes, tracks;
    bool has_event;
};

struct trace *trace_open(const char *path, char **why)
{
    struct trace *trace = xcalloc(1, sizeof *trace);
    if (!output_file_open(&trace->file, path)) {
        *why = xasprintf("%s: cannot write the trace: %s", path, strerror(errno));
        free(trace);
        return NULL;
    }
    trace->path = xstrdup(path);
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", trace->file.stream);
    return trace;
}

bool trace_close(struct trace *trace, char **why)
{
    fputs("\n]}\n", trace->file.stream);
    errno = 0;
    bool is_whole = output_file_commit(&trace->file);
    if (!is_whole) {
        *why = xasprintf("%s: cannot write the trace: %s", trace->path, strerror(errno));
    }
    free(trace->path);
    free(trace);
    return is_whole;
}

void trace_discard(struct trace *trace)
{
    if (trace == NULL) {
        return;
    }
    output_file_abandon(&trace->file);
    free(trace->path);
    free(trace);
}

// --- events -------------------------------------------------------------------------------------
// Names come from programs and YAML files: quotes, backslashes and control characters are escaped.
static void put_text(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            fprintf(stream, "\\%c", byte);
        } else if (byte < 0x20) {
            fprintf(stream, "\\u%04x", byte);
        } else {
            fputc(byte, stream);
        }
    }
    fputc('"', stream);
}

static FILE *begin_event(struct trace *trace)
{
    fputs(trace->has_event ? ",\n" : "\n", trace->file.stream);
    trace->has_event = true;
    return trace->file.stream;
}

static void name_and_sort(struct trace *trace, const char *what, const char *name, uint32_t place)
{
    FILE *stream = begin_event(trace);
    fprintf(stream, "{\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"name\":\"%s_name\",\"args\":{\"name\":",
            trace->processes, trace->tracks, what);
    put_text(stream, name);
    fputs("}}", stream);
    fprintf(begin_event(trace),
            "{\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"name\":\"%s_sort_index\","
            "\"args\":{\"sort_index\":%u}}",
            trace->processes, trace->tracks, what, place);
}

uint32_t trace_add_process(struct trace *trace, const char *name)
{
    trace->processes++;
    trace->tracks = 0;
    name_and_sort(trace, "process", name, trace->processes);
    return trace->processes;
}

uint32_t trace_add_track(struct trace *trace, const char *name)
{
    trace->tracks++;
    name_and_sort(trace, "thread", name, trace->tracks);
    return trace->tracks;
}

static void put_microseconds(FILE *stream, const char *key, uint64_t nanoseconds)
{
    fprintf(stream, ",\"%s\":%llu.%03u", key, (unsigned long long)(nanoseconds / 1000),
            (unsigned)(nanoseconds % 1000));
}

void trace_add_slice(struct trace *trace, const struct trace_slice *slice)
{
    FILE *stream = begin_event(trace);
    fprintf(stream, "{\"ph\":\"X\",\"pid\":%u,\"tid\":%u,\"name\":", slice->process, slice->track);
    put_text(stream, slice->name);
    fputs(",\"cat\":", stream);
    put_text(stream, slice->category);
    put_microseconds(stream, "ts", slice->begin_nanoseconds);
    put_microseconds(stream, "dur", slice->end_nanoseconds - slice->begin_nanoseconds);
    fputs(",\"args\":{", stream);
    for (uint32_t i = 0; i < TRACE_VALUES && slice->values[i].key != NULL; i++) {
        fputs(i > 0 ? "," : "", stream);
        put_text(stream, slice->values[i].key);
        fprintf(stream, ":%llu", (unsigned long long)slice->values[i].value);
    }
    fputs("}}", stream);
}
