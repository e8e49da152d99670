// Tensors in and out. Shapes: T time steps, B samples, L layers, n[0] inputs, n[l] neurons of layer
// l.
//   w<l>, dw<l> float32 (n[l], n[l-1])     input_ids    uint32 (T, B, slots[0])
//   u<l>_last   float32 (B, n[l])          input_counts uint32 (T, B)
//   b<l>, db<l> float32 (n[l]), with biases   input  float32 (B, 1, n[0]), if analog, for input_ids, _counts
//   logits      float32 (B, n[L])          labels       uint32 (B)
//   loss        float32 (1)                counts       uint32 (T, B, L, [spikes, listed])
#include "sim/run/tensor_files.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/npy.h"

// --- load ---------------------------------------------------------------------------------------
struct loader {
    const char *directory;
    const struct experiment *experiment;
    struct err *err;
};

// The items of DIRECTORY/NAME.npy, owned by the caller; NULL, with a message, if it is not as
// expected.
static void *load_tensor(const struct loader *loader, const char *name, enum npy_type type,
                         const struct npy_shape *shape)
{
    char *path = xasprintf("%s/%s.npy", loader->directory, name);
    char *why = NULL;
    void *items = NULL;
    if (!npy_read_shaped(path, type, shape, &items, &why)) {
        err_at(loader->err, NULL, "%s", why);
        free(why);
    }
    free(path);
    return items;
}

static bool check_directory(const char *directory, struct err *err)
{
    struct stat status;
    if (stat(directory, &status) != 0) {
        return err_at(err, NULL, "%s: cannot be loaded from: %s", directory, strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) {
        return err_at(err, NULL, "%s: cannot be loaded from: not a directory", directory);
    }
    return true;
}

// One message at most: the first weight of the layer that is no number.
static void check_weights(const struct loader *loader, uint32_t layer, const float *weights)
{
    const uint32_t *neurons = loader->experiment->network.neurons;
    uint32_t fan_in = neurons[layer - 1];
    size_t count = (size_t)neurons[layer] * fan_in;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(weights[i])) {
            err_at(loader->err, NULL,
                   "%s/w%u.npy: the weight at (%zu, %zu) is %f; it must be finite",
                   loader->directory, layer, i / fan_in, i % fan_in, (double)weights[i]);
            return;
        }
    }
}

static float *load_weights(const struct loader *loader, uint32_t layer)
{
    const uint32_t *neurons = loader->experiment->network.neurons;
    char *name = xasprintf("w%u", layer);
    float *weights = load_tensor(loader, name, NPY_FLOAT32,
                                 &(struct npy_shape){2, {neurons[layer], neurons[layer - 1]}});
    free(name);
    if (weights != NULL) {
        check_weights(loader, layer, weights);
    }
    return weights;
}

// One message at most: the first (time step, sample) whose ids are wrong.
static bool check_input(const struct loader *loader, const struct spike_batch *batch)
{
    uint32_t inputs = loader->experiment->network.inputs;
    size_t rows = (size_t)batch->time_steps * batch->batch;
    for (size_t row = 0; row < rows; row++) {
        uint32_t t = (uint32_t)(row / batch->batch), b = (uint32_t)(row % batch->batch);
        if (batch->counts[row] > batch->slots) {
            return err_at(loader->err, NULL,
                          "%s/input_counts.npy: %u ids at time step %u, sample %u; the input has "
                          "%u slots",
                          loader->directory, batch->counts[row], t, b, batch->slots);
        }
        const uint32_t *ids = batch->ids + row * batch->slots;
        for (uint32_t i = 0; i < batch->counts[row]; i++) {
            if (ids[i] >= inputs) {
                return err_at(loader->err, NULL,
                              "%s/input_ids.npy: id %u at time step %u, sample %u; ids are below "
                              "network.inputs, %u",
                              loader->directory, ids[i], t, b, inputs);
            }
            if (i > 0 && ids[i] <= ids[i - 1]) {
                return err_at(loader->err, NULL,
                              "%s/input_ids.npy: ids at time step %u, sample %u are not ascending",
                              loader->directory, t, b);
            }
        }
    }
    return true;
}

static bool check_labels(const struct loader *loader, const struct spike_batch *batch)
{
    for (uint32_t b = 0; b < batch->batch; b++) {
        if (batch->labels[b] >= loader->experiment->network.outputs) {
            return err_at(loader->err, NULL,
                          "%s/labels.npy: class %u of sample %u; classes are below "
                          "network.outputs, %u",
                          loader->directory, batch->labels[b], b,
                          loader->experiment->network.outputs);
        }
    }
    return true;
}

