// Points of a store as a table on the terminal.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/export.h"
#include "report/table.h"
#include "sim/err.h"
#include "sim/fingerprint.h"
#include "sim/units.h"

#define SETTING_CHARACTERS 28u // of a swept value; a longer one is cut
#define SETTING_HASH_DIGITS 4u // behind the cut
#define REASONS_SHOWN 8u       // different ones; a sweep may have thousands of points

struct printer {
    const struct export *export;
    struct table *table;
    bool has_steps, has_samples, has_bands, has_sweeps;
    bool has_baselines;
    const char *baseline; // of every row; NULL: they differ
};

static bool are_equal_texts(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void look_at(struct printer *printer, const struct export_machine *machine)
{
    printer->has_steps |= !isnan(machine->step_seconds) || !machine->fits;
    printer->has_samples |= !isnan(machine->samples_per_second);
    printer->has_bands |= !isnan(machine->error_band);
    if (machine->over != NULL) {
        bool is_same = !printer->has_baselines || are_equal_texts(printer->baseline, machine->over);
        printer->baseline = is_same ? machine->over : NULL;
        printer->has_baselines = true;
    }
}

static void look_through(struct printer *printer)
{
    const struct export *export = printer->export;
    for (uint32_t i = 0; i < export->point_count; i++) {
        printer->has_sweeps |= strcmp(export->points[i].sweep, export->points[0].sweep) != 0;
        printer->has_steps |= export->points[i].machine_count == 0;
        for (uint32_t j = 0; j < export->points[i].machine_count; j++) {
            look_at(printer, &export->points[i].machines[j]);
        }
    }
}

// --- rows ---------------------------------------------------------------------------------------
// "max_activity" of "network.max_activity", if no other path ends so.
static const char *short_path(const struct export *export, const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *tail = dot == NULL ? path : dot + 1;
    for (uint32_t i = 0; i < export->path_count; i++) {
        const char *other = export->paths[i].path;
        const char *other_dot = strrchr(other, '.');
        if (strcmp(other, path) != 0 &&
            strcmp(other_dot == NULL ? other : other_dot + 1, tail) == 0) {
            return path;
        }
    }
    return tail;
}

// "seconds" of a microbenchmark stand in the column of times already.
static bool is_quantity_shown(const char *name)
{
    return strcmp(name, "seconds") != 0;
}

static void add_result_headings(struct printer *printer)
{
    struct table *table = printer->table;
    if (printer->has_steps) {
        table_add(table, printer->has_samples ? "step" : "time");
    }
    if (printer->has_samples) {
        table_add(table, "samples/s");
    }
    if (printer->has_bands) {
        table_add(table, "band");
    }
    if (printer->has_baselines && printer->baseline != NULL) {
        table_add(table, "over %s", printer->baseline);
    } else if (printer->has_baselines) {
        table_add(table, "speed-up");
        table_add(table, "over");
    }
    for (uint32_t i = 0; i < printer->export->quantity_count; i++) {
        if (is_quantity_shown(printer->export->quantities[i])) {
            table_add(table, "%s", printer->export->quantities[i]);
        }
    }
}

// Columns before the results: point, sweep, settings, machine.
static uint32_t count_leading(const struct printer *printer)
{
    return 2 + printer->has_sweeps + printer->export->path_count;
}

static uint32_t count_columns(const struct printer *printer)
{
    uint32_t columns = count_leading(printer) + printer->has_steps + printer->has_samples +
                       printer->has_bands + printer->has_baselines +
                       (printer->has_baselines && printer->baseline == NULL);
    for (uint32_t i = 0; i < printer->export->quantity_count; i++) {
        columns += is_quantity_shown(printer->export->quantities[i]);
    }
    return columns;
}

// "machines.0.chip.exchange.islands_per_column" is "machines.0~islands_per_column".
static void add_path_heading(struct table *table, const char *path)
{
    const char *dot = strchr(path, '.');
    const char *second = dot == NULL ? NULL : strchr(dot + 1, '.');
    const char *last = strrchr(path, '.');
    if (strlen(path) <= SETTING_CHARACTERS || second == NULL || second == last) {
        table_add(table, "%s", path);
    } else {
        table_add(table, "%.*s~%s", (int)(second - path), path, last + 1);
    }
}

static void add_headings(struct printer *printer)
{
    const struct export *export = printer->export;
    printer->table = table_create(count_columns(printer));
    table_align_left(printer->table, count_leading(printer) - 1);
    table_add(printer->table, "point");
    if (printer->has_sweeps) {
        table_add(printer->table, "sweep");
    }
    for (uint32_t i = 0; i < export->path_count; i++) {
        const struct export_path *path = &export->paths[i];
        if (path->label != NULL) {
            table_add(printer->table, "%s", path->label);
        } else {
            add_path_heading(printer->table, short_path(export, path->path));
        }
    }
    table_add(printer->table, "machine");
    add_result_headings(printer);
}

static void add_number(struct table *table, const char *before, double value, const char *after)
{
    if (isnan(value)) {
        table_add(table, "-");
    } else {
        table_add(table, "%s%.3g%s", before, value, after);
    }
}

static void add_time(struct table *table, const struct export_machine *machine)
{
    if (!machine->fits) {
        table_add(table, machine->name == NULL ? "failed" : "does not fit");
    } else if (isnan(machine->step_seconds)) {
        table_add(table, "-");
    } else {
        table_add_seconds(table, machine->step_seconds);
    }
}

static void add_results(struct printer *printer, const struct export_machine *machine)
{
    struct table *table = printer->table;
    if (printer->has_steps) {
        add_time(table, machine);
    }
    if (printer->has_samples && isnan(machine->samples_per_second)) {
        table_add(table, "-");
    } else if (printer->has_samples) {
        table_add_count(table, machine->samples_per_second);
    }
    if (printer->has_bands) {
        add_number(table, "+-", 100 * machine->error_band, " %");
    }
    if (printer->has_baselines) {
        add_number(table, "", machine->speedup, "x");
    }
    if (printer->has_baselines && printer->baseline == NULL) {
        table_add(table, "%s", machine->over == NULL ? "-" : machine->over);
    }
    for (uint32_t i = 0; i < printer->export->quantity_count; i++) {
        const char *name = printer->export->quantities[i];
        const json_t *value = json_object_get(machine->quantities, name);
        if (is_quantity_shown(name)) {
            table_add(table, value == NULL ? "-" : "%.6g", json_number_value(value));
        }
    }
}

// A file by its name, a number by its first digits, what is long by its first characters. Values
// that differ behind them do not look alike: the last characters are a hash.
static void add_setting(struct table *table, const json_t *value)
{
    if (json_is_real(value)) {
        table_add(table, "%.6g", json_number_value(value));
        return;
    }
    char *text = value == NULL ? xstrdup("") : export_value_text(value);
    const char *slash = json_is_string(value) ? strrchr(text, '/') : NULL;
    const char *shown = slash == NULL || slash[1] == '\0' ? text : slash + 1;
    if (strlen(shown) <= SETTING_CHARACTERS) {
        table_add(table, "%s", shown);
    } else {
        char hash[FINGERPRINT_BYTES];
        size_t kept = SETTING_CHARACTERS - SETTING_HASH_DIGITS - 1;
        while (kept > 0 && ((unsigned char)shown[kept] & 0xc0) == 0x80) {
            kept--; // not within a character
        }
        fingerprint(text, hash);
        const char *digits = hash + FINGERPRINT_BYTES - 1 - SETTING_HASH_DIGITS;
        table_add(table, "%.*s~%s", (int)kept, shown, digits);
    }
    free(text);
}

static void add_row(struct printer *printer, const struct export_point *point,
                    const struct export_machine *machine)
{
    const struct export *export = printer->export;
    struct table *table = printer->table;
    table_add(table, "%u%s", point->number, point->is_superseded ? " old" : "");
    if (printer->has_sweeps) {
        table_add(table, "%s", point->sweep);
    }
    for (uint32_t i = 0; i < export->path_count; i++) {
        const json_t *value = json_object_get(point->settings, export->paths[i].path);
        add_setting(table, value);
    }
    table_add(table, "%s", machine->name == NULL ? "-" : machine->name);
    add_results(printer, machine);
}

// Quantities from the right, but for the first; baselines, bands, samples per second.
static void fit_to_terminal(struct printer *printer, uint32_t width)
{
    uint32_t columns = count_columns(printer);
    uint32_t *droppable = xcalloc(columns, sizeof(*droppable));
    uint32_t count = 0;
    uint32_t samples = count_leading(printer) + printer->has_steps;
    uint32_t bands = samples + printer->has_samples;
    uint32_t quantities = bands + printer->has_bands + printer->has_baselines +
                          (printer->has_baselines && printer->baseline == NULL);
    for (uint32_t i = columns; i-- > quantities + 1;) {
        droppable[count++] = i;
    }
    if (printer->has_baselines && printer->baseline == NULL) {
        droppable[count++] = quantities - 1;
    }
    if (printer->has_bands) {
        droppable[count++] = bands;
    }
    if (printer->has_samples) {
        droppable[count++] = samples;
    }
    table_fit(printer->table, width, droppable, count);
    free(droppable);
}

// --- what did not run ---------------------------------------------------------------------------
struct reason {                // of some points
    const char *machine, *why; // machine: NULL where the whole point failed
    uint32_t first, count;
};

struct reasons {
    struct reason *list; // owned
    uint32_t count;
};

static void add_reason(struct reasons *reasons, const struct export_point *point,
                       const struct export_machine *machine)
{
    const char *name = machine == NULL ? NULL : machine->name;
    const char *why = machine == NULL || machine->why == NULL ? point->why : machine->why;
    for (uint32_t i = 0; i < reasons->count; i++) {
        if (are_equal_texts(reasons->list[i].machine, name) &&
            are_equal_texts(reasons->list[i].why, why)) {
            reasons->list[i].count++;
            return;
        }
    }
    reasons->list = xrealloc(reasons->list, (reasons->count + 1) * sizeof(*reasons->list));
    reasons->list[reasons->count++] = (struct reason){name, why, point->number, 1};
}

// What a machine says of its energy has nothing to do with what does not fit.
static int reason_length(const char *why)
{
    const char *rest = strstr(why, "; energy_joules: ");
    return (int)(rest == NULL ? strlen(why) : (size_t)(rest - why));
}

static void print_reasons(const struct export *export, FILE *stream)
{
    struct reasons reasons = {NULL, 0};
    for (uint32_t i = 0; i < export->point_count; i++) {
        const struct export_point *point = &export->points[i];
        for (uint32_t j = 0; j < point->machine_count; j++) {
            if (!point->machines[j].fits) {
                add_reason(&reasons, point, &point->machines[j]);
            }
        }
        if (point->machine_count == 0 && point->status != POINT_DONE) {
            add_reason(&reasons, point, NULL);
        }
    }
    for (uint32_t i = 0; i < reasons.count && i < REASONS_SHOWN; i++) {
        const struct reason *reason = &reasons.list[i];
        fprintf(stream, "%s  point %u", i == 0 ? "\n" : "", reason->first);
        if (reason->count > 1) {
            fprintf(stream, " and %u more", reason->count - 1);
        }
        const char *why = reason->why == NULL ? "no reason is known" : reason->why;
        fprintf(stream, "%s%s: %.*s\n", reason->machine == NULL ? "" : ", ",
                reason->machine == NULL ? "" : reason->machine, reason_length(why), why);
    }
    if (reasons.count > REASONS_SHOWN) {
        fprintf(stream, "  and %u more reasons: the column `why` of --csv has them all\n",
                reasons.count - REASONS_SHOWN);
    }
    free(reasons.list);
}

static void print_summary(const struct export *export, FILE *stream, bool has_colour)
{
    uint32_t counts[3] = {0};
    for (uint32_t i = 0; i < export->point_count; i++) {
        counts[export->points[i].status]++;
    }
    char text[UNIT_TEXT_BYTES];
    fprintf(stream, "%s%s point%s", has_colour ? "\033[1m" : "",
            text_of_count(text, export->point_count), export->point_count == 1 ? "" : "s");
    if (counts[POINT_DOES_NOT_FIT] > 0) {
        fprintf(stream, ", %u with a machine that does not fit", counts[POINT_DOES_NOT_FIT]);
    }
    if (counts[POINT_FAILED] > 0) {
        fprintf(stream, ", %u failed", counts[POINT_FAILED]);
    }
    fprintf(stream, "%s\n", has_colour ? "\033[0m" : "");
}

void export_print(const struct export *export, FILE *stream, bool has_colour, uint32_t width)
{
    print_summary(export, stream, has_colour);
    if (export->point_count == 0) {
        return;
    }
    struct printer printer = {.export = export};
    look_through(&printer);
    add_headings(&printer);
    for (uint32_t i = 0; i < export->point_count; i++) {
        const struct export_point *point = &export->points[i];
        for (uint32_t j = 0; j < point->machine_count; j++) {
            add_row(&printer, point, &point->machines[j]);
        }
        if (point->machine_count == 0) {
            struct export_machine none = export_no_machine();
            add_row(&printer, point, &none);
        }
    }
    fit_to_terminal(&printer, width);
    table_print(printer.table, stream, has_colour);
    table_destroy(printer.table);
    print_reasons(export, stream);
}
