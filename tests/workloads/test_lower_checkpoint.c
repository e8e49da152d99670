// Checkpointed programs, counted: forward time steps, states held and states moved are those of the
// closed forms (docs/checkpointing.md), and what the chip would have to hold does not grow with the
// time steps.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/workloads/lower_fixture.h"
#include "workloads/lower/lower_loops.h"

// --- counting -----------------------------------------------------------------------------------
struct counts {
    uint64_t calls[32]; // of each section
    uint64_t forward_steps, backward_steps;
    uint64_t out, in; // transfers to and from streaming memory
    uint64_t out_bytes, in_bytes;
    int64_t waits; // started and not waited for, both channels
};

static bool ends_in(const char *name, const char *end)
{
    size_t length = strlen(name), end_length = strlen(end);
    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

// Every time step has one of these, in programs with sections and without.
static void count_compute_set(const char *name, struct counts *counts)
{
    counts->forward_steps += ends_in(name, " neuron update");
    counts->backward_steps += ends_in(name, " state gradient") || ends_in(name, " adjoints");
}

// Runs steps up to the end of the body, `*step` left on it, and adds what they do.
static void count_body(const struct program *program, uint32_t *step, struct counts *counts)
{
    for (; *step < program->step_count; (*step)++) {
        const struct program_step *at = &program->steps[*step];
        uint32_t first = *step + 1;
        if (at->kind == STEP_LOOP_END || at->kind == STEP_RETURN) {
            return;
        }
        if (at->kind == STEP_STREAM && at->stream_phase != STREAM_WAIT) {
            bool is_out = at->stream_direction == STREAM_OUT;
            *(is_out ? &counts->out : &counts->in) += 1;
            *(is_out ? &counts->out_bytes : &counts->in_bytes) += at->chip_bytes;
        }
        if (at->kind == STEP_COMPUTE) {
            count_compute_set(program->compute_sets[at->index].name, counts);
        } else if (at->kind == STEP_LOOP_BEGIN) {
            for (uint32_t i = 0; i < at->loop_count; i++) {
                *step = first;
                count_body(program, step, counts);
            }
        } else if (at->kind == STEP_CALL) {
            const struct program_section *section = &program->sections[at->index];
            counts->calls[at->index] += at->loop_count;
            for (uint32_t i = 0; i < at->loop_count; i++) {
                uint32_t inner = section->first_step;
                count_body(program, &inner, counts);
            }
        }
    }
}

static struct counts count_program(const struct program *program)
{
    struct counts counts = {0};
    uint32_t step = program->main_first;
    count_body(program, &step, &counts);
    return counts;
}

static uint64_t variable_bytes(const struct program *program, const char *name)
{
    const struct variable *variable = find_variable(program, name);
    return variable == NULL ? 0 : variable->bytes_per_item;
}

// --- programs -----------------------------------------------------------------------------------
// 40-30-20-10, a LIF: one state a neuron, and one saved.
static struct fixture small_network(uint32_t time_steps)
{
    return (struct fixture){.layer_count = 4,
                            .neurons = {40, 30, 20, 10},
                            .slots = {8, 6, 5, 4},
                            .batch = 4,
                            .time_steps = time_steps,
                            .neuron = "lif",
                            .layer_delay = 1,
                            .tiles = 64,
                            .has_streaming = true};
}

static struct program *lower_with(struct fixture *fixture, struct checkpoint_config checkpoints,
                                  enum lowering_kind kind)
{
    fixture->checkpoints = checkpoints;
    return fixture_program(*fixture, kind);
}

// C1: sizes of the section 3 of the cost model.
struct closed_form {
    const char *name;
    uint32_t time_steps;
    struct checkpoint_config checkpoints;
    uint64_t forward_steps, states, transfers; // transfers: of states or histories, each way
};

static const struct closed_form closed_forms[] = {
    {"P", 100, {.kind = CHECKPOINT_NONE}, 100, 100, 0},
    {"P", 1024, {.kind = CHECKPOINT_NONE}, 1024, 1024, 0},
    {"O", 100, {.kind = CHECKPOINT_OFFLOAD}, 100, 1, 100},
    {"S", 1024, {.kind = CHECKPOINT_SINGLE, .local = 32}, 2048, 64, 0},
    {"SR", 1024, {.kind = CHECKPOINT_SINGLE_REMOTE, .remote = 32}, 2048, 32, 32},
    {"D (4, 16)", 1024, {.kind = CHECKPOINT_DOUBLE, .remote = 4, .local = 16}, 3072, 32, 4},
    {"D (16, 8)", 1024, {.kind = CHECKPOINT_DOUBLE, .remote = 16, .local = 8}, 3072, 16, 16},
    {"D (64, 4)", 1024, {.kind = CHECKPOINT_DOUBLE, .remote = 64, .local = 4}, 3072, 8, 64},
    {"H, 3 levels", 1000, {.kind = CHECKPOINT_NESTED, .local = 10, .levels = 3}, 3000, 30, 0},
    {"H, 4 levels", 10000, {.kind = CHECKPOINT_NESTED, .local = 10, .levels = 4}, 40000, 40, 0},
    {"B, 3 states", 10, {.kind = CHECKPOINT_BINOMIAL, .local = 3}, 25, 4, 0},
    {"B, 4 states", 35, {.kind = CHECKPOINT_BINOMIAL, .local = 4}, 119, 5, 0},
    {"B, 5 states", 21, {.kind = CHECKPOINT_BINOMIAL, .local = 5}, 56, 6, 0},
};

static void check_closed_form(const struct closed_form *form, enum lowering_kind kind)
{
    struct fixture fixture = small_network(form->time_steps);
    struct program *program = lower_with(&fixture, form->checkpoints, kind);
    struct counts counts = count_program(program);
    uint64_t state = variable_bytes(program, "layer 1 states");
    uint64_t held = variable_bytes(program, "layer 1 state slots") +
                    variable_bytes(program, "layer 1 state history");
    if (counts.forward_steps != form->forward_steps || held != form->states * state ||
        counts.out != form->transfers || counts.in != form->transfers) {
        fail_msg("%s: %llu forward time steps, %g states held, %llu out, %llu in", form->name,
                 (unsigned long long)counts.forward_steps, (double)held / (double)state,
                 (unsigned long long)counts.out, (unsigned long long)counts.in);
    }
    assert_int_equal(counts.backward_steps, form->time_steps);
    program_destroy(program);
}

static void programs_take_the_time_steps_states_and_transfers_of_the_closed_forms(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(closed_forms) / sizeof(closed_forms[0]); i++) {
        check_closed_form(&closed_forms[i], LOWERING_SPARSE);
        check_closed_form(&closed_forms[i], LOWERING_DENSE);
    }
}

