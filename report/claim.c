#include "report/claim.h"

#include <stdlib.h>
#include <string.h>

#include "report/table.h"
#include "sim/err.h"

struct speedups {   // of one tile machine over one GPU program, over all points where both run
    double *ratios; // owned; sorted
    uint32_t count;
    const struct claim_point *least, *most; // where
};

void claim_result_free(struct claim_result *result)
{
    free(result->points);
    *result = (struct claim_result){0};
}

static bool runs(const struct claim_point *point, uint32_t machine)
{
    return point->why[0] == '\0' && machine < point->machine_count && point->machines[machine].fits;
}

static double ratio_of(const struct claim_point *point, uint32_t of, uint32_t over)
{
    return point->machines[over].step_seconds / point->machines[of].step_seconds;
}

static int compare_reals(const void *a, const void *b)
{
    double one = *(const double *)a;
    double other = *(const double *)b;
    return (one > other) - (one < other);
}

static struct speedups speedups_of(const struct claim_result *result, uint32_t of, uint32_t over)
{
    struct speedups speedups = {xcalloc(result->point_count + 1, sizeof(double)), 0, NULL, NULL};
    for (uint32_t i = 0; i < result->point_count; i++) {
        const struct claim_point *point = &result->points[i];
        if (!runs(point, of) || !runs(point, over)) {
            continue;
        }
        double ratio = ratio_of(point, of, over);
        if (speedups.least == NULL || ratio < ratio_of(speedups.least, of, over)) {
            speedups.least = point;
        }
        if (speedups.most == NULL || ratio > ratio_of(speedups.most, of, over)) {
            speedups.most = point;
        }
        speedups.ratios[speedups.count++] = ratio;
    }
    qsort(speedups.ratios, speedups.count, sizeof(double), compare_reals);
    return speedups;
}

static uint32_t count_from(const struct speedups *speedups, double least)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < speedups->count; i++) {
        count += speedups->ratios[i] >= least;
    }
    return count;
}

// --- tables -------------------------------------------------------------------------------------
static const char *short_name(const struct claim_machine *machine) // "b0"
{
    const char *slash = strrchr(machine->name, '/');
    return slash == NULL ? machine->name : slash + 1;
}

// Cells of one tile machine: over each GPU program, and its own time. point: NULL for the headings.
static void add_cells(struct table *table, const struct claim_point *first,
                      const struct claim_point *point, uint32_t of)
{
    for (uint32_t over = 0; over < first->machine_count; over++) {
        if (first->machines[over].is_tiles) {
            continue;
        }
        if (point == NULL) {
            table_add(table, "%s", short_name(&first->machines[over]));
        } else if (runs(point, of) && runs(point, over)) {
            table_add(table, "%.2f", ratio_of(point, of, over));
        } else {
            table_add(table, "-");
        }
    }
    if (point == NULL) {
        table_add(table, "%s |", first->machines[of].name);
    } else if (runs(point, of)) {
        table_add(table, "%.2f ms |", point->machines[of].step_seconds * 1e3);
    } else {
        table_add(table, "- |");
    }
}

static void add_line(struct table *table, const struct claim_point *first,
                     const struct claim_point *point)
{
    table_add(table, "%s", point == NULL ? "times as fast as" : point->id);
    for (uint32_t of = 0; of < first->machine_count; of++) {
        if (first->machines[of].is_tiles) {
            add_cells(table, first, point, of);
        }
    }
}

static void print_points(const struct claim_result *result, FILE *stream, bool has_colour)
{
    const struct claim_point *first = &result->points[0];
    uint32_t tiles = 0;
    for (uint32_t i = 0; i < first->machine_count; i++) {
        tiles += first->machines[i].is_tiles;
    }
    struct table *table = table_create(1 + tiles * (first->machine_count - tiles + 1));
    add_line(table, first, NULL);
    for (uint32_t i = 0; i < result->point_count; i++) {
        add_line(table, first, &result->points[i]);
    }
    table_print(table, stream, has_colour);
    table_destroy(table);
    fputc('\n', stream);
}

static void add_summary(const struct claim_result *result, struct table *table, uint32_t of,
                        uint32_t over)
{
    const struct claim_point *first = &result->points[0];
    struct speedups speedups = speedups_of(result, of, over);
    table_add(table, "%s over %s", first->machines[of].name, first->machines[over].name);
    table_add(table, "%u", speedups.count);
    if (speedups.count == 0) {
        for (uint32_t i = 0; i < 3; i++) {
            table_add(table, "-");
        }
    } else {
        table_add(table, "%.2f", speedups.ratios[0]);
        table_add(table, "%.2f", speedups.ratios[speedups.count / 2]);
        table_add(table, "%.2f", speedups.ratios[speedups.count - 1]);
    }
    for (uint32_t i = 0; i < result->claimed_count; i++) {
        table_add(table, "%u", count_from(&speedups, result->claimed[i]));
    }
    table_add(table, "%s", speedups.most == NULL ? "-" : speedups.most->id);
    free(speedups.ratios);
}