static float *load_bias(const struct loader *loader, uint32_t layer)
{
    uint32_t neurons = loader->experiment->network.neurons[layer];
    char *name = xasprintf("b%u", layer);
    float *bias = load_tensor(loader, name, NPY_FLOAT32, &(struct npy_shape){1, {neurons}});
    for (uint32_t i = 0; bias != NULL && i < neurons; i++) {
        if (!isfinite(bias[i])) {
            err_at(loader->err, NULL, "%s/%s.npy: the bias at %u is %f; it must be finite",
                   loader->directory, name, i, (double)bias[i]);
            break;
        }
    }
    free(name);
    return bias;
}

static float *load_values(const struct loader *loader)
{
    uint32_t samples = loader->experiment->training.batch;
    uint32_t inputs = loader->experiment->network.inputs;
    float *values =
        load_tensor(loader, "input", NPY_FLOAT32, &(struct npy_shape){3, {samples, 1, inputs}});
    for (size_t i = 0; values != NULL && i < (size_t)samples * inputs; i++) {
        if (!isfinite(values[i])) {
            err_at(loader->err, NULL,
                   "%s/input.npy: input %zu of sample %zu is %f; it must be finite",
                   loader->directory, i % inputs, i / inputs, (double)values[i]);
            break;
        }
    }
    return values;
}

static struct spike_batch *load_analog_batch(const struct loader *loader)
{
    const struct training_config *training = &loader->experiment->training;
    struct spike_batch *batch = spike_batch_create_analog(training->time_steps, training->batch, 0);
    free(batch->values);
    free(batch->labels);
    batch->valid = training->batch;
    batch->values = load_values(loader);
    batch->labels =
        load_tensor(loader, "labels", NPY_UINT32, &(struct npy_shape){1, {training->batch}});
    if (batch->labels != NULL) {
        check_labels(loader, batch);
    }
    return batch;
}

static struct spike_batch *load_batch(const struct loader *loader)
{
    if (loader->experiment->network.input == INPUT_ANALOG) {
        return load_analog_batch(loader);
    }
    const struct training_config *training = &loader->experiment->training;
    uint32_t time_steps = training->time_steps, samples = training->batch;
    uint32_t slots = loader->experiment->network.slots[0];
    struct spike_batch *batch = spike_batch_create(time_steps, samples, slots);
    free(batch->ids);
    free(batch->counts);
    free(batch->labels);
    batch->valid = samples;
    batch->ids = load_tensor(loader, "input_ids", NPY_UINT32,
                             &(struct npy_shape){3, {time_steps, samples, slots}});
    batch->counts = load_tensor(loader, "input_counts", NPY_UINT32,
                                &(struct npy_shape){2, {time_steps, samples}});
    batch->labels = load_tensor(loader, "labels", NPY_UINT32, &(struct npy_shape){1, {samples}});
    if (batch->ids != NULL && batch->counts != NULL) {
        check_input(loader, batch);
    }
    if (batch->labels != NULL) {
        check_labels(loader, batch);
    }
    return batch;
}

struct loaded_tensors *tensors_load(const char *directory, const struct experiment *experiment,
                                    struct err *err)
{
    struct loader loader = {directory, experiment, err};
    uint32_t layers = experiment->network.layer_count - 1;
    size_t errors_before = err_count(err);
    if (!check_directory(directory, err)) {
        return NULL;
    }
    struct loaded_tensors *loaded = xcalloc(1, sizeof(*loaded));
    loaded->weight_count = layers;
    loaded->weights = xcalloc(layers, sizeof(float *));
    loaded->biases = xcalloc(layers, sizeof(float *));
    for (uint32_t layer = 1; layer <= layers; layer++) {
        loaded->weights[layer - 1] = load_weights(&loader, layer);
        loaded->biases[layer - 1] = experiment->network.has_bias ? load_bias(&loader, layer) : NULL;
    }
    loaded->batch = load_batch(&loader);
    if (err_count(err) > errors_before) {
        loaded_tensors_destroy(loaded);
        return NULL;
    }
    return loaded;
}

void loaded_tensors_destroy(struct loaded_tensors *loaded)
{
    if (loaded == NULL) {
        return;
    }
    for (uint32_t i = 0; i < loaded->weight_count; i++) {
        free(loaded->weights[i]);
        free(loaded->biases[i]);
    }
    free(loaded->weights);
    free(loaded->biases);
    spike_batch_destroy(loaded->batch);
    free(loaded);
}

// --- dump ---------------------------------------------------------------------------------------
bool dump_open(struct dump *dump, const char *directory, const struct experiment *experiment,
               struct err *err)
{
    *dump = (struct dump){directory, experiment, err};
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        return err_at(err, NULL, "%s: cannot make the directory: %s", directory, strerror(errno));
    }
    return true;
}

static bool write_tensor(const struct dump *dump, const char *name, enum npy_type type,
                         const struct npy_shape *shape, const void *items)
{
    char *path = xasprintf("%s/%s.npy", dump->directory, name);
    char *why = NULL;
    bool is_written = npy_write(path, type, shape, items, &why);
    if (!is_written) {
        err_at(dump->err, NULL, "%s", why);
        free(why);
    }
    free(path);
    return is_written;
}