static void streaming_ahead_moves_the_same_words(void **state)
{
    (void)state;
    static const enum streaming_kind kinds[] = {STREAMING_DOUBLE_BUFFERED, STREAMING_IO_TILES};
    for (uint32_t i = 0; i < sizeof(closed_forms) / sizeof(closed_forms[0]); i++) {
        for (uint32_t k = 0; k < 2; k++) {
            enum lowering_kind form = i % 2 == 0 ? LOWERING_SPARSE : LOWERING_DENSE;
            struct fixture fixture = small_network(closed_forms[i].time_steps);
            struct program *blocking = lower_with(&fixture, closed_forms[i].checkpoints, form);
            fixture.config.streaming = kinds[k];
            fixture.config.io_tiles = 6;
            struct program *ahead = lower_with(&fixture, closed_forms[i].checkpoints, form);
            struct counts a = count_program(blocking), b = count_program(ahead);
            assert_int_equal(a.out, b.out);
            assert_int_equal(a.in, b.in);
            assert_int_equal(a.forward_steps, b.forward_steps);
            program_destroy(blocking);
            program_destroy(ahead);
        }
    }
}

static uint64_t sum_of_variables(const struct program *program, const char *text)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        bytes +=
            strstr(variable->name, text) != NULL ? variable->items * variable->bytes_per_item : 0;
    }
    return bytes;
}