static void print_summary(const struct claim_result *result, FILE *stream, bool has_colour)
{
    const struct claim_point *first = &result->points[0];
    struct table *table = table_create(6 + result->claimed_count);
    table_add(table, "times as fast");
    table_add(table, "points");
    table_add(table, "least");
    table_add(table, "median");
    table_add(table, "most");
    for (uint32_t i = 0; i < result->claimed_count; i++) {
        table_add(table, "%u and more", result->claimed[i]);
    }
    table_add(table, "most at");
    for (uint32_t of = 0; of < first->machine_count; of++) {
        for (uint32_t over = 0; over < first->machine_count; over++) {
            if (first->machines[of].is_tiles && !first->machines[over].is_tiles) {
                add_summary(result, table, of, over);
            }
        }
    }
    table_print(table, stream, has_colour);
    table_destroy(table);
}

// --- words --------------------------------------------------------------------------------------
static void say_met(const struct claim_result *result, FILE *stream, uint32_t of)
{
    const struct claim_point *first = &result->points[0];
    uint32_t least = result->claimed[0];
    for (uint32_t over = 0; over < first->machine_count; over++) {
        if (first->machines[over].is_tiles) {
            continue;
        }
        struct speedups speedups = speedups_of(result, of, over);
        uint32_t met = count_from(&speedups, least);
        if (speedups.count > 0) {
            fprintf(stream, "  %s over %s: ", first->machines[of].name, first->machines[over].name);
            if (met == 0) {
                fprintf(stream, "%u x is met nowhere (at most %.1f x, %s).\n", least,
                        speedups.ratios[speedups.count - 1], speedups.most->id);
            } else {
                fprintf(stream, "%u x is met at %u of %u points, at most %.1f x (%s).\n", least,
                        met, speedups.count, speedups.ratios[speedups.count - 1],
                        speedups.most->id);
            }
        }
        free(speedups.ratios);
    }
}

static void say_where_time_goes(FILE *stream, const struct claim_point *point, uint32_t machine)
{
    const struct claim_machine *at = &point->machines[machine];
    if (!runs(point, machine)) {
        return;
    }
    double percent = 100 / at->step_seconds;
    fprintf(stream, "  %s at %s, %.2f ms: compute %.0f %%", at->name, point->id,
            at->step_seconds * 1e3, at->compute * percent);
    if (at->is_tiles) {
        fprintf(stream, ", exchange %.0f %%, sync %.0f %%; most of it %s, %.0f %%.\n",
                at->exchange * percent, at->sync * percent, at->largest, at->largest_part * 100);
    } else {
        fprintf(stream, ", launches %.0f %%, the framework's loop %.0f %%.\n", at->launch * percent,
                at->loop * percent);
    }
}

// Over the first GPU program: where tiles gain most and least, and what each side does there.
static void say_why(const struct claim_result *result, FILE *stream, uint32_t of)
{
    const struct claim_point *first = &result->points[0];
    uint32_t over = 0;
    while (over < first->machine_count && first->machines[over].is_tiles) {
        over++;
    }
    struct speedups speedups = speedups_of(result, of, over);
    if (speedups.count > 0) {
        say_where_time_goes(stream, speedups.most, of);
        say_where_time_goes(stream, speedups.least, of);
        for (uint32_t gpu = over; gpu < first->machine_count; gpu++) {
            say_where_time_goes(stream, speedups.most, gpu);
        }
    }
    free(speedups.ratios);
}

// What a GPU program would have to take for the claim, beside the slowest that is modelled.
static void say_what_is_needed(const struct claim_result *result, FILE *stream, uint32_t of)
{
    const struct claim_point *fastest = NULL;
    for (uint32_t i = 0; i < result->point_count; i++) {
        const struct claim_point *point = &result->points[i];
        if (runs(point, of) && (fastest == NULL || point->machines[of].step_seconds <
                                                       fastest->machines[of].step_seconds)) {
            fastest = point;
        }
    }
    if (fastest == NULL) {
        return;
    }
    const struct claim_machine *machine = &fastest->machines[of];
    const struct claim_machine *slowest = NULL;
    for (uint32_t i = 0; i < fastest->machine_count; i++) {
        const struct claim_machine *gpu = &fastest->machines[i];
        if (!gpu->is_tiles && runs(fastest, i) &&
            (slowest == NULL || gpu->step_seconds > slowest->step_seconds)) {
            slowest = gpu;
        }
    }
    fprintf(stream, "  At %s, the fastest of %s (%.2f ms)", fastest->id, machine->name,
            machine->step_seconds * 1e3);
    for (uint32_t i = 0; i < result->claimed_count; i++) {
        fprintf(stream, ", %u x %s %.0f ms", result->claimed[i],
                i == 0 ? "asks for a GPU program of" : "for one of",
                result->claimed[i] * machine->step_seconds * 1e3);
    }
    if (slowest != NULL) {
        fprintf(stream, "; the slowest one modelled, %s, takes %.1f ms", slowest->name,
                slowest->step_seconds * 1e3);
    }
    fputs(".\n", stream);
}

