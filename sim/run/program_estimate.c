#include "sim/run/program_estimate.h"

#include "sim/machine.h"
#include "tiles/sram.h"

struct program_estimate program_estimate(const void *context, const struct program *program)
{
    const struct machine_config *config = context;
    struct sram_plan *plan = sram_plan_create(program, config->chip);
    struct machine *machine = machine_create_on(config->system, &config->parallel, program);
    struct program_estimate estimate = {.fits = plan->fits,
                                        .cycles = machine_estimate_cycles(machine)};
    machine_destroy(machine);
    sram_plan_destroy(plan);
    return estimate;
}
