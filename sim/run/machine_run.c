#include "sim/run/machine_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu.h"
#include "sim/machine.h"
#include "sim/run/checkpoint_result.h"
#include "sim/run/lowered.h"
#include "sim/run/progress.h"
#include "sim/units.h"
#include "tiles/sram.h"

static bool is_tiles(const struct machine_config *config)
{
    return config->chip != NULL;
}

static enum network_form tiles_form(const struct machine_config *config)
{
    return config->lowering.kind == LOWERING_SPARSE ? FORM_SPARSE : FORM_DENSE;
}

static enum network_form baseline_form(uint32_t baseline)
{
    return baseline == GPU_B4 ? FORM_SPARSE : FORM_DENSE;
}

uint32_t machine_forms(const struct machine_config *config)
{
    if (is_tiles(config)) {
        return 1u << tiles_form(config);
    }
    uint32_t forms = 0;
    for (uint32_t baseline = 0; baseline < GPU_BASELINE_COUNT; baseline++) {
        if (config->baselines >> baseline & 1u) {
            forms |= 1u << baseline_form(baseline);
        }
    }
    return forms;
}

uint32_t machine_entries(const struct machine_config *config)
{
    return is_tiles(config) ? 1 : (uint32_t)__builtin_popcount(config->baselines);
}

// --- tiles --------------------------------------------------------------------------------------
struct tiles_run {
    const struct machine_config *config;
    const struct experiment *experiment;
    const struct form_run *form;
    struct lowered lowered;
    struct result_machine *out;
    struct machine_speed *speed;
    struct err *err;
};

static void fill_memory(struct result_machine *out, const struct sram_plan *plan,
                        uint32_t tile_count)
{
    out->tile_count = tile_count;
    out->sram_by_tile = xmalloc(((size_t)tile_count + 1) * sizeof(*out->sram_by_tile));
    memcpy(out->sram_by_tile, plan->bytes_by_tile, tile_count * sizeof(*out->sram_by_tile));
    out->tiles_used = plan->tiles_used;
    out->sram_limit_bytes = plan->limit_bytes;
    out->sram_max_bytes = plan->max_bytes;
    out->sram_max_tile = plan->max_tile;
    out->by_role_count = SRAM_ROLE_COUNT;
    out->by_role = xcalloc(SRAM_ROLE_COUNT, sizeof(*out->by_role));
    for (uint32_t role = 0; role < SRAM_ROLE_COUNT; role++) {
        out->by_role[role].name = xstrdup(sram_role_name(role));
        out->by_role[role].bytes = plan->by_role[role];
    }
    out->largest_count = plan->largest_count;
    out->largest = xcalloc(SRAM_LARGEST, sizeof(*out->largest));
    for (uint32_t i = 0; i < plan->largest_count; i++) {
        out->largest[i].name = xstrdup(plan->largest[i].name);
        out->largest[i].bytes = plan->largest[i].bytes;
    }
}

// Steps of equal name are one share, at the place of the first.
static void fill_shares(struct result_machine *out, const struct machine_time *time)
{
    out->shares = xcalloc(time->share_count + 1, sizeof(*out->shares));
    for (uint32_t i = 0; i < time->share_count; i++) {
        const struct machine_share *from = &time->shares[i];
        struct result_share *share = NULL;
        for (uint32_t j = 0; j < out->share_count && share == NULL; j++) {
            share = strcmp(out->shares[j].name, from->name) == 0 ? &out->shares[j] : NULL;
        }
        if (share == NULL) {
            share = &out->shares[out->share_count++];
            share->name = xstrdup(from->name);
        }
        share->times += from->times;
        share->seconds += cycles_to_seconds(from->cycles, out->clock_hz);
        share->cycles = (uint64_t)llround(share->seconds * out->clock_hz);
    }
}

static void fill_time(struct result_machine *out, const struct machine_time *time, uint32_t batch)
{
    out->fits = true;
    out->cycles = (uint64_t)llround(time->cycles);
    out->supersteps = time->supersteps;
    out->step_seconds = cycles_to_seconds(time->cycles, out->clock_hz);
    out->samples_per_second = batch / out->step_seconds;
    out->compute_seconds = cycles_to_seconds(time->compute_cycles, out->clock_hz);
    out->exchange_seconds = cycles_to_seconds(time->exchange_cycles, out->clock_hz);
    out->sync_seconds = cycles_to_seconds(time->sync_cycles, out->clock_hz);
    out->links_seconds = cycles_to_seconds(time->link_cycles, out->clock_hz);
    out->memory_seconds = cycles_to_seconds(time->memory_cycles, out->clock_hz);
    out->host_seconds = cycles_to_seconds(time->host_cycles, out->clock_hz);
    fill_shares(out, time);
}

