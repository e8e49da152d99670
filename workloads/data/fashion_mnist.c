// Fashion-MNIST: 60,000 + 10,000 grey images of 28 x 28 pixels, ten kinds of clothing.
// Source: Xiao, Rasul, Vollgraf, arXiv 1708.07747; Debian package dataset-fashion-mnist.
// Files of the same names and shapes (MNIST, say) in data.directory are read as well.
#include <stdlib.h>

#include "sim/rng.h"
#include "workloads/data/data.h"
#include "workloads/data/encode.h"
#include "workloads/data/idx.h"

#define DEFAULT_DIRECTORY "/usr/share/datasets/fashion-mnist"
#define ROWS 28u
#define COLUMNS 28u
#define PIXELS (ROWS * COLUMNS)
#define CLASSES 10u

struct images {
    uint32_t count;
    uint8_t *pixels; // owned; [count][PIXELS]
    uint8_t *labels; // owned; [count]
};

struct fashion_mnist {
    struct data_source base; // first: see data.h
    struct images splits[2]; // by enum data_split
    enum data_encoding encoding;
    struct latency_code latency;
    struct rate_code rate;
    uint32_t time_steps;
    uint64_t seed;
};

static bool fail(const struct data_config *config, const char *path, char *why, struct err *err)
{
    err_at(
        err, &config->source_mark,
        "data.source: fashion_mnist: %s %s; install the Debian package dataset-fashion-mnist "
        "(apt-get install dataset-fashion-mnist), or set data.directory to a folder with its files",
        path, why);
    free(why);
    return false;
}

static char *check_labels(const struct idx *labels, const char *image_path, uint32_t image_count)
{
    if (labels->dimensions[0] != image_count) {
        return xasprintf("holds %u labels, but %s holds %u images", labels->dimensions[0],
                         image_path, image_count);
    }
    for (uint32_t i = 0; i < image_count; i++) {
        if (labels->bytes[i] >= CLASSES) {
            return xasprintf("gives image %u the label %u; labels are 0..%u", i, labels->bytes[i],
                             CLASSES - 1);
        }
    }
    return NULL;
}

static bool read_images(const char *path, struct images *images, char **why)
{
    struct idx idx;
    if (!idx_read(path, 3, &idx, why)) {
        return false;
    }
    images->count = idx.dimensions[0];
    images->pixels = idx.bytes;
    if (idx.dimensions[1] != ROWS || idx.dimensions[2] != COLUMNS) {
        *why = xasprintf("holds images of %u x %u pixels, not %u x %u", idx.dimensions[1],
                         idx.dimensions[2], ROWS, COLUMNS);
        return false;
    }
    return true;
}

static bool read_labels(const char *path, const char *image_path, struct images *images, char **why)
{
    struct idx idx;
    if (!idx_read(path, 1, &idx, why)) {
        return false;
    }
    images->labels = idx.bytes;
    *why = check_labels(&idx, image_path, images->count);
    return *why == NULL;
}

static bool load_split(const struct data_config *config, const char *prefix, struct images *images,
                       struct err *err)
{
    const char *directory = config->directory != NULL ? config->directory : DEFAULT_DIRECTORY;
    char *image_path = xasprintf("%s/%s-images-idx3-ubyte.gz", directory, prefix);
    char *label_path = xasprintf("%s/%s-labels-idx1-ubyte.gz", directory, prefix);
    char *why = NULL;
    bool is_loaded = true;
    if (!read_images(image_path, images, &why)) {
        is_loaded = fail(config, image_path, why, err);
    } else if (!read_labels(label_path, image_path, images, &why)) {
        is_loaded = fail(config, label_path, why, err);
    }
    free(image_path);
    free(label_path);
    return is_loaded;
}

static bool check_network(const struct data_config *config, const struct network_config *network,
                          struct err *err)
{
    bool fits = true;
    if (network->inputs != PIXELS) {
        fits = err_at(
            err, &config->source_mark,
            "data.source: fashion_mnist has %u x %u pixels: network.inputs must be %u, not %u",
            ROWS, COLUMNS, PIXELS, network->inputs);
    }
    if (network->outputs < CLASSES) {
        fits = err_at(
            err, &config->source_mark,
            "data.source: fashion_mnist has %u classes: network.outputs must be at least %u, "
            "not %u",
            CLASSES, CLASSES, network->outputs);
    }
    return fits;
}

static void sample(const struct data_source *base, enum data_split split, uint32_t index,
                   uint32_t draw, uint32_t *ids, uint32_t *counts, uint32_t *label)
{
    const struct fashion_mnist *source = (const struct fashion_mnist *)base;
    const struct images *images = &source->splits[split];
    const uint8_t *pixels = images->pixels + (size_t)index * PIXELS;
    *label = images->labels[index];
    if (source->encoding == ENCODING_LATENCY) {
        encode_latency(&source->latency, pixels, PIXELS, source->time_steps, ids, counts);
    } else {
        struct rng rng = rng_create(source->seed, RNG_DATA, index * 2 + (uint32_t)split, draw);
        encode_rate(&source->rate, &rng, pixels, PIXELS, source->time_steps, ids, counts);
    }
}

static void values(const struct data_source *base, enum data_split split, uint32_t index,
                   float *values, uint32_t *label)
{
    const struct images *images = &((const struct fashion_mnist *)base)->splits[split];
    const uint8_t *pixels = images->pixels + (size_t)index * PIXELS;
    *label = images->labels[index];
    for (uint32_t i = 0; i < PIXELS; i++) {
        values[i] = (float)pixels[i] / 255.0f;
    }
}

static void close_source(struct data_source *base)
{
    struct fashion_mnist *source = (struct fashion_mnist *)base;
    for (uint32_t i = 0; i < 2; i++) {
        free(source->splits[i].pixels);
        free(source->splits[i].labels);
    }
    free(source);
}

static struct data_source *open_source(const struct data_config *config,
                                       const struct network_config *network, uint32_t time_steps,
                                       uint64_t seed, struct err *err)
{
    struct fashion_mnist *source = xcalloc(1, sizeof *source);
    bool is_right = check_network(config, network, err);
    if (!load_split(config, "train", &source->splits[DATA_TRAIN], err) ||
        !load_split(config, "t10k", &source->splits[DATA_TEST], err) || !is_right) {
        close_source(&source->base);
        return NULL;
    }
    source->base = (struct data_source){
        .kind = &data_fashion_mnist,
        .train_count = source->splits[DATA_TRAIN].count,
        .test_count = source->splits[DATA_TEST].count,
        .inputs = PIXELS,
        .classes = CLASSES,
        .sample = sample,
        .values = values,
        .close = close_source,
    };
    source->encoding = config->encoding;
    source->time_steps = time_steps;
    source->seed = seed;
    latency_code_init(&source->latency, config->latency_tau, config->pixel_threshold, time_steps);
    rate_code_init(&source->rate, config->rate_max);
    return &source->base;
}

const struct data_source_kind data_fashion_mnist = {
    .name = "fashion_mnist",
    .description = "images of clothing, 28 x 28 pixels, 10 classes (Debian: dataset-fashion-mnist)",
    .open = open_source,
};
