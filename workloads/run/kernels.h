// Kernels of the functional run: what they work on, and the three tables of them.
//
//   kernels_sparse     float32; spikes as lists of ids; hand-blocked for the caches
//   kernels_dense      float32; spikes as 0 and 1; products by OpenBLAS on one thread each
//   kernels_reference  float64; both forms; plain loops, for tests and training.precision: float64
//
// float16 runs on the float32 tables; executor and trainer round what is stored (float16.h).
//
// Every kernel adds in an order fixed by the sizes alone: the same bits for any number of threads.
//
// Weights lie in strips of columns, [strip][fan-in][strip_columns]: a strip of 64 columns of all
// rows (592 kB for 2312 inputs) stays in a core's second-level cache and lies on few pages, and the
// sums of a strip stay in registers while rows are gathered.
#ifndef TILESIM_WORKLOADS_RUN_KERNELS_H
#define TILESIM_WORKLOADS_RUN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/graph/training_graph.h"

#define STRIP_COLUMNS_MAX 64u // floats; 4 vectors of 16

// One tensor from the first time step of a block on. Row (time step t, sample b) of reals starts at
// t * time_stride + b * row_stride; of ids at (t * batch + b) * row_stride; of counts at (t * batch
// + b) * 2.
struct view {
    void *reals;      // float or double; spikes of the dense form: 0 and 1; sparse spikes: NULL
    uint32_t *ids;    // sparse spikes, spikes first, both parts ascending
    uint32_t *counts; // spikes of both forms: spikes k, listed g
    size_t row_stride;
    size_t time_stride; // 0: the tensor does not outlive its time step, or is the same at all
    uint32_t columns;   // neurons; of slots: capacity
};

// A parameter or its gradient. Element (row, column) lies at
// ((column / strip_columns) * rows + row) * strip_columns + column % strip_columns.
struct matrix {
    void *data;
    uint32_t rows, columns;
    uint32_t strip_columns;
};

static inline uint32_t matrix_strips(const struct matrix *matrix)
{
    return (matrix->columns + matrix->strip_columns - 1) / matrix->strip_columns;
}

static inline size_t matrix_index(const struct matrix *matrix, uint32_t row, uint32_t column)
{
    uint32_t strip = column / matrix->strip_columns;
    return ((size_t)strip * matrix->rows + row) * matrix->strip_columns +
           column % matrix->strip_columns;
}

// What is the same for all kernels of a training step.
struct run_context {
    const struct training_graph *graph;
    uint32_t batch;
    uint64_t seed;          // for the random start of a scan that overflows
    uint32_t training_step; // updates done so far
};

struct span { // relative to the block: time steps [first_time_step, + time_steps), samples likewise
    uint32_t first_time_step, time_steps;
    uint32_t first_sample, samples;
};

struct op_job { // an op that is not elementwise, bound to a block of time steps
    const struct op *op;
    const struct run_context *context;
    struct view in[OP_INPUTS_MAX]; // reals == NULL and ids == NULL where an input is absent
    struct view out;
    struct matrix matrix;     // products: weights, or the gradient of a parameter
    uint32_t first_time_step; // of the block, in the batch
    uint32_t block_time_steps;
    uint32_t *dropped; // fire: [batch], adds spikes that found no slot
};

// Which (time step, sample) of a block sent spikes, per input: the lists of spikes turned around.
struct event_lists {
    uint32_t *offsets; // owned; [fan-in + 1]
    uint32_t *events;  // owned; time step * batch + sample, ascending
    size_t event_capacity;
};

#define REGION_OPERANDS_MAX \
    48                    // tensors of a fused elementwise region; asserted when it is compiled
#define REGION_BLOCK 256u // elements that pass through all ops of a region before the next; fits L1

struct region_op {
    enum op_kind kind;
    uint32_t a, b, out; // operands; b == a for ops of one input
    double constant;
};

// Operands 0 .. input_count-1 are read from memory, the next output_count are written to memory,
// the rest live in a scratch block. Straight-through and detach are renamed away.
struct region_program {
    struct region_op *ops; // owned
    uint32_t op_count;
    uint32_t input_count, output_count, operand_count;
    uint32_t columns;
};

struct region_job {
    const struct region_program *program;
    const struct view *views; // of the operands in memory
};

struct update_job {                             // one optimiser step of a parameter
    void *weights, *gradient, *mean, *variance; // mean, variance: Adam
    const struct training_config *training;
    uint64_t steps;       // this step's number, from 1
    double learning_rate; // of this step
};

enum work_split { SPLIT_STRIPS, SPLIT_ROWS }; // how a product over a block is cut into items

