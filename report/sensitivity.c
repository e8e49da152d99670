#include "report/sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/table.h"
#include "sim/err.h"

#define SPEEDUP_VALUES 3u // listed of each speed-up

static bool is_shown(const struct result_sensitivity *sensitivity)
{
    return !(fabs(sensitivity->change_low) < SENSITIVITY_SHOWN &&
             fabs(sensitivity->change_high) < SENSITIVITY_SHOWN); // NaN: it does not run there
}

// --- tables -------------------------------------------------------------------------------------
static void add_change(struct table *table, double change)
{
    if (isnan(change)) {
        table_add(table, "does not run");
    } else {
        table_add(table, "%+.1f %%", change * 100);
    }
}

static void add_row(struct table *table, const struct result_sensitivity *sensitivity)
{
    bool is_fitted = sensitivity->fitted_to != NULL;
    table_add(table, "  %s", sensitivity->key);
    table_add(table, "%.4g", sensitivity->value);
    table_add(table, "%.4g..%.4g", sensitivity->low, sensitivity->high);
    add_change(table, sensitivity->change_low);
    add_change(table, sensitivity->change_high);
    table_add(table, "%s%s", is_fitted ? "fitted to " : "guess",
              is_fitted ? sensitivity->fitted_to : "");
    table_add(table, "%s", sensitivity->of);
}

static void print_machine(const struct result_machine *machine, FILE *stream, bool has_colour)
{
    static const char *const headings[] = {"value",   "range",      "at low",
                                           "at high", "known from", "file of"};
    uint32_t columns = 1 + sizeof(headings) / sizeof(headings[0]);
    uint32_t shown = 0;
    struct table *table = table_create(columns);
    table_add(table, "%s", machine->name);
    for (uint32_t i = 0; i + 1 < columns; i++) {
        table_add(table, "%s", headings[i]);
    }
    for (uint32_t i = 0; i < machine->sensitivity_count; i++) {
        if (is_shown(&machine->sensitivity[i])) {
            add_row(table, &machine->sensitivity[i]);
            shown++;
        }
    }
    if (shown > 0) {
        table_print(table, stream, has_colour);
    } else {
        fprintf(stream, "  %s\n", machine->name);
    }
    table_destroy(table);
    uint32_t rest = machine->sensitivity_count - shown;
    if (rest > 0) {
        fprintf(stream, "    %s%u uncertain %s it by less than %.1f %%\n", shown > 0 ? "and " : "",
                rest, rest == 1 ? "value moves" : "values move", SENSITIVITY_SHOWN * 100);
    } else if (shown == 0) {
        fputs("    no file that it uses marks a value as uncertain\n", stream);
    }
    fputc('\n', stream);
}

void sensitivity_print(const struct result *result, FILE *stream, bool has_colour)
{
    if (result->sensitivity_of == NULL) {
        return;
    }
    fprintf(stream,
            has_colour ? "\n\033[1mSensitivity\033[0m of %s: %s\n" : "\nSensitivity of %s: %s\n",
            result->sensitivity_of,
            "each uncertain value moved to the ends of its range, all else equal");
    for (uint32_t i = 0; i < result->machine_count; i++) {
        if (result->machines[i].fits) {
            print_machine(&result->machines[i], stream, has_colour);
        }
    }
}

// --- JSON ---------------------------------------------------------------------------------------
static json_t *real_or_null(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *entry_to_json(const struct result_sensitivity *sensitivity)
{
    const char *fitted_to = sensitivity->fitted_to;
    double nothing = RESULT_NOTHING;
    json_t *object = json_object();
    json_object_set_new(object, "key", json_string(sensitivity->key));
    json_object_set_new(object, "of", json_string(sensitivity->of));
    json_object_set_new(object, "fitted_to",
                        fitted_to == NULL ? json_null() : json_string(fitted_to));
    json_object_set_new(object, "value", json_real(sensitivity->value));
    json_object_set_new(object, "low", json_real(sensitivity->low));
    json_object_set_new(object, "high", json_real(sensitivity->high));
    json_object_set_new(object, "at_low",
                        real_or_null(sensitivity->at_low == nothing ? NAN : sensitivity->at_low));
    json_object_set_new(object, "at_high",
                        real_or_null(sensitivity->at_high == nothing ? NAN : sensitivity->at_high));
    json_object_set_new(object, "change_low", real_or_null(sensitivity->change_low));
    json_object_set_new(object, "change_high", real_or_null(sensitivity->change_high));
    return object;
}

json_t *sensitivity_to_json(const struct result_machine *machine)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < machine->sensitivity_count; i++) {
        json_array_append_new(array, entry_to_json(&machine->sensitivity[i]));
    }
    return array;
}

