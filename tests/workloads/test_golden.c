// The functional run against vectors of an independent implementation: tests/golden/README.md.
// Run from the root of the tree.
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/npy.h"
#include "workloads/run/trainer.h"

#define LAYERS_MAX 4u

struct golden {
    const char *name;
    uint32_t neurons[LAYERS_MAX], slots[LAYERS_MAX], layer_count; // with the input
    struct network_config network;
    struct training_config training;
    struct spike_batch batch;
    double loss;
    uint64_t dropped; // expected in all layers; UINT64_MAX: not known
};

static void *read_tensor(const struct golden *golden, const char *tensor, enum npy_type type,
                         uint64_t items)
{
    char path[256];
    snprintf(path, sizeof(path), "tests/golden/%s/%s.npy", golden->name, tensor);
    struct npy npy;
    char *why = NULL;
    if (!npy_read(path, &npy, &why)) {
        fail_msg("%s", why);
    }
    assert_int_equal(npy.type, type);
    assert_int_equal(npy.item_count, items);
    return npy.items;
}

static void *read_layer(const struct golden *golden, const char *format, uint32_t layer,
                        uint64_t items)
{
    char tensor[32];
    snprintf(tensor, sizeof(tensor), format, layer);
    return read_tensor(golden, tensor, NPY_FLOAT32, items);
}