static void a_stream_moves_a_stored_state(void **state)
{
    (void)state;
    struct fixture fixture = small_network(64);
    struct program *program = lower_with(
        &fixture, (struct checkpoint_config){.kind = CHECKPOINT_DOUBLE, .remote = 4, .local = 4},
        LOWERING_SPARSE);
    struct counts counts = count_program(program);
    uint64_t slots =
        sum_of_variables(program, "state slots") + sum_of_variables(program, "spike slots");
    assert_int_equal(counts.out_bytes, 4 * slots / 4);
    assert_int_equal(counts.in_bytes, counts.out_bytes);
    program_destroy(program);
}

static void states_of_two_bytes_move_half_the_words_of_membranes(void **state)
{
    (void)state;
    struct fixture fixture = small_network(64);
    struct checkpoint_config config = {.kind = CHECKPOINT_DOUBLE, .remote = 4, .local = 4};
    struct program *full = lower_with(&fixture, config, LOWERING_SPARSE);
    config.state_bytes = 2;
    struct program *half = lower_with(&fixture, config, LOWERING_SPARSE);
    assert_int_equal(2 * sum_of_variables(half, "state slots"),
                     sum_of_variables(full, "state slots"));
    assert_int_equal(sum_of_variables(half, "spike slots"), sum_of_variables(full, "spike slots"));
    assert_true(count_program(half).out_bytes < count_program(full).out_bytes);
    const struct vertex_group *cast = find_group(half, "C3 save state", 1);
    assert_int_equal(cast->codelet, CODELET_cast);
    assert_int_equal(cast->sizes[1], 2);
    program_destroy(full);
    program_destroy(half);
}

static void packed_spikes_take_a_bit_for_each_neuron_and_list(void **state)
{
    (void)state;
    struct fixture fixture = small_network(64);
    struct checkpoint_config config = {
        .kind = CHECKPOINT_SINGLE, .local = 4, .has_packed_spikes = true};
    struct program *program = lower_with(&fixture, config, LOWERING_SPARSE);
    // 30 neurons: a word for the spikes of a sample, one for its near-threshold ids
    uint64_t bytes = 4 * 2 * 4; // samples, lists, bytes
    const struct variable *slots = find_variable(program, "layer 1 spike slots");
    const struct variable *history = find_variable(program, "layer 1 spike history");
    assert_int_equal(slots->items * slots->bytes_per_item, 4 * bytes);
    assert_int_equal(history->items * history->bytes_per_item, 16 * bytes);
    // packed for every time step that is kept and every slot, unpacked for t and t - 1
    assert_int_equal(find_group(program, "C6 pack spikes", 1)->sizes[0], 1);
    assert_non_null(find_set(program, "B2 slice packed spikes"));
    assert_null(find_set(program, "B2 slice ids of t"));
    assert_null(find_set(program, "F9 save ids"));
    program_destroy(program);
}

// The n-th compute set of a name, its group for the output layer.
static const struct vertex_group *output_group(const struct program *program, const char *name,
                                               uint32_t number)
{
    for (uint32_t i = 0; i < program->compute_set_count; i++) {
        const struct compute_set *set = &program->compute_sets[i];
        if (strcmp(set->name, name) == 0 && number-- == 0) {
            return &program->groups[set->first_group + set->group_count - 1];
        }
    }
    fail_msg("no set %s", name);
    return NULL;
}

