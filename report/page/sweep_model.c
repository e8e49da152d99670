// Reading is one walk over the points; of each the machines' columns come from their table, and
// what the tables lack (activity, accuracy, shares of the step) from the text of its result. A
// function add_*() puts one point or one machine into the columns, a function *_to_json() makes
// them JSON.
#include "report/page/sweep_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page/column.h"
#include "report/page/json_scan.h"
#include "report/page/sweep_axes.h"
#include "report/page/sweep_shares.h"
#include "report/store_tables.h"
#include "sim/err.h"

#define DIGITS 5u // of a modelled number; its error band is some percent
// With more machines the shares are of a schedule's rows, not of its parts: a page holds 5 MB.
#define ROWS_WITH_PARTS 2000u
#define MAPS_BYTES \
    800000u // of all maps of a chip's tiles together; with more, every n-th machine has one

// Column of the table `machines`, key on the page.
#define NUMBER_COLUMNS(X)           \
    X(fits, "fits")                 \
    X(step_seconds, "step")         \
    X(samples_per_second, "rate")   \
    X(error_band, "band")           \
    X(compute_seconds, "compute")   \
    X(exchange_seconds, "exchange") \
    X(sync_seconds, "sync")         \
    X(links_seconds, "links")       \
    X(memory_seconds, "streaming")  \
    X(host_seconds, "host")         \
    X(launch_seconds, "launch")     \
    X(loop_seconds, "loop")         \
    X(input_copy_seconds, "copy")   \
    X(cycles, "cycles")             \
    X(supersteps, "supersteps")     \
    X(tiles_used, "tiles")          \
    X(sram_limit_bytes, "limit")    \
    X(sram_max_bytes, "sram")       \
    X(sram_max_tile, "fullest")     \
    X(chips, "chips")               \
    X(replicas, "replicas")
#define TEXT_COLUMNS(X)   \
    X(name, "name")       \
    X(kind, "kind")       \
    X(hardware, "hw")     \
    X(variant, "variant") \
    X(form, "form")       \
    X(bound, "bound")     \
    X(checkpoint, "plan") \
    X(machine_why, "why")

enum { // places in the query of machines; the three at its end are JSON or not shown as they are
#define X(column, key) NUMBER_##column,
    NUMBER_COLUMNS(X)
#undef X
        NUMBER_COUNT,
    TEXT_BEFORE = NUMBER_COUNT - 1,
#define X(column, key) TEXT_##column,
    TEXT_COLUMNS(X)
#undef X
        ROLES_PLACE,
    QUANTITIES_PLACE,
    COLUMN_COUNT = ROLES_PLACE
};

static const char machine_query[] = "SELECT "
#define X(column, key) #column ", "
    NUMBER_COLUMNS(X) TEXT_COLUMNS(X)
#undef X
        "sram_by_role, quantities FROM shown_machines WHERE point = ? ORDER BY place";

static const char *const column_keys[] = {
#define X(column, key) key,
    NUMBER_COLUMNS(X) TEXT_COLUMNS(X)
#undef X
};

enum point_column {
    POINT_SWEEP,
    POINT_NUMBER,
    POINT_STATUS,
    POINT_WHY,
    POINT_SEED,
    POINT_VERSION,
    POINT_SECONDS,
    POINT_LAYERS,
    POINT_INPUTS,
    POINT_NEURONS,
    POINT_DENSITY,
    POINT_ACCURACY,
    POINT_LOSS,
    POINT_COLUMN_COUNT
};
static const char *const point_keys[] = {
    [POINT_SWEEP] = "sweep",     [POINT_NUMBER] = "number",   [POINT_STATUS] = "status",
    [POINT_WHY] = "why",         [POINT_SEED] = "seed",       [POINT_VERSION] = "version",
    [POINT_SECONDS] = "seconds", [POINT_LAYERS] = "layers",   [POINT_INPUTS] = "inputs",
    [POINT_NEURONS] = "neurons", [POINT_DENSITY] = "density", [POINT_ACCURACY] = "accuracy",
    [POINT_LOSS] = "loss"};

struct hardware { // where to read what a chip or GPU is
    int32_t name; // place in the model's texts
    int64_t point;
};

