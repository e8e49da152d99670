// Points of a store as files for other programs: CSV (RFC 4180) and JSON.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/export.h"
#include "sim/err.h"

// --- CSV --------------------------------------------------------------------------------------
struct csv {
    FILE *stream;
    bool is_in_row; // a field of the row was written
};

static void csv_text(struct csv *csv, const char *text)
{
    fputs(csv->is_in_row ? "," : "", csv->stream);
    csv->is_in_row = true;
    if (text == NULL) {
        return;
    }
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, csv->stream);
        return;
    }
    fputc('"', csv->stream);
    for (; *text != '\0'; text++) {
        fputs(*text == '"' ? "\"" : "", csv->stream);
        fputc(*text, csv->stream);
    }
    fputc('"', csv->stream);
}

// All digits that the number needs to be read back as it is, and no more. NAN: an empty field.
static void csv_number(struct csv *csv, double value)
{
    char text[32] = "";
    for (int digits = 15; !isnan(value) && digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    csv_text(csv, text);
}

static void csv_end_row(struct csv *csv)
{
    fputs("\r\n", csv->stream);
    csv->is_in_row = false;
}

static const char *const breakdown_names[] = {"compute", "exchange", "sync", "links", "memory",
                                              "host",    "launch",   "loop", NULL};

static void csv_heading(struct csv *csv, const struct export *export)
{
    const char *const before[] = {"sweep", "number", "status", "why", NULL};
    const char *const machine[] = {
        "machine",     "kind",         "hardware",           "fits",
        "machine_why", "step_seconds", "samples_per_second", "error_band",
        "speedup",     "speedup_over", "speedup_error_band", NULL};
    const char *const counts[] = {"bound",
                                  "chips",
                                  "replicas",
                                  "checkpointing",
                                  "cycles_per_training_step",
                                  "supersteps_per_training_step",
                                  "tiles_used",
                                  "sram_max_bytes",
                                  "sram_limit_bytes",
                                  NULL};
    const char *const after[] = {"seed",       "version",     "git",
                                 "superseded", "run_seconds", "run_peak_rss_bytes",
                                 "finished",   "key",         NULL};
    for (uint32_t i = 0; before[i] != NULL; i++) {
        csv_text(csv, before[i]);
    }
    for (uint32_t i = 0; i < export->path_count; i++) {
        csv_text(csv, export->paths[i].path);
    }
    for (uint32_t i = 0; machine[i] != NULL; i++) {
        csv_text(csv, machine[i]);
    }
    for (uint32_t i = 0; breakdown_names[i] != NULL; i++) {
        char *name = xasprintf("%s_seconds", breakdown_names[i]);
        csv_text(csv, name);
        free(name);
    }
    for (uint32_t i = 0; counts[i] != NULL; i++) {
        csv_text(csv, counts[i]);
    }
    for (uint32_t i = 0; i < export->quantity_count; i++) {
        csv_text(csv, export->quantities[i]);
    }
    for (uint32_t i = 0; after[i] != NULL; i++) {
        csv_text(csv, after[i]);
    }
    csv_end_row(csv);
}

static double member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void csv_machine(struct csv *csv, const struct export *export,
                        const struct export_machine *machine)
{
    csv_text(csv, machine->name);
    csv_text(csv, machine->kind);
    csv_text(csv, machine->hardware);
    csv_text(csv, machine->name == NULL ? NULL : machine->fits ? "true" : "false");
    csv_text(csv, machine->why);
    csv_number(csv, machine->step_seconds);
    csv_number(csv, machine->samples_per_second);
    csv_number(csv, machine->error_band);
    csv_number(csv, machine->speedup);
    csv_text(csv, machine->over);
    csv_number(csv, machine->speedup_band);
    for (uint32_t i = 0; breakdown_names[i] != NULL; i++) {
        csv_number(csv, member(machine->breakdown, breakdown_names[i]));
    }
    csv_text(csv, machine->bound);
    csv_number(csv, machine->chips);
    csv_number(csv, machine->replicas);
    csv_text(csv, machine->checkpointing);
    csv_number(csv, machine->cycles);
    csv_number(csv, machine->supersteps);
    csv_number(csv, machine->tiles_used);
    csv_number(csv, machine->sram_max_bytes);
    csv_number(csv, machine->sram_limit_bytes);
    for (uint32_t i = 0; i < export->quantity_count; i++) {
        csv_number(csv, member(machine->quantities, export->quantities[i]));
    }
}

static void csv_row(struct csv *csv, const struct export *export, const struct export_point *point,
                    const struct export_machine *machine)
{
    csv_text(csv, point->sweep);
    csv_number(csv, point->number);
    csv_text(csv, point_status_name(point->status));
    csv_text(csv, point->why);
    for (uint32_t i = 0; i < export->path_count; i++) {
        const json_t *value = json_object_get(point->settings, export->paths[i].path);
        char *text = value == NULL ? NULL : export_value_text(value);
        csv_text(csv, text);
        free(text);
    }
    csv_machine(csv, export, machine);
    char seed[32];
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)point->seed);
    csv_text(csv, seed);
    csv_text(csv, point->version);
    csv_text(csv, point->git);
    csv_text(csv, point->is_superseded ? "true" : "false");
    csv_number(csv, point->run_seconds);
    csv_number(csv, (double)point->run_peak_rss_bytes);
    csv_text(csv, point->finished);
    csv_text(csv, point->key);
    csv_end_row(csv);
}