// One matrix of a layer, fetched by `get`: PREFIX<layer>SUFFIX; membranes have a suffix.
static bool write_layer(const struct dump *dump, const struct trainer *trainer, uint32_t layer,
                        const char *prefix, const char *suffix,
                        void (*get)(const struct trainer *, uint32_t, float *))
{
    const uint32_t *neurons = dump->experiment->network.neurons;
    bool is_membrane = *suffix != '\0';
    struct npy_shape shape = {2, {neurons[layer], neurons[layer - 1]}};
    if (is_membrane) {
        shape = (struct npy_shape){2, {dump->experiment->training.batch, neurons[layer]}};
    }
    float *items = xcalloc(npy_item_count(&shape), sizeof(*items));
    get(trainer, layer, items);
    char *name = xasprintf("%s%u%s", prefix, layer, suffix);
    bool is_written = write_tensor(dump, name, NPY_FLOAT32, &shape, items);
    free(name);
    free(items);
    return is_written;
}

// PREFIX<layer>: one number per neuron, fetched by `get`. Nothing without biases.
static bool write_bias(const struct dump *dump, const struct trainer *trainer, uint32_t layer,
                       const char *prefix, void (*get)(const struct trainer *, uint32_t, float *))
{
    if (!dump->experiment->network.has_bias) {
        return true;
    }
    struct npy_shape shape = {1, {dump->experiment->network.neurons[layer]}};
    float *items = xcalloc(npy_item_count(&shape), sizeof(*items));
    get(trainer, layer, items);
    char *name = xasprintf("%s%u", prefix, layer);
    bool is_written = write_tensor(dump, name, NPY_FLOAT32, &shape, items);
    free(name);
    free(items);
    return is_written;
}

static bool write_input(const struct dump *dump, const struct spike_batch *batch)
{
    if (batch->values != NULL) {
        struct npy_shape values = {3, {batch->batch, 1, dump->experiment->network.inputs}};
        return write_tensor(dump, "input", NPY_FLOAT32, &values, batch->values);
    }
    struct npy_shape ids = {3, {batch->time_steps, batch->batch, batch->slots}};
    struct npy_shape counts = {2, {batch->time_steps, batch->batch}};
    return write_tensor(dump, "input_ids", NPY_UINT32, &ids, batch->ids) &&
           write_tensor(dump, "input_counts", NPY_UINT32, &counts, batch->counts);
}

bool dump_before_step(const struct dump *dump, const struct trainer *trainer,
                      const struct spike_batch *batch)
{
    bool is_written = true;
    for (uint32_t l = 1; is_written && l < dump->experiment->network.layer_count; l++) {
        is_written = write_layer(dump, trainer, l, "w", "", trainer_get_weights) &&
                     write_bias(dump, trainer, l, "b", trainer_get_bias);
    }
    struct npy_shape labels = {1, {batch->batch}};
    return is_written && write_input(dump, batch) &&
           write_tensor(dump, "labels", NPY_UINT32, &labels, batch->labels);
}

static bool write_counts(const struct dump *dump, const struct activity *record)
{
    uint32_t layers = record->layer_count - 1;
    size_t rows = (size_t)record->time_steps * record->batch;
    struct npy_shape shape = {4, {record->time_steps, record->batch, layers, 2}};
    uint32_t *items = xcalloc(npy_item_count(&shape), sizeof(*items));
    for (size_t row = 0; row < rows; row++) {
        for (size_t layer = 0; layer < layers; layer++) {
            memcpy(items + (row * layers + layer) * 2, record->layers[layer + 1].counts + row * 2,
                   2 * sizeof(*items));
        }
    }
    bool is_written = write_tensor(dump, "counts", NPY_UINT32, &shape, items);
    free(items);
    return is_written;
}

static bool write_logits(const struct dump *dump, const struct trainer *trainer)
{
    struct npy_shape shape = {
        2, {dump->experiment->training.batch, dump->experiment->network.outputs}};
    float *items = xcalloc(npy_item_count(&shape), sizeof(*items));
    trainer_get_logits(trainer, items);
    bool is_written = write_tensor(dump, "logits", NPY_FLOAT32, &shape, items);
    free(items);
    return is_written;
}

bool dump_after_step(const struct dump *dump, const struct trainer *trainer,
                     const struct activity *record, double loss)
{
    bool is_written = true;
    for (uint32_t l = 1; is_written && l < record->layer_count; l++) {
        is_written = write_layer(dump, trainer, l, "dw", "", trainer_get_gradient) &&
                     write_bias(dump, trainer, l, "db", trainer_get_bias_gradient) &&
                     write_layer(dump, trainer, l, "u", "_last", trainer_get_last_membrane);
    }
    float mean_loss = (float)loss;
    struct npy_shape one = {1, {1}};
    return is_written && write_counts(dump, record) && write_logits(dump, trainer) &&
           write_tensor(dump, "loss", NPY_FLOAT32, &one, &mean_loss);
}
