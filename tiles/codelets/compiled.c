// Each vertex is described by the instructions of its loops, as its source has them, and costed by
// instructions_millislots; what stands before and after the loops is a straight piece and
// `costs.vertex_start` (saving registers, call and return). Sources: LBM =
// thorbenlouw/lbm-graphcore, TESS = graphcore-research/tessellate-ipu.
#include "tiles/codelets/compiled.h"

#include "tiles/codelets/codelets.h"
#include "tiles/codelets/instructions.h"

static uint64_t start_millislots(uint32_t fields, uint32_t integers, const struct chip_config *chip)
{
    struct instructions entry = {.loads = fields, .integers = integers};
    return slots_to_millislots(chip->costs.vertex_start) +
           instructions_millislots(&entry, SCHEDULE_STRAIGHT, chip);
}

// --- STREAM -------------------------------------------------------------------------------------
static struct instructions stream_iteration(enum stream_kernel kernel,
                                            enum stream_implementation implementation,
                                            uint32_t element_bytes)
{
    bool is_vector = implementation != STREAM_COMPILED;
    uint32_t operands = kernel == STREAM_COPY || kernel == STREAM_SCALE ? 1 : 2;
    uint32_t floats = kernel == STREAM_COPY ? 0 : 1;
    if (kernel == STREAM_TRIAD && implementation <= STREAM_LIBRARY) {
        floats = 2; // product, sum; in assembly one instruction does both (f32v2axpy, f16v4mix)
    }
    bool is_half_store = !is_vector && element_bytes == 2;
    return (struct instructions){
        .loads = operands,
        .stores = is_half_store ? 0 : 1,
        .half_stores = is_half_store,
        .floats = floats,
        .live_integers = operands + 1 + 3, // pointers; index, bound, vertex base
        .live_floats = (operands + 1) * (is_vector ? 2 : 1),
    };
}

// The library has vertices in assembly for a copy (8 bytes a cycle: PL ConvModel) and for a product
// and a sum (2 and 3 slots a vector: PL popopsCycleEstimators); a triad is one of its expressions.
static enum schedule stream_schedule(enum stream_kernel kernel,
                                     enum stream_implementation implementation)
{
    switch (implementation) {
    case STREAM_LIBRARY:
        return kernel == STREAM_TRIAD  ? SCHEDULE_LOOP
               : kernel == STREAM_COPY ? SCHEDULE_REPEAT_APART
                                       : SCHEDULE_REPEAT;
    case STREAM_ASSEMBLY_ANYWHERE:
        return SCHEDULE_REPEAT;
    case STREAM_ASSEMBLY_APART:
        return SCHEDULE_REPEAT_APART;
    case STREAM_ASSEMBLY:
        return SCHEDULE_REPEAT_INTERLEAVED;
    default:
        return SCHEDULE_LOOP;
    }
}

// sizes: elements (of a worker; of the tile for the library), kernel, implementation, bytes per
// element.
struct vertex_cost stream_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    if (sizes[1] > STREAM_TRIAD || sizes[2] > STREAM_ASSEMBLY || (sizes[3] != 2 && sizes[3] != 4)) {
        return unknown_cost();
    }
    enum stream_implementation implementation = sizes[2];
    enum stream_kernel kernel = sizes[1];
    struct instructions iteration = stream_iteration(kernel, implementation, sizes[3]);
    bool is_multi = implementation == STREAM_LIBRARY;
    uint64_t elements = is_multi ? div_ceil(sizes[0], chip->tile.contexts) : sizes[0];
    uint64_t elements_per_iteration =
        implementation == STREAM_COMPILED ? 1 : chip->tile.vector_bytes / sizes[3];
    uint64_t iterations = div_ceil(elements, elements_per_iteration);
    uint32_t arrays = iteration.loads + 1;
    uint32_t integers = is_multi ? 4 : 0; // worker id, share of the elements, first and last one
    return (struct vertex_cost){
        .is_multi = is_multi,
        .supervisor_cycles = is_multi ? 11 : 0, // of the library's elementwise vertices (PL)
        .fixed_millislots =
            start_millislots(2 * arrays + 1, integers, chip) + // pointers, lengths, the factor
            iterations *
                instructions_millislots(&iteration, stream_schedule(kernel, implementation), chip),
    };
}

// --- 3 x 3 stencil ------------------------------------------------------------------------------
// Instructions of a row's address, as the source has it: row times width, plus column, scaled.
#define ADDRESS_INTEGERS 3u
#define STENCIL_ROWS 3u // of neighbours