static void what_runs_again_adds_nothing_to_the_sums_of_the_loss(void **state)
{
    (void)state;
    for (uint32_t loss = LOSS_ON_SPIKES; loss <= LOSS_ON_MEMBRANES; loss++) {
        struct fixture fixture = small_network(64);
        fixture.loss = (enum loss_kind)loss;
        struct checkpoint_config config = {.kind = CHECKPOINT_SINGLE, .local = 8};
        struct program *dense = lower_with(&fixture, config, LOWERING_DENSE);
        const struct vertex_group *first = output_group(dense, "D5 neuron update", 0);
        const struct vertex_group *again = output_group(dense, "D5 neuron update", 1);
        for (uint32_t i = 1; i < 4; i++) { // loads, stores, arithmetic
            assert_int_equal(again->sizes[i] + 1, first->sizes[i]);
        }
        program_destroy(dense);
        struct program *sparse = lower_with(&fixture, config, LOWERING_SPARSE);
        first = output_group(sparse, "F3 neuron update", 0);
        again = output_group(sparse, "F3 neuron update", 1);
        bool sums = loss == LOSS_ON_MEMBRANES; // else C1 does, in the first run alone
        assert_int_equal(again->sizes[1] + 2 * sums, first->sizes[1]);
        assert_int_equal(again->sizes[2] + sums, first->sizes[2]);
        assert_int_equal(count_named_sets(sparse, "C1 count spikes"), !sums);
        program_destroy(sparse);
    }
}

// Every channel: no wait without a start before it but the first of puts, and nothing is left under
// way.
static void track(const struct program *program, uint32_t *step, uint32_t under_way[2])
{
    for (; *step < program->step_count; (*step)++) {
        const struct program_step *at = &program->steps[*step];
        uint32_t first = *step + 1;
        if (at->kind == STEP_LOOP_END || at->kind == STEP_RETURN) {
            return;
        }
        if (at->kind == STEP_STREAM && at->stream_phase == STREAM_START) {
            under_way[at->stream_channel]++;
            assert_true(under_way[at->stream_channel] <= 1); // there is one buffer
        } else if (at->kind == STEP_STREAM && at->stream_phase == STREAM_WAIT) {
            assert_true(under_way[at->stream_channel] == 1 || at->stream_direction == STREAM_OUT);
            under_way[at->stream_channel] = 0;
        } else if (at->kind == STEP_LOOP_BEGIN || at->kind == STEP_CALL) {
            for (uint32_t i = 0; i < at->loop_count; i++) {
                uint32_t inner =
                    at->kind == STEP_CALL ? program->sections[at->index].first_step : first;
                track(program, &inner, under_way);
                *step = at->kind == STEP_CALL ? *step : inner;
            }
        }
    }
}

static void a_buffer_is_never_filled_twice_and_every_get_is_waited_for(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(closed_forms) / sizeof(closed_forms[0]); i++) {
        struct fixture fixture = small_network(closed_forms[i].time_steps);
        fixture.config.streaming = STREAMING_DOUBLE_BUFFERED;
        struct program *program =
            lower_with(&fixture, closed_forms[i].checkpoints, LOWERING_SPARSE);
        uint32_t under_way[2] = {0};
        uint32_t step = program->main_first;
        track(program, &step, under_way);
        assert_int_equal(under_way[0] + under_way[1], 0);
        program_destroy(program);
    }
}

// --- memory and length --------------------------------------------------------------------------
static void a_long_sequence_is_a_short_program(void **state)
{
    (void)state;
    struct fixture fixture = small_network(10000);
    struct program *program = lower_with(
        &fixture, (struct checkpoint_config){.kind = CHECKPOINT_DOUBLE, .remote = 22, .local = 21},
        LOWERING_SPARSE);
    assert_true(program->step_count - program->main_first < 100);
    program_destroy(program);
}

static void check_io_tiles(enum lowering_kind kind, struct checkpoint_config checkpoints)
{
    struct fixture fixture = small_network(64);
    fixture.config.streaming = STREAMING_IO_TILES;
    fixture.config.io_tiles = 6;
    struct program *program = lower_with(&fixture, checkpoints, kind);
    uint64_t buffers = 0;
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        bool is_buffer = strstr(variable->name, "buffer of") != NULL;
        buffers += is_buffer;
        for (uint32_t item = 0; item < variable->items; item++) {
            uint32_t tile = tile_map_at(&variable->place, variable->first_item + item);
            assert_true(is_buffer == (tile >= 58));
        }
    }
    for (uint32_t i = 0; i < program->group_count; i++) {
        const struct vertex_group *group = &program->groups[i];
        for (uint32_t item = 0; item < group->items; item++) {
            assert_true(tile_map_at(&group->place, group->first_item + item) < 58);
        }
    }
    assert_true(buffers > 0);
    program_destroy(program);
}