struct model {
    struct store *store;
    struct texts *texts;
    struct axes *axes;
    struct column points[POINT_COLUMN_COUNT];
    struct column rows[COLUMN_COUNT];
    struct column row_point, row_memory, row_quantities, row_map;
    struct texts *memory, *quantities, *maps; // distinct JSON texts
    uint32_t tile_rows, map_stride;           // machines of kind tiles; 0: no map has been seen
    uint32_t tile_row_count;                  // of the whole file
    struct shares *shares;
    struct hardware *hardware; // owned
    uint32_t hardware_count;
    int64_t first_done, first_resolved;   // points whose configuration may be shown; 0: none
    char *first_finished, *last_finished; // owned
    char **why;
};

static const char *text_of(sqlite3_stmt *row, int place)
{
    return (const char *)sqlite3_column_text(row, place);
}

static double number_of(sqlite3_stmt *row, int place)
{
    return sqlite3_column_type(row, place) == SQLITE_NULL ? NAN : sqlite3_column_double(row, place);
}

// --- points ---------------------------------------------------------------------------------------
static void add_axis(void *context, const char *path, const char *label)
{
    axes_add(context, path, label);
}

struct activity {
    double inputs;
    double layers, neurons, spikes; // hidden ones
};

struct layer { // of an entry of the result's `activity`
    const char *form;
    size_t form_bytes;
    double neurons, spikes;
};

static struct layer read_layer(const char *entry)
{
    const char *form = json_scan_member(entry, "form");
    const char *neurons = json_scan_member(entry, "neurons");
    const char *spikes = json_scan_member(entry, "spikes_per_time_step_per_sample");
    return (struct layer){form, form == NULL ? 0 : (size_t)(json_scan_end(form) - form),
                          neurons == NULL ? 0 : strtod(neurons, NULL),
                          spikes == NULL ? 0 : strtod(spikes, NULL)};
}

// Of the form that has most to tell: sparse where it ran. NANs: the result lists none. The first
// layer is the inputs, the last one the outputs.
static struct activity read_activity(const char *result)
{
    struct activity sum = {NAN, NAN, NAN, NAN};
    struct layer first = {0}, last = {0};
    double layers = 0, neurons = 0, spikes = 0;
    const char *entry = json_scan_first(json_scan_member(result, "activity"));
    for (; entry != NULL; entry = json_scan_next(entry)) {
        struct layer layer = read_layer(entry);
        if (layer.form == NULL ||
            (layers > 0 && (layer.form_bytes != first.form_bytes ||
                            memcmp(layer.form, first.form, first.form_bytes) != 0))) {
            break;
        }
        if (layers == 0) {
            first = layer;
        } else if (layers > 1) { // the one before is hidden
            neurons += last.neurons;
            spikes += last.spikes;
        }
        last = layer;
        layers++;
    }
    if (layers >= 2) {
        sum = (struct activity){first.neurons, layers - 2, neurons, spikes};
    }
    return sum;
}

// Where no activity is listed, as of drawn runs of dense machines alone: what the configuration
// says of the network.
static void read_sizes(struct model *model, const char *config_pieces, struct activity *activity)
{
    struct store_text text = {0};
    const char *config = store_text_of(model->store, config_pieces, &text);
    const char *network = json_scan_member(config, "network");
    const char *inputs = json_scan_member(network, "inputs");
    const char *size = json_scan_first(json_scan_member(network, "hidden"));
    if (inputs != NULL && size != NULL) {
        *activity = (struct activity){strtod(inputs, NULL), 0, 0, NAN};
    }
    for (; inputs != NULL && size != NULL; size = json_scan_next(size)) {
        activity->layers++;
        activity->neurons += strtod(size, NULL);
    }
    store_text_free(&text);
}

static void add_training(struct model *model, const char *result)
{
    const char *training = json_scan_first(json_scan_member(result, "training"));
    double loss = NAN;
    const char *item = json_scan_first(json_scan_member(training, "loss"));
    for (; item != NULL; item = json_scan_next(item)) {
        loss = strtod(item, NULL);
    }
    const char *accuracy = json_scan_member(training, "accuracy");
    bool has_accuracy = accuracy != NULL && *accuracy != 'n';
    column_add(&model->points[POINT_ACCURACY], has_accuracy ? strtod(accuracy, NULL) : NAN);
    column_add(&model->points[POINT_LOSS], loss);
}