static double number(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void read_case(struct golden *golden)
{
    char path[256];
    snprintf(path, sizeof(path), "tests/golden/%s/case.json", golden->name);
    json_t *object = json_load_file(path, 0, NULL);
    assert_non_null(object);
    json_t *sizes = json_object_get(object, "sizes");
    golden->layer_count = (uint32_t)json_array_size(sizes);
    for (uint32_t l = 0; l < golden->layer_count; l++) {
        golden->neurons[l] = (uint32_t)json_integer_value(json_array_get(sizes, l));
        golden->slots[l] =
            (uint32_t)json_integer_value(json_array_get(json_object_get(object, "slots"), l));
    }
    golden->network = (struct network_config){.inputs = golden->neurons[0],
                                              .outputs = golden->neurons[golden->layer_count - 1],
                                              .hidden_count = golden->layer_count - 2,
                                              .hidden = golden->neurons + 1,
                                              .layer_count = golden->layer_count,
                                              .neurons = golden->neurons,
                                              .slots = golden->slots,
                                              .alpha = number(object, "alpha"),
                                              .theta1 = number(object, "theta1"),
                                              .theta2 = number(object, "theta2"),
                                              .theta2_out = number(object, "theta2_out"),
                                              .gain = number(object, "gain"),
                                              .surrogate_slope = number(object, "slope"),
                                              .layer_delay = 1,
                                              .weight_mul = 2};
    golden->training =
        (struct training_config){.batch = (uint32_t)number(object, "batch"),
                                 .time_steps = (uint32_t)number(object, "time_steps")};
    golden->loss = number(object, "loss");
    json_decref(object);
    uint32_t rows = golden->training.batch * golden->training.time_steps;
    golden->batch = (struct spike_batch){
        .time_steps = golden->training.time_steps,
        .batch = golden->training.batch,
        .slots = golden->slots[0],
        .ids = read_tensor(golden, "input_ids", NPY_UINT32, rows * golden->slots[0]),
        .counts = read_tensor(golden, "input_counts", NPY_UINT32, rows),
        .labels = read_tensor(golden, "labels", NPY_UINT32, golden->training.batch),
        .valid = golden->training.batch};
}

static void free_case(struct golden *golden)
{
    free(golden->batch.ids);
    free(golden->batch.counts);
    free(golden->batch.labels);
}

static void check_close(const float *found, const float *wanted, uint64_t items, double tolerance,
                        const char *what, uint32_t layer)
{
    double largest = 0.0;
    for (uint64_t i = 0; i < items; i++) {
        largest = fmax(largest, fabs((double)wanted[i]));
    }
    for (uint64_t i = 0; i < items; i++) {
        double error = fabs((double)found[i] - (double)wanted[i]);
        if (!(error <= tolerance * largest)) {
            fail_msg("%s of layer %u, entry %lu: %.9g, not %.9g (largest %g)", what, layer,
                     (unsigned long)i, (double)found[i], (double)wanted[i], largest);
        }
    }
}

static void check_counts(const struct golden *golden, const struct activity *record)
{
    uint32_t layers = golden->layer_count - 1;
    uint32_t rows = golden->training.batch * golden->training.time_steps;
    uint32_t *counts = read_tensor(golden, "counts", NPY_UINT32, rows * layers * 2);
    uint64_t dropped = 0;
    for (uint32_t l = 1; l <= layers; l++) {
        for (uint32_t row = 0; row < rows; row++) {
            const uint32_t *wanted = counts + (row * layers + l - 1) * 2;
            assert_int_equal(record->layers[l].counts[row * 2], wanted[0]);
            assert_int_equal(record->layers[l].counts[row * 2 + 1], wanted[1]);
        }
        dropped += record->layers[l].dropped_spikes;
    }
    assert_int_equal(dropped, golden->dropped);
    free(counts);
}

static void check_layer(const struct golden *golden, const struct trainer *trainer, uint32_t layer,
                        double tolerance)
{
    uint64_t weights = (uint64_t)golden->neurons[layer] * golden->neurons[layer - 1];
    uint64_t membranes = (uint64_t)golden->neurons[layer] * golden->training.batch;
    float *wanted = read_layer(golden, "dw%u", layer, weights);
    float *found = calloc(weights + membranes, sizeof(float));
    trainer_get_gradient(trainer, layer, found);
    check_close(found, wanted, weights, tolerance, "gradient", layer);
    free(wanted);
    wanted = read_layer(golden, "u%u_last", layer, membranes);
    trainer_get_last_membrane(trainer, layer, found);
    check_close(found, wanted, membranes, tolerance, "membrane", layer);
    free(wanted);
    free(found);
}

static void check_logits(const struct golden *golden, const struct trainer *trainer)
{
    uint32_t items = golden->training.batch * golden->network.outputs;
    float *wanted = read_tensor(golden, "logits", NPY_FLOAT32, items);
    float *found = calloc(items, sizeof(float));
    trainer_get_logits(trainer, found);
    assert_memory_equal(found, wanted, items * sizeof(float));
    free(wanted);
    free(found);
}

static void check_case(const char *name, enum network_form form, enum precision precision,
                       uint64_t dropped)
{
    struct golden golden = {.name = name, .dropped = dropped};
    read_case(&golden);
    golden.training.precision = precision;
    double tolerance = precision == PRECISION_FLOAT32 ? 1e-4 : 1e-6;
    struct training_graph *graph = training_graph_create(
        &golden.network, form, golden.training.batch, golden.training.time_steps);
    struct trainer *trainer = trainer_create(graph, &golden.training, 1, 2);
    for (uint32_t l = 1; l < golden.layer_count; l++) {
        float *weights =
            read_layer(&golden, "w%u", l, (uint64_t)golden.neurons[l] * golden.neurons[l - 1]);
        trainer_set_weights(trainer, l, weights);
        free(weights);
    }
    struct activity *record = activity_create(golden.layer_count, golden.neurons, golden.slots,
                                              golden.training.time_steps, golden.training.batch);
    double loss = trainer_step(trainer, &golden.batch, false, record);
    assert_true(fabs(loss - golden.loss) <= 1e-9 * golden.loss);
    check_counts(&golden, record);
    check_logits(&golden, trainer);
    for (uint32_t l = 1; l < golden.layer_count; l++) {
        check_layer(&golden, trainer, l, tolerance);
    }
    activity_destroy(record);
    trainer_destroy(trainer);
    training_graph_destroy(graph);
    free_case(&golden);
}

static void near_threshold_ids_get_gradients_as_in_the_golden_vectors(void **state)
{
    (void)state;
    check_case("lif_small", FORM_SPARSE, PRECISION_FLOAT32, 0);
    check_case("lif_small", FORM_SPARSE, PRECISION_FLOAT64, 0);
}

static void dropped_spikes_reset_but_send_nothing_as_in_the_golden_vectors(void **state)
{
    (void)state;
    check_case("lif_overflow", FORM_SPARSE, PRECISION_FLOAT32, 91);
    check_case("lif_overflow", FORM_SPARSE, PRECISION_FLOAT64, 91);
}

static void slots_for_every_neuron_give_the_dense_golden_vectors(void **state)
{
    (void)state;
    check_case("lif_dense", FORM_SPARSE, PRECISION_FLOAT32, 0);
    check_case("lif_dense", FORM_SPARSE, PRECISION_FLOAT64, 0);
}

static void the_dense_form_gives_the_dense_golden_vectors(void **state)
{
    (void)state;
    check_case("lif_dense", FORM_DENSE, PRECISION_FLOAT32, 0);
    check_case("lif_dense", FORM_DENSE, PRECISION_FLOAT64, 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_threshold_ids_get_gradients_as_in_the_golden_vectors),
        cmocka_unit_test(dropped_spikes_reset_but_send_nothing_as_in_the_golden_vectors),
        cmocka_unit_test(slots_for_every_neuron_give_the_dense_golden_vectors),
        cmocka_unit_test(the_dense_form_gives_the_dense_golden_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