static void io_tiles_hold_buffers_and_nothing_else(void **state)
{
    (void)state;
    struct checkpoint_config config = {.kind = CHECKPOINT_DOUBLE, .remote = 4, .local = 4};
    check_io_tiles(LOWERING_SPARSE, config);
    check_io_tiles(LOWERING_DENSE, config);
    config = (struct checkpoint_config){.kind = CHECKPOINT_OFFLOAD};
    check_io_tiles(LOWERING_SPARSE, config);
    check_io_tiles(LOWERING_DENSE, config);
}

static void without_streaming_memory_a_plan_that_streams_is_refused(void **state)
{
    (void)state;
    struct fixture fixture = small_network(64);
    char *why = NULL;
    fixture.has_streaming = false;
    fixture.checkpoints =
        (struct checkpoint_config){.kind = CHECKPOINT_DOUBLE, .remote = 4, .local = 4};
    assert_null(fixture_lower(&fixture, LOWERING_SPARSE, &why));
    assert_string_equal(why,
                        "checkpointing double needs streaming memory, and the machine has none");
    free(why);
}

// Variables of rows that run in several sections do not live from one to the other.
static void check_landings(const struct program *program, const char *name)
{
    uint32_t landings = 0, weights = 0;
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        weights += strcmp(variable->name, "layer 1 weights") == 0;
        if (strcmp(variable->name, name) == 0) {
            landings++;
            assert_true(variable->last_step - variable->first_step < 3);
        }
    }
    assert_int_equal(landings, 2); // first run; again, with history
    assert_int_equal(weights, 1);
}

static void landings_of_sections_share_addresses(void **state)
{
    (void)state;
    struct fixture fixture = small_network(64);
    struct checkpoint_config config = {.kind = CHECKPOINT_SINGLE, .local = 8};
    struct program *sparse = lower_with(&fixture, config, LOWERING_SPARSE);
    struct program *dense = lower_with(&fixture, config, LOWERING_DENSE);
    check_landings(sparse, "layer 1 input ids (F3)");
    check_landings(dense, "layer 1 spikes of the product");
    program_destroy(sparse);
    program_destroy(dense);
}

static uint32_t count_sets_of_section(const struct program *program, const char *section,
                                      const char *prefix)
{
    for (uint32_t i = 0; i < program->section_count; i++) {
        if (strcmp(program->sections[i].name, section) != 0) {
            continue;
        }
        uint32_t count = 0;
        for (uint32_t k = 0; k < program->sections[i].step_count; k++) {
            const struct program_step *step = &program->steps[program->sections[i].first_step + k];
            count += step->kind == STEP_COMPUTE &&
                     strncmp(program->compute_sets[step->index].name, prefix, strlen(prefix)) == 0;
        }
        return count;
    }
    fail_msg("no section %s", section);
    return 0;
}

static void histories_are_saved_only_where_they_are_kept(void **state)
{
    (void)state;
    struct fixture fixture = small_network(64);
    struct checkpoint_config config = {.kind = CHECKPOINT_SINGLE, .local = 8};
    struct program *sparse = lower_with(&fixture, config, LOWERING_SPARSE);
    struct program *dense = lower_with(&fixture, config, LOWERING_DENSE);
    assert_int_equal(count_sets_of_section(sparse, "forward", "F9 save"), 0);
    assert_int_equal(count_sets_of_section(sparse, "forward again, history kept", "F9 save"), 9);
    assert_int_equal(count_sets_of_section(dense, "forward", "D6"), 0);
    assert_int_equal(count_sets_of_section(dense, "forward again, history kept", "D6"), 1);
    program_destroy(sparse);
    program_destroy(dense);
}