static void add_result(struct model *model, const char *result, const char *config_pieces)
{
    struct activity activity = read_activity(result);
    if (result != NULL && isnan(activity.layers)) {
        read_sizes(model, config_pieces, &activity);
    }
    column_add(&model->points[POINT_LAYERS], activity.layers);
    column_add(&model->points[POINT_INPUTS], activity.inputs);
    column_add(&model->points[POINT_NEURONS], activity.neurons);
    column_add(&model->points[POINT_DENSITY],
               activity.neurons > 0 ? activity.spikes / activity.neurons : NAN);
    add_training(model, result);
}

// --- machines -------------------------------------------------------------------------------------
static void add_hardware(struct model *model, const char *name, int64_t point)
{
    int32_t place = texts_add(model->texts, name);
    for (uint32_t i = 0; i < model->hardware_count; i++) {
        if (model->hardware[i].name == place) {
            return;
        }
    }
    model->hardware =
        xrealloc(model->hardware, (model->hardware_count + 1) * sizeof(*model->hardware));
    model->hardware[model->hardware_count++] = (struct hardware){place, point};
}

// How full each tile is. The first map tells how many fit into the page.
static void add_map(struct model *model, const char *machine)
{
    const char *map = json_scan_member(json_scan_member(machine, "sram"), "by_tile");
    int32_t place = -1;
    if (map != NULL && *map == '{') {
        size_t length = (size_t)(json_scan_end(map) - map);
        if (model->map_stride == 0) {
            model->map_stride = 1 + (uint32_t)(length * model->tile_row_count / MAPS_BYTES);
            model->map_stride |= 1; // odd, as often two machines alternate
        }
        if (model->tile_rows++ % model->map_stride == 0) {
            char *text = xasprintf("%.*s", (int)length, map);
            place = texts_add(model->maps, text);
            free(text);
        }
    }
    column_add(&model->row_map, place);
}

static void add_machine(struct model *model, sqlite3_stmt *row, const char *machine, uint32_t point)
{
    column_add(&model->row_point, point);
    for (int i = 0; i < NUMBER_COUNT; i++) {
        column_add(&model->rows[i], number_of(row, i));
    }
    for (int i = NUMBER_COUNT; i < COLUMN_COUNT; i++) {
        column_add(&model->rows[i], texts_add(model->texts, text_of(row, i)));
    }
    column_add(&model->row_memory, texts_add(model->memory, text_of(row, ROLES_PLACE)));
    column_add(&model->row_quantities,
               texts_add(model->quantities, text_of(row, QUANTITIES_PLACE)));
    add_map(model, machine);
    shares_add(model->shares, json_scan_member(machine, "shares"), number_of(row, NUMBER_cycles));
}

static bool add_machines(struct model *model, sqlite3_stmt *query, int64_t id, const char *result)
{
    uint32_t point = model->points[POINT_SWEEP].count - 1;
    const char *machine = json_scan_first(json_scan_member(result, "machines"));
    sqlite3_bind_int64(query, 1, id);
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(query)) == SQLITE_ROW) {
        add_machine(model, query, machine, point);
        add_hardware(model, text_of(query, TEXT_hardware), id);
        machine = machine == NULL ? NULL : json_scan_next(machine);
    }
    sqlite3_reset(query);
    return code == SQLITE_DONE;
}

// --- the walk -------------------------------------------------------------------------------------
static const char point_query[] =
    "SELECT point, sweep, number, status, why, seed, version, git, run_seconds, finished, result, "
    "config "
    "FROM shown_points ORDER BY sweep, number, key";

static void note_time(struct model *model, const char *finished)
{
    if (finished == NULL) {
        return;
    }
    // ISO 8601 in UTC sorts as text
    if (model->first_finished == NULL || strcmp(finished, model->first_finished) < 0) {
        free(model->first_finished);
        model->first_finished = xstrdup(finished);
    }
    if (model->last_finished == NULL || strcmp(finished, model->last_finished) > 0) {
        free(model->last_finished);
        model->last_finished = xstrdup(finished);
    }
}

