#include "tiles/codelets/instructions.h"

#include "tiles/codelets/codelets.h"

// A 16-bit store: load of the word that holds it, choice of the half, merge, store of the word
// (ISA: stores are 32 or 64 bit).
#define HALF_STORE_LOADS 1
#define HALF_STORE_INTEGERS 1
#define HALF_STORE_FLOATS 1
#define HALF_STORE_STORES 1

static uint64_t count_spills(uint64_t live, uint64_t registers)
{
    return live > registers ? live - registers : 0;
}

// Memory instructions of an iteration.
static uint64_t count_memory(uint64_t loads, uint64_t stores, enum schedule schedule,
                             const struct code_config *code)
{
    switch (schedule) {
    case SCHEDULE_REPEAT_APART:
        return max_u64(loads, stores);
    case SCHEDULE_REPEAT_INTERLEAVED:
        return max_u64(div_ceil(loads, code->combined_loads),
                       div_ceil(stores, code->combined_stores));
    default:
        return loads + stores;
    }
}

uint64_t instructions_millislots(const struct instructions *instructions, enum schedule schedule,
                                 const struct chip_config *chip)
{
    const struct code_config *code = &chip->code;
    uint64_t spills = count_spills(instructions->live_integers, code->integer_registers) +
                      count_spills(instructions->live_floats, code->float_registers);
    uint64_t half_stores = instructions->half_stores;
    uint64_t loads = instructions->loads + HALF_STORE_LOADS * half_stores + spills;
    uint64_t stores = instructions->stores + HALF_STORE_STORES * half_stores + spills;
    uint64_t integers = instructions->integers + HALF_STORE_INTEGERS * half_stores;
    uint64_t floats = instructions->floats + HALF_STORE_FLOATS * half_stores;

    uint64_t memory = count_memory(loads, stores, schedule, code);
    uint64_t control =
        schedule == SCHEDULE_LOOP ? slots_to_millislots(code->loop_control_slots) : 0;
    uint64_t arithmetic = max_u64(floats, instructions->chain);
    return max_u64((memory + integers) * MILLISLOTS_PER_SLOT + control,
                   arithmetic * MILLISLOTS_PER_SLOT);
}