static char *energy_reason(const struct power_config *power)
{
    if (isnan(power->idle_watts) || isnan(power->joules_per_flop) ||
        isnan(power->joules_per_sram_byte) || isnan(power->joules_per_exchange_byte)) {
        return xstrdup("the chip file gives no value for at least one key of power");
    }
    return xstrdup("the timing model does not count the operations and bytes that it would need");
}

static void fill_checkpoint(const struct tiles_run *run, const struct machine_time *time)
{
    const struct checkpoint_config *asked = &run->experiment->training.checkpoints;
    const struct checkpoint_run checkpoint = {
        .asked = asked,
        .used = &run->lowered.checkpoints,
        .program = run->lowered.program,
        .graph = run->lowered.graph == NULL ? run->form->graph : run->lowered.graph,
        .time = time,
        .replicas = run->out->replicas};
    run->out->checkpoint = checkpoint_result(&checkpoint);
}

static bool time_tiles(const struct tiles_run *run, struct machine *machine)
{
    const struct lowered *lowered = &run->lowered;
    struct machine_time time = {0};
    char *why = NULL;
    bool is_detailed = run->experiment->timing.engine == TIMING_DETAILED;
    bool is_timed = (is_detailed ? machine_time_detailed : machine_time_folded)(
        machine, lowered->records, lowered->record_count, &time, &why);
    if (is_timed) {
        fill_time(run->out, &time, run->experiment->training.batch);
        fill_checkpoint(run, &time);
        run->speed->timing_seconds += time.host_seconds;
        run->speed->simulated_seconds += run->out->step_seconds * lowered->record_count;
        run->speed->supersteps += (double)time.supersteps * lowered->record_count;
    } else {
        err_at(run->err, NULL, "%s: timing failed: %s", run->out->name, why);
        free(why);
    }
    machine_time_free(&time);
    return is_timed;
}

// With the plan that would fit.
static char *refusal(const struct tiles_run *run, const char *why)
{
    char *remedy = lowered_remedy(run->config, run->experiment, &run->lowered);
    char *text = xasprintf("%s; %s", why, remedy);
    free(remedy);
    return text;
}

// Plans the memory of the lowered program and, if it fits, times it.
static bool plan_and_time(const struct tiles_run *run)
{
    double started_seconds = wall_seconds();
    const struct program *program = run->lowered.program;
    struct sram_plan *plan = sram_plan_create(program, run->config->chip);
    fill_memory(run->out, plan, program->tile_count);
    bool is_done = true;
    if (plan->fits) {
        struct machine *machine = machine_create_of(run->config, run->lowered.program);
        run->speed->lower_seconds += wall_seconds() - started_seconds;
        machine_time_here(machine, run->speed->clock);
        is_done = time_tiles(run, machine);
        machine_destroy(machine);
    } else {
        run->speed->lower_seconds += wall_seconds() - started_seconds;
        run->out->why = refusal(run, plan->why);
        fill_checkpoint(run, NULL);
    }
    sram_plan_destroy(plan);
    return is_done;
}

static bool run_tiles(struct tiles_run *run)
{
    const struct chip_config *chip = run->config->chip;
    *run->out = (struct result_machine){
        .name = xstrdup(run->config->name),
        .hardware = xstrdup(chip->name),
        .kind = "tiles",
        .variant = form_name(run->form->form),
        .form = form_name(run->form->form),
        .chips = run->config->parallel.chips,
        .chips_asked = run->config->parallel.chips,
        .replicas = run->config->system == NULL ? 1 : run->config->parallel.replicas,
        .clock_hz = chip->clock_hz,
        .error_band = RESULT_NOTHING,
        .energy_joules = RESULT_NOTHING,
        .energy_why = energy_reason(&chip->power),
    };
    double started_seconds = wall_seconds();
    run->lowered = lowered_create(run->config, run->experiment, run->form);
    run->speed->lower_seconds += wall_seconds() - started_seconds;
    run->out->why = run->lowered.program == NULL ? refusal(run, run->lowered.why) : NULL;
    if (run->lowered.program != NULL) {
        run->out->chips = run->lowered.program->chips * run->out->replicas;
    }
    run->out->plan_why = run->lowered.plan_why;
    run->lowered.plan_why = NULL;
    bool is_done = run->lowered.program == NULL || plan_and_time(run);
    lowered_free(&run->lowered);
    return is_done;
}