static void add_point(struct model *model, sqlite3_stmt *row, const char *result)
{
    struct column *points = model->points;
    column_add(&points[POINT_SWEEP], texts_add(model->texts, text_of(row, 1)));
    column_add(&points[POINT_NUMBER], number_of(row, 2));
    enum point_status status = store_status_of(text_of(row, 3));
    column_add(&points[POINT_STATUS], status);
    column_add(&points[POINT_WHY], texts_add(model->texts, text_of(row, 4)));
    column_add(&points[POINT_SEED], number_of(row, 5));
    const char *git = text_of(row, 7);
    char *version = xasprintf("%s (%s)", text_of(row, 6), git == NULL ? "unknown" : git);
    column_add(&points[POINT_VERSION], texts_add(model->texts, version));
    free(version);
    column_add(&points[POINT_SECONDS], number_of(row, 8));
    note_time(model, text_of(row, 9));
    add_result(model, result, text_of(row, 11));
    if (model->first_done == 0 && status == POINT_DONE) {
        model->first_done = sqlite3_column_int64(row, 0);
    }
    if (model->first_resolved == 0 && status != POINT_FAILED) {
        model->first_resolved = sqlite3_column_int64(row, 0);
    }
}

static bool prepare(struct model *model, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v2(model->store->database, sql, -1, statement, NULL) == SQLITE_OK ||
           store_fail(model->store, "read the points", model->why);
}

static bool walk(struct model *model, sqlite3_stmt *points, sqlite3_stmt *settings,
                 sqlite3_stmt *machines)
{
    int code = SQLITE_ROW;
    bool is_right = true;
    struct store_text text = {0};
    while (is_right && (code = sqlite3_step(points)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(points, 0);
        const char *result = store_text_of(model->store, text_of(points, 10), &text);
        add_point(model, points, result);
        is_right =
            axes_add_point(model->axes, settings, id) && add_machines(model, machines, id, result);
    }
    store_text_free(&text);
    return (is_right && code == SQLITE_DONE) ||
           store_fail(model->store, "read the points", model->why);
}

static bool read_points(struct model *model)
{
    sqlite3_stmt *points = NULL;
    sqlite3_stmt *settings = NULL;
    sqlite3_stmt *machines = NULL;
    bool is_read = prepare(model, point_query, &points) &&
                   prepare(model, "SELECT key, value FROM settings WHERE point = ?", &settings) &&
                   prepare(model, machine_query, &machines) &&
                   walk(model, points, settings, machines);
    sqlite3_finalize(points);
    sqlite3_finalize(settings);
    sqlite3_finalize(machines);
    return is_read;
}

static bool count_machines(struct model *model)
{
    sqlite3_stmt *query = NULL;
    bool is_read = prepare(model, "SELECT count(*) FROM machines WHERE kind = 'tiles'", &query) &&
                   (sqlite3_step(query) == SQLITE_ROW ||
                    store_fail(model->store, "read the points", model->why));
    model->tile_row_count = is_read ? (uint32_t)sqlite3_column_int64(query, 0) : 0;
    sqlite3_finalize(query);
    return is_read;
}

// --- as JSON --------------------------------------------------------------------------------------
static json_t *points_to_json(const struct model *model)
{
    json_t *object = json_pack("{s:I}", "count", (json_int_t)model->points[POINT_SWEEP].count);
    for (uint32_t i = 0; i < POINT_COLUMN_COUNT; i++) {
        json_object_set_new(object, point_keys[i], column_to_json(&model->points[i], DIGITS));
    }
    return object;
}

// Distinct tables of bytes by role, as arrays over `roles`.
static json_t *memory_to_json(const struct texts *memory, json_t *roles)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < texts_count(memory); i++) {
        json_t *by_role = json_loads(texts_at(memory, i), 0, NULL);
        json_t *bytes = json_array();
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach(by_role, name, value)
        {
            if (json_object_get(roles, name) == NULL) {
                json_object_set_new(roles, name, json_integer((json_int_t)json_object_size(roles)));
            }
            size_t place = (size_t)json_integer_value(json_object_get(roles, name));
            while (json_array_size(bytes) <= place) {
                json_array_append_new(bytes, json_integer(0));
            }
            json_array_set(bytes, place, value);
        }
        json_decref(by_role);
        json_array_append_new(array, bytes);
    }
    return array;
}

static json_t *objects_to_json(const struct texts *quantities)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < texts_count(quantities); i++) {
        json_t *object = json_loads(texts_at(quantities, i), 0, NULL);
        json_array_append_new(array, object == NULL ? json_null() : object);
    }
    return array;
}

