// Fitted values back into the YAML files they came from: a text edit at the place of each value.
// The parser's marks count lines and characters; everything else in the file stays as it is,
// comments too.
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/output_file.h"
#include "sim/config/source.h"
#include "sim/validation/calibrate.h"

#define EDITS_PER_PARAMETER 3u

struct edit {
    const struct mark *mark; // for messages
    const char *file;
    size_t offset, bytes; // what is replaced; 0 bytes: inserted
    char *text;           // owned
};

struct edits {
    struct edit *edits; // owned
    uint32_t count;
    struct err *err;
};

// Byte of a mark in the text that the marks were made from; columns count characters.
static size_t offset_of(const struct mark *mark)
{
    const char *text = mark->source->text;
    const char *at = text;
    for (uint32_t line = 1; line < mark->line; line++) {
        const char *end = strchr(at, '\n');
        at = end == NULL ? at + strlen(at) : end + 1;
    }
    for (uint32_t column = 1; column < mark->column && *at != '\0'; column++) {
        at++;
        while (((unsigned char)*at & 0xc0) == 0x80) {
            at++;
        }
    }
    return (size_t)(at - text);
}

static size_t scalar_bytes(const struct mark *mark)
{
    return strcspn(mark->source->text + offset_of(mark), " \t\r\n,]}#");
}

// Is a plain number, or null, written here, and not an alias or something quoted?
static bool is_plain(const struct mark *mark)
{
    const char *at = mark->source->text + offset_of(mark);
    size_t bytes = scalar_bytes(mark);
    char *end;
    strtod(at, &end);
    return bytes > 0 && (end == at + bytes || (bytes == 4 && strncmp(at, "null", 4) == 0) ||
                         (bytes == 1 && *at == '~'));
}

static void add_edit(struct edits *edits, const struct mark *mark, size_t offset, size_t bytes,
                     char *text)
{
    edits->edits[edits->count++] = (struct edit){mark, mark->source->name, offset, bytes, text};
}

static void replace_number(struct edits *edits, const struct mark *mark, const char *key,
                           double value)
{
    if (!mark->source->is_file) {
        err_at(edits->err, mark, "%s: not in a file, so that it cannot be written", key);
    } else if (!is_plain(mark)) {
        err_at(edits->err, mark, "%s: only a plain number can be written over", key);
    } else {
        add_edit(edits, mark, offset_of(mark), scalar_bytes(mark), xasprintf("%.6g", value));
    }
}

// A key that the entry does not have yet goes behind its `high`.
static void insert_number(struct edits *edits, const struct parameter *parameter, const char *key,
                          double value)
{
    const struct mark *high = &parameter->high_mark;
    const char *text = high->source->text;
    size_t offset = offset_of(high) + scalar_bytes(high);
    if (!high->source->is_file || !is_plain(high)) {
        err_at(edits->err, high, "%s: nothing can be written behind this", parameter->key);
        return;
    }
    if (text[offset_of(&parameter->item_mark)] == '{') {
        add_edit(edits, high, offset, 0, xasprintf(", %s: %.4g", key, value));
        return;
    }
    offset += strcspn(text + offset, "\n"); // a comment may follow on the line
    add_edit(edits, high, offset, 0,
             xasprintf("\n%*s%s: %.4g", (int)parameter->item_mark.column - 1, "", key, value));
}

static void put_number(struct edits *edits, const struct parameter *parameter,
                       const struct mark *mark, const char *key, double value)
{
    double rounded = round(value * 1e4) / 1e4; // a tenth of a permille says enough
    if (parameter_is_at(mark, &parameter->item_mark)) {
        insert_number(edits, parameter, key, rounded);
    } else {
        replace_number(edits, mark, key, rounded);
    }
}

// By file, then from its end to its beginning, so that offsets stay right. Of two insertions at the
// same place the one that was added first comes first in the file: it is made last.
static int compare_edits(const void *a, const void *b)
{
    const struct edit *one = a;
    const struct edit *other = b;
    int order = strcmp(one->file, other->file);
    if (order != 0) {
        return order;
    }
    if (one->offset != other->offset) {
        return one->offset < other->offset ? 1 : -1;
    }
    return strcmp(one->text,
                  other->text); // left_out before residual: made first, so it stands behind
}

static char *apply(char *text, const struct edit *edit)
{
    char *changed = xasprintf("%.*s%s%s", (int)edit->offset, text, edit->text,
                              text + edit->offset + edit->bytes);
    free(text);
    return changed;
}

// All edits of one file, which are neighbours.
static bool write_file(const struct edit *edits, uint32_t count, struct err *err)
{
    char *text = xstrdup(edits[0].mark->source->text);
    for (uint32_t i = 0; i < count; i++) {
        text = apply(text, &edits[i]);
    }
    struct output_file file;
    bool is_written = output_file_open(&file, edits[0].file);
    if (is_written) {
        fputs(text, file.stream); // its errors are the stream's, which the commit sees
        is_written = output_file_commit(&file);
    }
    if (!is_written) {
        err_at(err, NULL, "%s: cannot write the fitted values: %s", edits[0].file, strerror(errno));
    }
    free(text);
    return is_written;
}

static bool write_files(struct edits *edits)
{
    bool is_written = true;
    qsort(edits->edits, edits->count, sizeof(*edits->edits), compare_edits);
    for (uint32_t i = 0, next; is_written && i < edits->count; i = next) {
        for (next = i + 1;
             next < edits->count && strcmp(edits->edits[next].file, edits->edits[i].file) == 0;) {
            next++;
        }
        is_written = write_file(&edits->edits[i], next - i, edits->err);
    }
    return is_written;
}

bool calibration_write(const struct calibration *calibration, struct err *err)
{
    size_t faults = err_count(err);
    struct edits edits = {
        .edits =
            xcalloc((size_t)calibration->count * EDITS_PER_PARAMETER + 1, sizeof(*edits.edits)),
        .err = err,
    };
    for (uint32_t i = 0; i < calibration->count; i++) {
        const struct calibrated *calibrated = &calibration->calibrated[i];
        const struct parameter *parameter = calibrated->parameter;
        if (calibrated->value != parameter->value) { // else it keeps the way it is written
            replace_number(&edits, &parameter->value_mark, parameter->key, calibrated->value);
        }
        put_number(&edits, parameter, &parameter->residual_mark, "residual", calibrated->residual);
        put_number(&edits, parameter, &parameter->left_out_mark, "left_out", calibrated->left_out);
    }
    bool is_written = err_count(err) == faults && write_files(&edits);
    for (uint32_t i = 0; i < edits.count; i++) {
        free(edits.edits[i].text);
    }
    free(edits.edits);
    return is_written;
}