// Of a current-based neuron both states are stored; the output's spikes are read backward alone.
static void slots_hold_states_and_histories_what_backward_reads(void **state)
{
    (void)state;
    struct fixture fixture = small_network(64);
    fixture.neuron = "cuba_lif";
    struct checkpoint_config config = {.kind = CHECKPOINT_SINGLE, .local = 8};
    struct program *program = lower_with(&fixture, config, LOWERING_SPARSE);
    assert_int_equal(variable_bytes(program, "layer 1 state slots"),
                     8 * variable_bytes(program, "layer 1 states"));
    assert_int_equal(2 * variable_bytes(program, "layer 1 state history"),
                     variable_bytes(program, "layer 1 state slots"));
    assert_non_null(find_variable(program, "layer 3 spike history"));
    assert_null(find_variable(program, "layer 3 spike slots"));
    assert_non_null(find_variable(program, "layer 2 spike slots"));
    assert_non_null(find_variable(program, "layer 2 spikes before the history"));
    program_destroy(program);
}

// --- loops --------------------------------------------------------------------------------------
// The calls of a folded list are those of the list, in order.
static void check_unfolded(const struct call_list *list, int32_t around,
                           const struct call_node *calls, uint32_t *next)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct call_node *node = &list->nodes[i];
        if (node->body.count == 0) {
            assert_int_equal(node->section, calls[*next].section);
            assert_int_equal(node->count, calls[*next].count);
            assert_int_equal(node->first + around, calls[*next].first);
            (*next)++;
            continue;
        }
        for (uint32_t turn = 0; turn < node->count; turn++) {
            check_unfolded(&node->body, around + (int32_t)turn * node->stride, calls, next);
        }
    }
}

static void loops_run_the_calls_that_they_were_made_of(void **state)
{
    (void)state;
    enum { CALLS = 60 };
    for (uint32_t number = 0; number < 500; number++) {
        struct rng rng = rng_create(31, RNG_TEST, number, 0);
        struct call_node calls[CALLS] = {0};
        uint32_t period = 1 + rng_below(&rng, 6);
        int32_t shift = (int32_t)rng_below(&rng, 5) - 2;
        for (uint32_t i = 0; i < CALLS; i++) {
            bool is_like_before = i >= period && rng_below(&rng, 20) > 0;
            calls[i] = is_like_before ? calls[i - period]
                                      : (struct call_node){.section = rng_below(&rng, 3),
                                                           .count = 1 + rng_below(&rng, 2),
                                                           .first = (int32_t)rng_below(&rng, 3),
                                                           .stride = 1};
            calls[i].first += is_like_before ? shift : 0;
        }
        struct call_list list = call_list_create(CALLS);
        for (uint32_t i = 0; i < CALLS; i++) {
            call_list_append(&list, &calls[i]);
        }
        call_list_fold(&list);
        uint32_t next = 0;
        check_unfolded(&list, 0, calls, &next);
        assert_int_equal(next, CALLS);
        call_list_free(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_take_the_time_steps_states_and_transfers_of_the_closed_forms),
        cmocka_unit_test(streaming_ahead_moves_the_same_words),
        cmocka_unit_test(a_stream_moves_a_stored_state),
        cmocka_unit_test(states_of_two_bytes_move_half_the_words_of_membranes),
        cmocka_unit_test(packed_spikes_take_a_bit_for_each_neuron_and_list),
        cmocka_unit_test(what_runs_again_adds_nothing_to_the_sums_of_the_loss),
        cmocka_unit_test(a_buffer_is_never_filled_twice_and_every_get_is_waited_for),
        cmocka_unit_test(a_long_sequence_is_a_short_program),
        cmocka_unit_test(io_tiles_hold_buffers_and_nothing_else),
        cmocka_unit_test(without_streaming_memory_a_plan_that_streams_is_refused),
        cmocka_unit_test(landings_of_sections_share_addresses),
        cmocka_unit_test(histories_are_saved_only_where_they_are_kept),
        cmocka_unit_test(slots_hold_states_and_histories_what_backward_reads),
        cmocka_unit_test(loops_run_the_calls_that_they_were_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