static json_t *rows_to_json(const struct model *model)
{
    json_t *object =
        json_pack("{s:I, s:o, s:o, s:o, s:o}", "count", (json_int_t)model->row_point.count, "point",
                  column_to_json(&model->row_point, DIGITS), "memory",
                  column_to_json(&model->row_memory, DIGITS), "quantities",
                  column_to_json(&model->row_quantities, DIGITS), "map",
                  column_to_json(&model->row_map, DIGITS));
    for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
        json_object_set_new(object, column_keys[i], column_to_json(&model->rows[i], DIGITS));
    }
    shares_add_to_json(model->shares, object);
    return object;
}

// The configuration of a point; NULL: it has none.
static json_t *read_config(struct model *model, int64_t point)
{
    sqlite3_stmt *query = NULL;
    json_t *config = NULL;
    if (prepare(model, "SELECT config FROM shown_points WHERE point = ?", &query)) {
        struct store_text buffer = {0};
        sqlite3_bind_int64(query, 1, point);
        const char *text = sqlite3_step(query) == SQLITE_ROW
                               ? store_text_of(model->store, text_of(query, 0), &buffer)
                               : NULL;
        config = text == NULL ? NULL : json_loads(text, 0, NULL);
        store_text_free(&buffer);
    }
    sqlite3_finalize(query);
    return config;
}

// Every chip and GPU by name, as the first point that has it resolved it.
static json_t *hardware_to_json(struct model *model)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < model->hardware_count; i++) {
        const char *name = texts_at(model->texts, (uint32_t)model->hardware[i].name);
        json_t *config = read_config(model, model->hardware[i].point);
        size_t place = 0;
        json_t *machine = NULL;
        json_array_foreach(json_object_get(config, "machines"), place, machine)
        {
            json_t *chip = json_object_get(machine, "chip");
            json_t *part = chip != NULL ? chip : json_object_get(machine, "gpu");
            const char *part_name = json_string_value(json_object_get(part, "name"));
            if (part_name != NULL && strcmp(part_name, name) == 0) {
                json_object_set(object, name, part);
            }
        }
        json_decref(config);
    }
    return object;
}

static json_t *model_to_json(struct model *model)
{
    json_t *roles = json_object();
    json_t *memory = memory_to_json(model->memory, roles);
    json_t *role_names = json_array();
    const char *name = NULL;
    json_t *unused = NULL;
    json_object_foreach(roles, name, unused)
    {
        json_array_append_new(role_names, json_string(name));
    }
    json_decref(roles);
    int64_t shown = model->first_done != 0 ? model->first_done : model->first_resolved;
    json_t *config = shown == 0 ? NULL : read_config(model, shown);
    return json_pack("{s:i, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o?, s:o}",
                     "format", 1, "first", model->first_finished, "last", model->last_finished,
                     "texts", texts_to_json(model->texts), "axes",
                     axes_to_json(model->axes, DIGITS), "points", points_to_json(model), "rows",
                     rows_to_json(model), "roles", role_names, "memory", memory, "quantities",
                     objects_to_json(model->quantities), "maps", objects_to_json(model->maps),
                     "config", config, "hardware", hardware_to_json(model));
}

static void free_model(struct model *model)
{
    texts_destroy(model->texts);
    texts_destroy(model->memory);
    texts_destroy(model->quantities);
    texts_destroy(model->maps);
    shares_destroy(model->shares);
    axes_destroy(model->axes);
    for (uint32_t i = 0; i < POINT_COLUMN_COUNT; i++) {
        column_free(&model->points[i]);
    }
    for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
        column_free(&model->rows[i]);
    }
    column_free(&model->row_point);
    column_free(&model->row_memory);
    column_free(&model->row_quantities);
    column_free(&model->row_map);
    free(model->hardware);
    free(model->first_finished);
    free(model->last_finished);
}

json_t *sweep_model_create(struct store *store, char **why)
{
    struct model model = {.store = store, .why = why, .texts = texts_create()};
    model.memory = texts_create();
    model.quantities = texts_create();
    model.maps = texts_create();
    model.axes = axes_create();
    // one state of the file, though a sweep may be writing to it
    bool is_read = store_run_sql(store, "BEGIN", "read the points", why) && count_machines(&model);
    model.shares = shares_create(model.tile_row_count <= ROWS_WITH_PARTS);
    is_read = is_read && store_each_path(store, add_axis, model.axes, why) && read_points(&model);
    json_t *json = is_read ? model_to_json(&model) : NULL;
    sqlite3_exec(store->database, "COMMIT", NULL, NULL, NULL);
    free_model(&model);
    return json;
}