// --- GPU ----------------------------------------------------------------------------------------
// Mean over the recorded steps; only b4 depends on what was recorded.
static struct gpu_time mean_gpu_time(const struct machine_config *config, uint32_t baseline,
                                     const struct kernel_list *list, const struct form_run *form)
{
    bool is_replayed = baseline_form(baseline) == FORM_SPARSE;
    uint32_t count = is_replayed ? form->record_count : 1;
    struct gpu_time mean = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct gpu_time time = gpu_time_step(config->gpu, baseline, config->precision, list,
                                             is_replayed ? form->records[i] : NULL);
        struct gpu_time sum = mean;
        mean = time;
        mean.step_seconds = sum.step_seconds + time.step_seconds / count;
        mean.compute_seconds = sum.compute_seconds + time.compute_seconds / count;
        mean.launch_seconds = sum.launch_seconds + time.launch_seconds / count;
        mean.loop_seconds = sum.loop_seconds + time.loop_seconds / count;
        mean.sync_seconds = sum.sync_seconds + time.sync_seconds / count;
        mean.host_seconds = sum.host_seconds + time.host_seconds / count;
    }
    return mean;
}

static void fill_gpu_time(struct result_machine *out, const struct gpu_time *time, uint32_t batch)
{
    out->fits = time->fits;
    out->sram_max_bytes = time->memory_bytes;
    if (!time->fits) {
        out->why = xasprintf("needs %llu bytes of device memory and has %llu bytes",
                             (unsigned long long)time->memory_bytes,
                             (unsigned long long)out->sram_limit_bytes);
        return;
    }
    out->step_seconds = time->step_seconds;
    out->samples_per_second = batch / time->step_seconds;
    out->error_band = time->error_band;
    out->compute_seconds = time->compute_seconds;
    out->sync_seconds = time->sync_seconds;
    out->host_seconds = time->host_seconds;
    out->launch_seconds = time->launch_seconds;
    out->loop_seconds = time->loop_seconds;
    out->input_copy_seconds = time->input_copy_seconds;
}

static void run_gpu(const struct machine_config *config, const struct experiment *experiment,
                    const struct form_run *forms, struct result_machine *entries)
{
    struct kernel_list *lists[FORM_COUNT] = {NULL, NULL};
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        if (machine_forms(config) >> form & 1u) {
            lists[form] = lower_gpu(forms[form].graph, &experiment->training);
        }
    }
    for (uint32_t baseline = 0; baseline < GPU_BASELINE_COUNT; baseline++) {
        if (!(config->baselines >> baseline & 1u)) {
            continue;
        }
        enum network_form form = baseline_form(baseline);
        *entries = (struct result_machine){
            .name = xasprintf("%s/%s", config->name, gpu_baseline_name(baseline)),
            .hardware = xstrdup(config->gpu->name),
            .kind = "gpu",
            .variant = gpu_baseline_name(baseline),
            .form = form_name(form),
            .chips = 1,
            .chips_asked = 1,
            .replicas = 1,
            .error_band = RESULT_NOTHING,
            .sram_limit_bytes = (uint64_t)config->gpu->memory_bytes,
            .energy_joules = RESULT_NOTHING,
            .energy_why = xstrdup("the model of the GPU has no power values"),
        };
        struct gpu_time time = mean_gpu_time(config, baseline, lists[form], &forms[form]);
        fill_gpu_time(entries, &time, experiment->training.batch);
        entries++;
    }
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        kernel_list_destroy(lists[form]);
    }
}

bool machine_run(const struct machine_config *config, const struct experiment *experiment,
                 const struct form_run *forms, struct result_machine *entries,
                 struct machine_speed *speed, struct err *err)
{
    if (is_tiles(config)) {
        struct tiles_run run = {.config = config,
                                .experiment = experiment,
                                .form = &forms[tiles_form(config)],
                                .out = entries,
                                .speed = speed,
                                .err = err};
        return run_tiles(&run);
    }
    double started_seconds = wall_seconds();
    run_gpu(config, experiment, forms, entries);
    speed->gpu_seconds += wall_seconds() - started_seconds;
    return true;
}