struct influence { // of one value on a speed-up
    const struct result_machine *machine;
    const struct result_sensitivity *entry;
    double at_low, at_high; // the ratio
};

static const struct result_machine *machine_named(const struct result *result, const char *name)
{
    for (uint32_t i = 0; i < result->machine_count; i++) {
        if (strcmp(result->machines[i].name, name) == 0) {
            return &result->machines[i];
        }
    }
    return NULL;
}

// The same value of the experiment on another machine; NULL: it is not the experiment's.
static const struct result_sensitivity *same_of(const struct result_machine *machine,
                                                const struct result_sensitivity *entry)
{
    for (uint32_t i = 0; strcmp(entry->of, "experiment") == 0 && i < machine->sensitivity_count;
         i++) {
        const struct result_sensitivity *other = &machine->sensitivity[i];
        if (strcmp(other->of, "experiment") == 0 && strcmp(other->key, entry->key) == 0) {
            return other;
        }
    }
    return NULL;
}

static int compare_influences(const void *a, const void *b)
{
    const struct influence *one = a;
    const struct influence *other = b;
    double difference =
        fabs(log(other->at_high / other->at_low)) - fabs(log(one->at_high / one->at_low));
    if (difference > 0 || difference < 0) {
        return difference > 0 ? 1 : -1;
    }
    return strcmp(one->entry->key, other->entry->key);
}

// Those of `over` that also move `of` are taken once, with `of`.
static uint32_t list_influences(const struct result_machine *of, const struct result_machine *over,
                                double ratio, struct influence *list)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < of->sensitivity_count + over->sensitivity_count; i++) {
        bool is_of = i < of->sensitivity_count;
        const struct result_sensitivity *entry =
            is_of ? &of->sensitivity[i] : &over->sensitivity[i - of->sensitivity_count];
        const struct result_sensitivity *same = same_of(is_of ? over : of, entry);
        struct influence influence = {is_of ? of : over, entry, ratio, ratio};
        double sign = is_of ? -1 : 1; // a slower `of` lowers the ratio
        influence.at_low *= pow(1 + entry->change_low, sign);
        influence.at_high *= pow(1 + entry->change_high, sign);
        if (same != NULL) {
            influence.at_low *= pow(1 + same->change_low, -sign);
            influence.at_high *= pow(1 + same->change_high, -sign);
        }
        bool is_known = isfinite(influence.at_low) && isfinite(influence.at_high);
        if (is_known && (is_of || same == NULL)) {
            list[count++] = influence;
        }
    }
    return count;
}

json_t *sensitivity_of_speedup_to_json(const struct result *result,
                                       const struct result_speedup *speedup)
{
    const struct result_machine *of = machine_named(result, speedup->of);
    const struct result_machine *over = machine_named(result, speedup->over);
    json_t *array = json_array();
    if (of == NULL || over == NULL) {
        return array;
    }
    struct influence *list =
        xcalloc((size_t)of->sensitivity_count + over->sensitivity_count + 1, sizeof(*list));
    uint32_t count = list_influences(of, over, speedup->ratio, list);
    qsort(list, count, sizeof(*list), compare_influences);
    for (uint32_t i = 0; i < count && i < SPEEDUP_VALUES; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "machine", json_string(list[i].machine->name));
        json_object_set_new(object, "of", json_string(list[i].entry->of));
        json_object_set_new(object, "key", json_string(list[i].entry->key));
        json_object_set_new(object, "ratio_at_low", json_real(list[i].at_low));
        json_object_set_new(object, "ratio_at_high", json_real(list[i].at_high));
        json_array_append_new(array, object);
    }
    free(list);
    return array;
}
