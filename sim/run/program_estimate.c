#include "sim/run/program_estimate.h"

#include "sim/machine.h"
#include "tiles/sram.h"

static uint64_t run_cycles(const void *context, const struct program *program)
{
    const struct machine_config *config = context;
    struct machine *machine = machine_create_of(config, program);
    uint64_t cycles = machine_estimate_cycles(machine);
    machine_destroy(machine);
    return cycles;
}

static bool fits(const void *context, const struct program *program)
{
    const struct machine_config *config = context;
    struct sram_plan *plan = sram_plan_create(program, config->chip);
    bool is_fitting = plan->fits;
    sram_plan_destroy(plan);
    return is_fitting;
}

void program_estimate_offer(const struct machine_config *machine, struct machine_view *view)
{
    view->run_cycles = run_cycles;
    view->fits = fits;
    view->system_context = machine;
}
