#include "sim/run/host_memory.h"

#include <unistd.h>

#include "sim/activity.h"
#include "sim/run/form_run.h"

#define GIB_BYTES 1073741824.0

// Forms are trained one after the other: one set of weights at a time.
static double weights_bytes(const struct experiment *experiment)
{
    const struct network_config *network = &experiment->network;
    const struct training_config *training = &experiment->training;
    double values = training->optimizer == OPTIMIZER_ADAM ? 4 : 2; // weight, gradient, 2 moments
    double value_bytes = training->precision == PRECISION_FLOAT64   ? 8
                         : training->precision == PRECISION_FLOAT16 ? 2
                                                                    : 4;
    double weights = 0;
    for (uint32_t layer = 1; layer < network->layer_count; layer++) {
        weights += (double)network->neurons[layer] * network->neurons[layer - 1];
        weights += network->has_bias ? network->neurons[layer] : 0;
    }
    return weights * values * value_bytes;
}

static double spikes_bytes(const struct experiment *experiment, double ids, double counts)
{
    double vectors = (double)experiment->training.time_steps * experiment->training.batch;
    return vectors * (ids + counts) * sizeof(uint32_t);
}

// Of the dense form, and of analog input, no ids are kept.
static double record_slots(const struct experiment *experiment, enum network_form form)
{
    const struct network_config *network = &experiment->network;
    double slots = 0;
    uint32_t first = network->input == INPUT_ANALOG ? 1 : 0;
    for (uint32_t layer = first; form == FORM_SPARSE && layer < network->layer_count; layer++) {
        slots += network->slots[layer];
    }
    return slots;
}

static double record_bytes(const struct experiment *experiment, enum network_form form)
{
    return spikes_bytes(experiment, record_slots(experiment, form),
                        2.0 * experiment->network.layer_count); // spikes, listed
}

static double drawn_bytes(const struct experiment *experiment)
{
    double batch = experiment->training.batch;
    double ids_bytes = batch * record_slots(experiment, FORM_SPARSE) * sizeof(uint32_t);
    uint32_t kept = activity_kept_time_steps((uint64_t)ids_bytes, experiment->training.time_steps);
    return ids_bytes * kept + batch * 2.0 * experiment->network.layer_count * sizeof(uint32_t);
}

static double batch_bytes(const struct experiment *experiment)
{
    const struct network_config *network = &experiment->network;
    if (network->input == INPUT_ANALOG) { // once for all time steps
        return (double)experiment->training.batch * network->inputs * sizeof(float);
    }
    return spikes_bytes(experiment, network->slots[0], 1);
}

double host_memory_needed_bytes(const struct experiment *experiment, uint32_t forms)
{
    bool is_functional = experiment->training.mode == MODE_FUNCTIONAL;
    double bytes = 0;
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        bool is_recorded = (forms >> form & 1u) != 0 && (is_functional || form == FORM_SPARSE);
        double record = is_functional ? record_bytes(experiment, (enum network_form)form)
                                      : drawn_bytes(experiment);
        bytes += is_recorded ? record * experiment->timing.training_steps : 0;
    }
    if (is_functional) {
        bytes += weights_bytes(experiment) + batch_bytes(experiment);
    }
    return bytes;
}

bool host_memory_check(const struct experiment *experiment, uint32_t forms, struct err *err)
{
    double needed_bytes = host_memory_needed_bytes(experiment, forms);
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    double available_bytes = (double)pages * (double)page_bytes;
    if (pages <= 0 || page_bytes <= 0 || needed_bytes <= available_bytes) {
        return true;
    }
    return err_at(err, NULL,
                  "the run needs at least %.1f GiB of this host's memory, which has %.1f GiB; make "
                  "network, training.batch, training.time_steps or timing.training_steps smaller",
                  needed_bytes / GIB_BYTES, available_bytes / GIB_BYTES);
}