struct kernels {
    uint32_t real_bytes;
    bool is_strip_major;  // weights in strips of up to STRIP_COLUMNS_MAX; else one strip
    bool has_event_lists; // add_weight_gradient wants them
    // Products with spikes by a matrix library: the bits of a row may depend on the rows beside it.
    bool multiplies_rows_together;
    enum work_split connect_split; // SPLIT_STRIPS: one column strip an item
    uint32_t rows_per_item;        // SPLIT_ROWS: (time step, sample) rows an item, about
    uint32_t samples_per_item;     // products inside a recurrence: samples an item
    // weight gradient: rows of the matrix an item; 0: one column strip
    uint32_t gradient_rows_per_item;
    // y = x w for the rows of `span` and the strips [first_strip, end_strip)
    void (*connect)(const struct op_job *job, const struct span *span, uint32_t first_strip,
                    uint32_t end_strip);
    // The same of analog input, which is the same at every time step: its time stride is 0.
    void (*connect_dense)(const struct op_job *job, const struct span *span, uint32_t first_strip,
                          uint32_t end_strip);
    // Indexed by op: connect_input_gradient, fire, fire_gradient, gather_slots, count_spikes.
    void (*ops[OP_KIND_COUNT])(const struct op_job *job, const struct span *span);
    // Item of matrix (+)= x^T e over the block; overwrites unless `adds`.
    void (*add_weight_gradient)(const struct op_job *job, const struct event_lists *lists,
                                uint32_t item, bool adds, void *scratch);
    void (*add_dense_weight_gradient)(const struct op_job *job, const struct event_lists *lists,
                                      uint32_t item, bool adds, void *scratch);
    // matrix [1, neurons] (+)= e, summed over the block's rows
    void (*add_bias_gradient)(const struct op_job *job, bool adds);
    void (*region)(const struct region_job *job, uint32_t time_step, uint32_t sample);
    void (*update)(const struct update_job *job, size_t first, size_t count);
};

extern const struct kernels kernels_sparse, kernels_dense, kernels_reference_sparse,
    kernels_reference_dense;
const struct kernels *kernels_select(enum network_form form, enum precision precision);

// Bytes of scratch memory that gradients of weights need for blocks of block_rows rows. The graph:
// for tables without event lists alone.
size_t kernels_scratch_bytes(const struct kernels *kernels, const struct training_graph *graph,
                             uint32_t block_rows);

// --- shared by the tables -----------------------------------------------------------------------
void connect_sparse(const struct op_job *job, const struct span *span, uint32_t first_strip,
                    uint32_t end_strip);
void connect_input_gradient_sparse(const struct op_job *job, const struct span *span);
void add_weight_gradient_sparse(const struct op_job *job, const struct event_lists *lists,
                                uint32_t item, bool adds, void *scratch);
void connect_analog(const struct op_job *job, const struct span *span, uint32_t first_strip,
                    uint32_t end_strip);
void add_weight_gradient_analog_strip(const struct op_job *job, const struct event_lists *lists,
                                      uint32_t item, bool adds, void *scratch);
void add_weight_gradient_analog_rows(const struct op_job *job, const struct event_lists *lists,
                                     uint32_t item, bool adds, void *scratch);
void add_bias_gradient_fast(const struct op_job *job, bool adds);
void fire_sparse(const struct op_job *job, const struct span *span);
void fire_gradient_sparse(const struct op_job *job, const struct span *span);
void gather_slots_sparse(const struct op_job *job, const struct span *span);
void count_spikes_sparse(const struct op_job *job, const struct span *span);
void region_run_fast(const struct region_job *job, uint32_t time_step, uint32_t sample);
void update_fast(const struct update_job *job, size_t first, size_t count);

static inline float *view_floats(const struct view *view, uint32_t time_step, uint32_t sample)
{
    return (float *)view->reals + time_step * view->time_stride + sample * view->row_stride;
}

static inline double *view_doubles(const struct view *view, uint32_t time_step, uint32_t sample)
{
    return (double *)view->reals + time_step * view->time_stride + sample * view->row_stride;
}

static inline size_t job_row(const struct op_job *job, uint32_t time_step, uint32_t sample)
{
    return (size_t)time_step * job->context->batch + sample;
}

// Runs the block that follows for every row (t, b) of a span.
#define FOR_ROWS(span, t, b)                                                                     \
    for (uint32_t t = (span)->first_time_step; t < (span)->first_time_step + (span)->time_steps; \
         t++)                                                                                    \
        for (uint32_t b = (span)->first_sample; b < (span)->first_sample + (span)->samples; b++)

// Where the scan for spikes of a full list starts: neuron 0, or a random one.
uint32_t overflow_start(const struct op_job *job, uint32_t time_step, uint32_t sample,
                        uint32_t neurons);

#endif
