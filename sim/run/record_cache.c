// The file: a head, losses, records layer by layer, and a checksum of all of it. In the byte order
// of this host; another one finds a wrong mark and trains anew.
#include "sim/run/record_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/output_file.h"
#include "sim/fingerprint.h"
#include "sim/version.h"

#define RECORD_MARK 0x31636572u // "rec1"
#define FOLDER_MODE 0777

struct record_head {
    uint32_t mark, record_count;
    uint64_t loss_count;
    double accuracy;
};

struct layer_head {
    uint32_t neurons, slots;
    uint32_t has_ids, unused;
    uint64_t dropped_spikes;
};

// A file that is read or written, and the checksum of its bytes so far (FNV-1a over words of 32
// bits).
struct record_file {
    FILE *stream;
    uint64_t checksum;
    bool is_right;
};

// --- name and lock --------------------------------------------------------------------------------
// All that training takes something from. Owned.
static char *name_of(const struct experiment *experiment)
{
    static const char *const parts[] = {"network", "data", "training", "seed"};
    char digits[FINGERPRINT_BYTES];
    json_t *whole = experiment_to_json(experiment);
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        json_object_set(json, parts[i], json_object_get(whole, parts[i]));
    }
    json_object_set_new(json, "records", json_integer(experiment->timing.training_steps));
    json_object_set_new(json, "program", json_sprintf("%s %s", TILESIM_VERSION, version_git()));
    char *text = json_dumps(json, JSON_COMPACT);
    fingerprint(text, digits);
    free(text);
    json_decref(json);
    json_decref(whole);
    return xstrdup(digits);
}

bool record_cache_open(struct record_cache *cache, const char *folder,
                       const struct experiment *experiment)
{
    if (mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST) {
        return false;
    }
    *cache = (struct record_cache){xstrdup(folder), name_of(experiment), -1};
    char *path = xasprintf("%s/%s.lock", folder, cache->name);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    cache->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(path);
    bool is_locked = cache->lock_file >= 0;
    while (is_locked && fcntl(cache->lock_file, F_SETLKW, &lock) != 0) {
        is_locked = errno == EINTR;
    }
    if (!is_locked) {
        record_cache_close(cache);
    }
    return is_locked;
}

void record_cache_close(struct record_cache *cache)
{
    if (cache->lock_file >= 0) {
        close(cache->lock_file);
    }
    free(cache->folder);
    free(cache->name);
    *cache = (struct record_cache){NULL, NULL, -1};
}

static char *path_of(const struct record_cache *cache, const struct form_run *run)
{
    return xasprintf("%s/%s.%s", cache->folder, cache->name, form_name(run->form));
}

// --- bytes ----------------------------------------------------------------------------------------
static void add_to_checksum(struct record_file *file, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (; count >= sizeof(uint32_t); at += sizeof(uint32_t), count -= sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, at, sizeof(word));
        file->checksum = (file->checksum ^ word) * 0x100000001b3u;
    }
}

static void put(struct record_file *file, const void *bytes, size_t count)
{
    add_to_checksum(file, bytes, count);
    file->is_right = fwrite(bytes, 1, count, file->stream) == count && file->is_right;
}

static void get(struct record_file *file, void *bytes, size_t count)
{
    file->is_right = file->is_right && fread(bytes, 1, count, file->stream) == count;
    if (file->is_right) {
        add_to_checksum(file, bytes, count);
    }
}

static void put_record(struct record_file *file, const struct activity *record)
{
    size_t vectors = (size_t)record->time_steps * record->batch;
    for (uint32_t i = 0; i < record->layer_count; i++) {
        const struct activity_layer *layer = &record->layers[i];
        struct layer_head head = {layer->neurons, layer->slots, layer->ids != NULL, 0,
                                  layer->dropped_spikes};
        put(file, &head, sizeof(head));
        put(file, layer->counts, vectors * 2 * sizeof(*layer->counts));
        if (layer->ids != NULL) {
            put(file, layer->ids, vectors * layer->slots * sizeof(*layer->ids));
        }
    }
}

// record: empty, of the shape that the experiment asks for.
static void get_record(struct record_file *file, struct activity *record)
{
    size_t vectors = (size_t)record->time_steps * record->batch;
    for (uint32_t i = 0; i < record->layer_count && file->is_right; i++) {
        struct activity_layer *layer = &record->layers[i];
        struct layer_head head = {0};
        get(file, &head, sizeof(head));
        file->is_right = file->is_right && head.neurons == layer->neurons &&
                         head.slots == layer->slots && head.has_ids == (layer->ids != NULL);
        layer->dropped_spikes = head.dropped_spikes;
        get(file, layer->counts, vectors * 2 * sizeof(*layer->counts));
        if (layer->ids != NULL) {
            get(file, layer->ids, vectors * layer->slots * sizeof(*layer->ids));
        }
    }
}

// --- files ----------------------------------------------------------------------------------------
static bool get_run(struct record_file *file, const struct experiment *experiment,
                    struct form_run *run)
{
    struct record_head head = {0};
    uint64_t checksum;
    get(file, &head, sizeof(head));
    if (!file->is_right || head.mark != RECORD_MARK ||
        head.loss_count != experiment->training.steps) {
        return false;
    }
    form_run_create_records(run, experiment, head.record_count);
    run->loss = xcalloc(head.loss_count, sizeof(double));
    run->accuracy = head.accuracy;
    get(file, run->loss, head.loss_count * sizeof(double));
    for (uint32_t i = 0; i < run->record_count; i++) {
        get_record(file, run->records[i]);
    }
    uint64_t computed = file->checksum;
    get(file, &checksum, sizeof(checksum));
    return file->is_right && checksum == computed;
}

bool record_cache_load(const struct record_cache *cache, const struct experiment *experiment,
                       struct form_run *run)
{
    char *path = path_of(cache, run);
    struct record_file file = {.stream = fopen(path, "rbe"), .is_right = true};
    free(path);
    if (file.stream == NULL) {
        return false;
    }
    bool is_loaded = get_run(&file, experiment, run);
    fclose(file.stream);
    if (!is_loaded) {
        form_run_drop_records(run);
    }
    return is_loaded;
}

void record_cache_keep(const struct record_cache *cache, const struct experiment *experiment,
                       const struct form_run *run)
{
    struct output_file output;
    char *path = path_of(cache, run);
    bool is_open = output_file_open(&output, path);
    free(path);
    if (!is_open) {
        return;
    }
    struct record_file file = {.stream = output.stream, .is_right = true};
    struct record_head head = {RECORD_MARK, run->record_count, experiment->training.steps,
                               run->accuracy};
    put(&file, &head, sizeof(head));
    put(&file, run->loss, head.loss_count * sizeof(double));
    for (uint32_t i = 0; i < run->record_count; i++) {
        put_record(&file, run->records[i]);
    }
    uint64_t checksum = file.checksum;
    put(&file, &checksum, sizeof(checksum));
    output_file_commit(&output); // not written whole: not there
}