void export_write_csv(const struct export *export, FILE *stream)
{
    struct csv csv = {stream, false};
    csv_heading(&csv, export);
    for (uint32_t i = 0; i < export->point_count; i++) {
        const struct export_point *point = &export->points[i];
        for (uint32_t j = 0; j < point->machine_count; j++) {
            csv_row(&csv, export, point, &point->machines[j]);
        }
        if (point->machine_count == 0) {
            struct export_machine none = export_no_machine();
            csv_row(&csv, export, point, &none);
        }
    }
}

// --- JSON -------------------------------------------------------------------------------------
struct json_export {
    FILE *stream;
    uint32_t count;
};

static void json_member(FILE *stream, const char *name, json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    fprintf(stream, ", \"%s\": %s", name, text == NULL ? "null" : text);
    free(text);
    json_decref(value);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

// Settings, configuration and result are JSON already: the store refuses others.
static bool json_point(void *context, const struct store_point *point)
{
    struct json_export *json = context;
    FILE *stream = json->stream;
    fprintf(stream, "%s\n  {\"key\": \"%s\"", json->count++ == 0 ? "" : ",", point->key);
    json_member(stream, "sweep", text_or_null(point->sweep));
    json_member(stream, "number", json_integer(point->number));
    json_member(stream, "status", json_string(point_status_name(point->status)));
    json_member(stream, "why", text_or_null(point->why));
    json_member(stream, "seed", json_integer((json_int_t)point->seed));
    json_member(stream, "version", text_or_null(point->version));
    json_member(stream, "git", text_or_null(point->git));
    json_member(stream, "run_seconds", json_real(point->host_seconds));
    json_member(stream, "run_peak_rss_bytes", json_integer((json_int_t)point->peak_rss_bytes));
    json_member(stream, "finished", text_or_null(point->finished));
    json_member(stream, "superseded", json_boolean(point->is_superseded));
    fprintf(stream, ",\n   \"settings\": %s,\n   \"config\": %s,\n   \"result\": %s}",
            point->settings, point->config == NULL ? "null" : point->config,
            point->result == NULL ? "null" : point->result);
    return !ferror(stream);
}

static void json_path(void *context, const char *path, const char *label)
{
    struct json_export *json = context;
    json_t *object = json_pack("{s:s, s:s?}", "path", path, "label", label);
    char *text = json_dumps(object, JSON_COMPACT);
    fprintf(json->stream, "%s\n  %s", json->count++ == 0 ? "" : ",", text == NULL ? "{}" : text);
    free(text);
    json_decref(object);
}

bool export_write_json(struct store *store, FILE *stream, char **why)
{
    struct json_export paths = {stream, 0}, points = {stream, 0};
    fputs("{\"paths\": [", stream);
    bool is_read = store_each_path(store, json_path, &paths, why);
    fputs("],\n \"points\": [", stream);
    is_read = is_read && store_each(store, json_point, &points, why);
    fputs("]}\n", stream);
    return is_read;
}