static struct instructions stencil_cell(enum stencil_implementation implementation)
{
    // Vectors of one cell, unrolled in the source: one pass of the loop is one cell.
    uint32_t vectors = implementation == STENCIL_HALF4    ? 1
                       : implementation == STENCIL_FLOAT2 ? 2
                                                          : STENCIL_CHANNELS;
    uint32_t registers = implementation == STENCIL_FLOAT ? 1 : 2; // of one value
    return (struct instructions){
        .loads = vectors * STENCIL_NEIGHBOURS, // the source reloads neighbours for every cell
        .stores = vectors,
        .floats = vectors * (STENCIL_ADDITIONS + STENCIL_PRODUCTS),
        .live_integers = STENCIL_ROWS + 1 + 4, // rows, output; column, width, row, vertex base
        .live_floats = 4 * registers, // sums of corners and of edges, the middle, the value loaded
    };
}

// One vertex of one worker on its own block of cells; halos lie apart (LBM GaussianBlurCodelets).
// Loops: the middle by rows and columns; the first and last column, the first and last row; four
// corners. sizes: rows, columns, implementation.
struct vertex_cost stencil3x3_cost(const uint32_t sizes[VERTEX_SIZES],
                                   const struct chip_config *chip)
{
    if (sizes[0] < 2 || sizes[1] < 2 || sizes[2] > STENCIL_FLOAT) {
        return unknown_cost(); // strips of one cell have vertices of their own
    }
    uint64_t rows = sizes[0] - 2;
    uint64_t columns = sizes[1] - 2;
    struct instructions cell = stencil_cell(sizes[2]);
    uint64_t cell_millislots = instructions_millislots(&cell, SCHEDULE_LOOP, chip);
    struct instructions new_rows = {.integers = STENCIL_ROWS * ADDRESS_INTEGERS};
    uint64_t rows_millislots = instructions_millislots(&new_rows, SCHEDULE_STRAIGHT, chip);
    struct instructions row_loop = {.integers =
                                        STENCIL_ROWS * ADDRESS_INTEGERS + 1}; // first column
    uint64_t row_millislots = instructions_millislots(&row_loop, SCHEDULE_LOOP, chip);
    uint64_t corner_millislots =
        instructions_millislots(&cell, SCHEDULE_STRAIGHT, chip) + rows_millislots;
    uint32_t fields = 9 + 1 + 2; // input and eight halos, output, width and height
    return (struct vertex_cost){
        .fixed_millislots = start_millislots(fields, 0, chip) +
                            rows * (row_millislots + columns * cell_millislots) +
                            2 * rows * (cell_millislots + rows_millislots) + // columns at the sides
                            2 * (rows_millislots + columns * cell_millislots) + // first, last row
                            4 * corner_millislots,
    };
}

// --- linear algebra of TESS ---------------------------------------------------------------------
// The smallest shell of a vertex for all workers (PL vector-inner: set entry, run all, return).
#define SHELL_CYCLES 13

// x c - y s and x s + y c, as two passes of a x + b y in assembly: two memory instructions and two
// products an iteration (tile_small_dot). sizes: elements of a row.
struct vertex_cost rotation_2d_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip)
{
    uint64_t vectors = div_ceil(div_ceil(sizes[0], words_per_vector(chip)), chip->tile.contexts);
    struct instructions iteration = {.loads = 2, .stores = 1, .floats = 2};
    struct instructions pass = {
        .loads = 6, .integers = 2, .floats = 6};   // fill; pack addresses, repeat
    struct instructions workers = {.loads = 3,     // first and last vector, the angle
                                   .integers = 11, // share, pointers of two passes
                                   .floats = 3};   // factors into their register
    uint64_t iteration_millislots =
        instructions_millislots(&iteration, SCHEDULE_REPEAT_APART, chip);
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = SHELL_CYCLES,
        .fixed_millislots = start_millislots(6, 0, chip) +
                            instructions_millislots(&workers, SCHEDULE_STRAIGHT, chip) +
                            2 * (instructions_millislots(&pass, SCHEDULE_STRAIGHT, chip) +
                                 vectors * iteration_millislots),
    };
}

// x -= scale v, a pipelined loop in C++ intrinsics with a 16-bit count (tile_qr_vertex). sizes:
// elements.
struct vertex_cost householder_row_cost(const uint32_t sizes[VERTEX_SIZES],
                                        const struct chip_config *chip)
{
    uint64_t vectors = div_ceil(div_ceil(sizes[0], words_per_vector(chip)), chip->tile.contexts);
    struct instructions iteration = {.loads = 2, .stores = 1, .floats = 2};
    struct instructions ends = {.loads = 2 + 4, // first vectors; share of the worker, two factors
                                .stores = 1,
                                .integers = 6, // share, test for none, three pointers, offset
                                .floats = 2 + 3};
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = SHELL_CYCLES,
        .fixed_millislots = start_millislots(7, 0, chip) +
                            instructions_millislots(&ends, SCHEDULE_STRAIGHT, chip) +
                            (vectors > 0 ? vectors - 1 : 0) *
                                instructions_millislots(&iteration, SCHEDULE_REPEAT, chip),
    };
}
