// What a piece of a vertex costs whose schedule nobody published, counted from its instructions. A
// worker issues one bundle: one main instruction (memory, integers, control) and one float
// instruction (ISA 2.4-2.5). Memory answers before the worker issues again, so that nothing stalls:
// what counts is the fuller of the two streams, or the longest chain of instructions that wait for
// each other.
// Modelled:     both streams, 16-bit stores, spills of registers, the control of a loop, combined
//               memory instructions of code written by hand.
// Not modelled: the compiler's order inside an iteration; arithmetic that only the last load of an
//               iteration waits for is taken to hide behind control or the next iteration.
#ifndef TILESIM_TILES_CODELETS_INSTRUCTIONS_H
#define TILESIM_TILES_CODELETS_INSTRUCTIONS_H

#include <stdint.h>

#include "sim/chip.h"

// Slots of the float stream that one instruction takes (ISA table 4.1; everything else takes one).
#define FLOAT_SLOTS_DIVIDE 3u
#define FLOAT_SLOTS_SQUARE_ROOT 5u
#define FLOAT_SLOTS_EXPONENTIAL 3u

struct instructions {     // of one iteration, or of a straight piece
    uint32_t loads;       // each of up to 64 bit
    uint32_t stores;      // each of 32 or 64 bit
    uint32_t half_stores; // of 16 bit: memory has none, so that a word is read, merged and written
    uint32_t integers;    // addresses and tests, branches other than the loop's own
    uint32_t floats;      // slots: a vector of 64 bit is one, a transcendental as above
    uint32_t live_integers; // registers in use at once; vertex base and worker id among them
    uint32_t live_floats;   // 64-bit values take two; constants do not count, they are made anew
    uint32_t chain;         // slots of the longest chain of instructions that wait for each other
};

enum schedule {
    SCHEDULE_STRAIGHT, // no loop
    SCHEDULE_LOOP,     // compiled: an index is counted, compared, and a branch taken
    SCHEDULE_REPEAT,   // a zero-overhead loop: 16-bit count, pointers that step by themselves
    // The same in assembly, with operands placed for it:
    SCHEDULE_REPEAT_APART, // in distinct memory elements: a load goes with a store (ISA ldst64)
    SCHEDULE_REPEAT_INTERLEAVED, // and interleaved: as many as the chip combines (ISA ld2xst64)
};

// Issue slots of one worker, in thousandths.
uint64_t instructions_millislots(const struct instructions *instructions, enum schedule schedule,
                                 const struct chip_config *chip);

#endif