static void say_what_does_not_run(const struct claim_result *result, FILE *stream)
{
    const struct claim_point *first = &result->points[0];
    for (uint32_t machine = 0; machine < first->machine_count; machine++) {
        const char *separator = "";
        for (uint32_t i = 0; i < result->point_count; i++) {
            const struct claim_point *point = &result->points[i];
            if (point->why[0] == '\0' && !runs(point, machine)) {
                if (*separator == '\0') {
                    fprintf(stream, "  %s does not fit: ", first->machines[machine].name);
                }
                fprintf(stream, "%s%s", separator, point->id);
                separator = ", ";
            }
        }
        fputs(*separator == '\0' ? "" : "\n", stream);
    }
    for (uint32_t i = 0; i < result->point_count; i++) {
        if (result->points[i].why[0] != '\0') {
            fprintf(stream, "  %s: %s\n", result->points[i].id, result->points[i].why);
        }
    }
}

void claim_result_print(const struct claim_result *result, FILE *stream, bool has_colour,
                        bool has_points)
{
    if (result->point_count == 0) {
        return;
    }
    fprintf(stream, has_colour ? "\n\033[1mclaim\033[0m (%s)\n" : "\nclaim (%s)\n", result->source);
    if (has_points) {
        print_points(result, stream, has_colour);
    }
    print_summary(result, stream, has_colour);
    for (uint32_t of = 0; of < result->points[0].machine_count; of++) {
        if (result->points[0].machines[of].is_tiles) {
            say_met(result, stream, of);
        }
    }
    say_why(result, stream, 0);
    say_what_is_needed(result, stream, 0);
    say_what_does_not_run(result, stream);
    fputs("  No time behind the claim was published, and nothing is fitted to it.\n", stream);
}

// --- JSON ---------------------------------------------------------------------------------------
static json_t *machine_to_json(const struct claim_machine *machine)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(machine->name));
    json_object_set_new(object, "step_seconds",
                        machine->fits ? json_real(machine->step_seconds) : json_null());
    return object;
}

static json_t *speedups_to_json(const struct claim_point *point)
{
    json_t *array = json_array();
    for (uint32_t of = 0; of < point->machine_count; of++) {
        for (uint32_t over = 0; over < point->machine_count; over++) {
            if (point->machines[of].is_tiles && !point->machines[over].is_tiles &&
                runs(point, of) && runs(point, over)) {
                json_t *object = json_object();
                json_object_set_new(object, "of", json_string(point->machines[of].name));
                json_object_set_new(object, "over", json_string(point->machines[over].name));
                json_object_set_new(object, "ratio", json_real(ratio_of(point, of, over)));
                json_array_append_new(array, object);
            }
        }
    }
    return array;
}

json_t *claim_result_to_json(const struct claim_result *result)
{
    json_t *object = json_object();
    json_t *claimed = json_array();
    json_t *points = json_array();
    for (uint32_t i = 0; i < result->claimed_count; i++) {
        json_array_append_new(claimed, json_integer(result->claimed[i]));
    }
    for (uint32_t i = 0; i < result->point_count; i++) {
        const struct claim_point *point = &result->points[i];
        json_t *entry = json_object();
        json_t *machines = json_array();
        for (uint32_t j = 0; j < point->machine_count; j++) {
            json_array_append_new(machines, machine_to_json(&point->machines[j]));
        }
        json_object_set_new(entry, "series", json_string(point->series));
        json_object_set_new(entry, "id", json_string(point->id));
        json_object_set_new(entry, "machines", machines);
        json_object_set_new(entry, "speedups", speedups_to_json(point));
        json_object_set_new(entry, "why",
                            point->why[0] == '\0' ? json_null() : json_string(point->why));
        json_array_append_new(points, entry);
    }
    json_object_set_new(object, "claimed", claimed);
    json_object_set_new(object, "source",
                        result->source == NULL ? json_null() : json_string(result->source));
    json_object_set_new(object, "points", points);
    return object;
}
