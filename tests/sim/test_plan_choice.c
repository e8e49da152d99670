// The choice of a checkpoint plan against all plans there are, each lowered and its memory planned,
// on a toy network.
#include "tests/sim/config_fixture.h"

#include <math.h>

#include "sim/machine.h"
#include "sim/run/form_run.h"
#include "sim/run/lowered.h"
#include "sim/run/plan_choice.h"

struct chosen { // what a test looks at
    struct experiment *experiment;
    struct plan_prober prober;
    struct plan_times times;
    struct plan_choice choice;
};

static struct experiment *load(const char *text, const char *more)
{
    write_text("e.yaml", text);
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", &more, more == NULL ? 0 : 1, err);
    err_print(err, stderr);
    err_destroy(err);
    assert_non_null(experiment);
    return experiment;
}

// A network on one chip of four toy chips, with a region for code that is large enough for every
// kind of plan.
static struct chosen choose(const char *more, const char *checkpointing)
{
    bool has_machines = strstr(checkpointing, "machines:") != NULL;
    char *text = xasprintf(
        "network: {inputs: 24, input_slots: 4, hidden: [12, 8], outputs: 4, max_activity: 0.5}\n"
        "%s"
        "training: {mode: drawn, batch: 6, %s}\n",
        has_machines ? "" : "machines: [{system: toy-4, chips: 1, lowering: sparse}]\n",
        checkpointing);
    struct experiment *experiment = load(text, more);
    free(text);
    struct chosen chosen = {.experiment = experiment,
                            .prober = plan_prober_create(&experiment->machines[0], experiment)};
    struct form_run form = {.form = FORM_SPARSE};
    form_run_draw(&form, experiment);
    chosen.times = plan_measure_times(&chosen.prober, form.records[0]);
    form_run_drop_records(&form);
    chosen.choice = plan_choose(&chosen.prober, &experiment->training.checkpoints, &chosen.times);
    return chosen;
}

static void free_chosen(struct chosen *chosen)
{
    plan_choice_free(&chosen->choice);
    plan_prober_free(&chosen->prober);
    experiment_destroy(chosen->experiment);
}

static double planner_seconds(const struct chosen *chosen, const struct checkpoint_config *config)
{
    struct planner_memory no_memory = {0};
    return planner_size_of(config, chosen->experiment->training.time_steps, &no_memory,
                           &chosen->times.costs)
        .seconds;
}

static double least_seconds_of_all(struct chosen *chosen)
{
    uint32_t time_steps = chosen->experiment->training.time_steps;
    double least = HUGE_VAL;
    for (enum checkpoint_kind kind = 0; kind < CHECKPOINT_KINDS; kind++) {
        struct plan_numbers has = plan_numbers_of(kind);
        for (uint32_t levels = has.has_levels ? 2 : 0; levels <= (has.has_levels ? 5 : 0);
             levels++) {
            for (uint32_t remote = has.has_remote; remote <= (has.has_remote ? time_steps : 0);
                 remote++) {
                for (uint32_t local = has.has_local; local <= (has.has_local ? time_steps : 0);
                     local++) {
                    struct checkpoint_config config = chosen->experiment->training.checkpoints;
                    config.kind = kind;
                    config.local = local;
                    config.remote = remote;
                    config.levels = levels;
                    const char *number;
                    char *fault = plan_check(&config, time_steps, &number);
                    bool is_legal = fault == NULL;
                    free(fault);
                    if (is_legal && plan_prober_ask(&chosen->prober, &config)->fits) {
                        least = fmin(least, planner_seconds(chosen, &config));
                    }
                }
            }
        }
    }
    return least;
}

struct room {                               // for the choice
    const char *region_bytes, *stream_rate; // bytes, bytes per second
    enum checkpoint_kind kind;              // the cheapest
};

static void expect_cheapest(const struct room *room)
{
    char *sets = xasprintf("machines.0.system.chip.tile.regions=[{name: region0, bytes: %s, "
                           "element_bytes: 16384, interleaved: true, executable: true}]",
                           room->region_bytes);
    char *text = xasprintf("time_steps: 48, checkpointing: auto}\n"
                           "machines:\n"
                           "  - {lowering: sparse, chips: 1, system: {base: toy-4, streaming: "
                           "{bytes_per_second: %s}}",
                           room->stream_rate);
    struct chosen chosen = choose(sets, text);
    free(sets);
    free(text);
    assert_true(chosen.choice.is_found);
    assert_int_equal(chosen.choice.config.kind, room->kind);
    assert_true(plan_prober_ask(&chosen.prober, &chosen.choice.config)->fits);
    double least = least_seconds_of_all(&chosen);
    assert_true(least < HUGE_VAL);
    assert_true(fabs(planner_seconds(&chosen, &chosen.choice.config) / least - 1) < 1e-12);
    free_chosen(&chosen);
}

static void the_choice_is_the_cheapest_of_all_plans_that_fit(void **state)
{
    (void)state;
    expect_cheapest(&(struct room){"98304", "2.0e10", CHECKPOINT_NONE});
    expect_cheapest(&(struct room){"45056", "2.0e10", CHECKPOINT_OFFLOAD});
    expect_cheapest(&(struct room){"45056", "1.0e7", CHECKPOINT_SINGLE});
    expect_cheapest(&(struct room){"43008", "1.0e7", CHECKPOINT_SINGLE_REMOTE});
}

static void transfers_that_cost_nothing_are_chosen(void **state)
{
    (void)state;
    struct chosen chosen = choose("machines.0.system.streaming={bytes: 1000000, bytes_per_second: "
                                  "1.0e15, latency_seconds: 0}",
                                  "time_steps: 400, checkpointing: auto");
    assert_true(chosen.choice.is_found);
    assert_int_equal(chosen.choice.config.kind, CHECKPOINT_OFFLOAD);
    free_chosen(&chosen);
}

// Bytes are those of the exact plan of the memory, and what plain training lacks is in the words of
// its refusal.
static void a_choice_says_why_in_exact_bytes(void **state)
{
    (void)state;
    struct chosen chosen = choose(NULL, "time_steps: 400, checkpointing: single");
    assert_true(chosen.choice.is_found);
    assert_int_equal(chosen.choice.config.kind, CHECKPOINT_SINGLE);
    struct plan_probe probe = *plan_prober_ask(&chosen.prober, &chosen.choice.config);
    struct checkpoint_config none = {.kind = CHECKPOINT_NONE, .state_bytes = 4};
    char *lack = xstrdup(plan_prober_ask(&chosen.prober, &none)->why);
    *strstr(lack, "; largest") = '\0';
    char *why = xasprintf(
        "single (%u local): 2.0 forward passes, %llu of 98304 bytes on tile %u; none: %s",
        chosen.choice.config.local, (unsigned long long)probe.sram_bytes, probe.tile, lack);
    assert_string_equal(chosen.choice.why, why);
    free(lack);
    free(why);
    free_chosen(&chosen);
    chosen = choose("network.hidden=[400]", "time_steps: 400, checkpointing: single");
    assert_false(chosen.choice.is_found);
    assert_non_null(strstr(chosen.choice.why, "none fits; the smallest, single ("));
    assert_non_null(strstr(chosen.choice.why, " local): tile "));
    free_chosen(&chosen);
}

// Chosen numbers would be those of a plan that nobody asked for.
static void a_kind_that_streaming_memory_has_no_room_for_stays_the_kind_asked_for(void **state)
{
    (void)state;
    struct chosen chosen = choose("machines.0.system.streaming.bytes=100",
                                  "time_steps: 40, checkpointing: single_remote");
    assert_false(chosen.choice.is_found);
    assert_int_equal(chosen.choice.config.kind, CHECKPOINT_SINGLE_REMOTE);
    assert_int_equal(chosen.choice.config.remote, 1);
    free_chosen(&chosen);
}

static void numbers_that_are_given_stay(void **state)
{
    (void)state;
    struct chosen chosen = choose(NULL, "time_steps: 400, checkpointing: single, "
                                        "checkpoints: {local: 11}");
    assert_false(chosen.choice.is_open);
    assert_int_equal(chosen.choice.config.local, 11);
    assert_null(chosen.choice.why);
    free_chosen(&chosen);
}

static void streaming_memory_that_is_too_small_is_refused_with_its_bytes(void **state)
{
    (void)state;
    struct chosen chosen = choose("machines.0.system.streaming.bytes=100",
                                  "time_steps: 40, checkpointing: single_remote, "
                                  "checkpoints: {remote: 3}");
    const struct plan_probe *probe = plan_prober_ask(&chosen.prober, &chosen.choice.config);
    assert_false(probe->fits);
    assert_true(probe->fits_sram);
    assert_true(probe->remote_bytes > 100 && probe->remote_bytes % 3 == 0);
    char *why = xasprintf("single_remote (3 remote) needs %llu bytes of streaming "
                          "memory for the 1 chip of a machine, which has 100 bytes",
                          (unsigned long long)probe->remote_bytes);
    assert_string_equal(probe->why, why);
    free(why);
    free_chosen(&chosen);
}

// Weights are what two plans really differ by.
static void a_slot_and_a_history_weigh_what_they_add_to_the_fullest_tile(void **state)
{
    (void)state;
    struct chosen chosen = choose(NULL, "time_steps: 800, checkpointing: single");
    struct plan_weight weight = plan_prober_weigh(&chosen.prober, false);
    struct checkpoint_config config = chosen.experiment->training.checkpoints;
    uint64_t bytes[2];
    for (uint32_t i = 0; i < 2; i++) {
        config.local = i == 0 ? 2 : 4; // 2 and 400; 4 and 200
        bytes[i] = plan_prober_ask(&chosen.prober, &config)->sram_bytes;
    }
    double difference = (double)bytes[0] - (double)bytes[1];
    assert_true(
        fabs(difference / (200.0 * (double)weight.history_bytes - 2.0 * (double)weight.slot_bytes) -
             1) < 0.05);
    free_chosen(&chosen);
}

static void a_remedy_names_the_plan_or_says_that_there_is_none(void **state)
{
    (void)state;
    struct chosen chosen = choose(NULL, "time_steps: 400, checkpointing: none");
    assert_false(chosen.choice.is_found);
    char *remedy = plan_remedy(&chosen.prober, &chosen.times);
    assert_non_null(strstr(remedy, "training.checkpointing: offload would fit"));
    free(remedy);
    free_chosen(&chosen);
    chosen = choose("network.hidden=[1466]", "time_steps: 4, checkpointing: none");
    remedy = plan_remedy(&chosen.prober, &chosen.times);
    assert_string_equal(remedy, "no training.checkpointing would fit");
    free(remedy);
    free_chosen(&chosen);
}

static void what_no_plan_mends_is_found_by_one_and_what_one_mends_is_not(void **state)
{
    (void)state;
    struct chosen chosen = choose("network.hidden=[1466]", "time_steps: 4, checkpointing: auto");
    assert_false(chosen.choice.is_found);
    assert_non_null(
        strstr(chosen.choice.why, "none fits, whatever states and history take: tile "));
    assert_true(chosen.prober.probe_count <= 1);
    free_chosen(&chosen);
    chosen = choose(NULL, "time_steps: 400, checkpointing: auto");
    assert_true(chosen.choice.is_found);
    assert_null(plan_prober_lack(&chosen.prober));
    free_chosen(&chosen);
    // one chunk has room, though 6 chunks of 38 time steps, two of them longer, have none
    chosen =
        choose("training.batch=12",
               "time_steps: 38, checkpointing: auto}\nmachines:\n  - {chip: toy, lowering: sparse");
    assert_true(chosen.choice.is_found);
    assert_int_equal(chosen.choice.config.kind, CHECKPOINT_SINGLE);
    free_chosen(&chosen);
}

// Code of the sections alone exceeds its region: other numbers of checkpoints do not change that.
static void a_kind_whose_smallest_plan_lacks_more_than_others_save_is_asked_once(void **state)
{
    (void)state;
    struct chosen chosen =
        choose("machines.0.system.chip.tile.regions=[{name: code, bytes: 16384, element_bytes: "
               "16384, interleaved: true, executable: true}, {name: data, bytes: 131072, "
               "element_bytes: 16384, interleaved: true, executable: false}]",
               "time_steps: 400, checkpointing: single");
    assert_false(chosen.choice.is_found);
    assert_int_equal(chosen.choice.config.kind, CHECKPOINT_SINGLE);
    assert_int_equal(chosen.prober.probe_count, 1);
    const struct plan_probe *probe = plan_prober_ask(&chosen.prober, &chosen.choice.config);
    assert_int_equal(chosen.prober.probe_count, 1);
    assert_true(probe->sram_bytes < chosen.prober.limit_bytes); // the region for data has room
    free_chosen(&chosen);
}

// Of all its time steps, by a replay of a few.
static void seconds_of_plain_training_are_those_of_its_own_program(void **state)
{
    (void)state;
    struct chosen chosen = choose(NULL, "time_steps: 200, checkpointing: none");
    char *why = NULL;
    struct program *program =
        plan_prober_lower(&chosen.prober, chosen.prober.graph, &chosen.choice.config, &why);
    struct machine *machine = machine_create_of(chosen.prober.machine, program);
    struct form_run form = {.form = FORM_SPARSE};
    form_run_draw(&form, chosen.experiment);
    struct machine_time time = {0};
    machine_add_folded_cycles(machine, form.records[0], &time);
    double seconds = time.cycles / chosen.prober.machine->chip->clock_hz;
    assert_true(fabs(chosen.choice.seconds / seconds - 1) < 0.005);
    form_run_drop_records(&form);
    machine_destroy(machine);
    program_destroy(program);
    free_chosen(&chosen);
}

// Three tiles are left for layers where the others stream, too few for three layers beside tile 0.
static void plans_that_need_no_io_tiles_are_found_where_io_tiles_leave_too_few(void **state)
{
    (void)state;
    struct chosen chosen =
        choose("machines=[{system: toy-4, chips: 1, streaming: io_tiles, io_tiles: 13}]",
               "time_steps: 400, checkpointing: auto");
    assert_true(chosen.choice.is_found);
    assert_int_equal(chosen.choice.config.kind, CHECKPOINT_SINGLE);
    assert_true(isfinite(chosen.choice.seconds));
    free_chosen(&chosen);
}

// --- dense programs over chips ------------------------------------------------------------------
// Of all placements, one after the other; chips: that it has.
static double least_seconds_anywhere(struct plan_prober *prober, uint32_t *chips)
{
    double least = HUGE_VAL;
    for (uint32_t i = 0; i < plan_prober_placements(prober); i++) {
        plan_prober_place(prober, i);
        struct plan_times times = plan_measure_times(prober, NULL);
        struct plan_choice choice = plan_choose(prober, &prober->training.checkpoints, &times);
        if (choice.is_found && choice.seconds < least) {
            least = choice.seconds;
            *chips = prober->placements[i].chips;
        }
        plan_choice_free(&choice);
    }
    return least;
}

static struct lowered lower_chosen(const struct experiment *experiment)
{
    const struct form_run form = {.form = FORM_DENSE,
                                  .graph = training_graph_create(&experiment->network, FORM_DENSE,
                                                                 experiment->training.batch,
                                                                 experiment->training.time_steps)};
    struct lowered lowered = lowered_create(&experiment->machines[0], experiment, &form);
    training_graph_destroy(form.graph);
    return lowered;
}

// Four chips with slow links. Returns the kind that is chosen; *chips: that the program then lies
// on.
static enum checkpoint_kind choose_on_chips(uint32_t time_steps, const char *link_rate,
                                            uint32_t *chips)
{
    char *text = xasprintf(
        "network: {inputs: 24, input_slots: 4, hidden: [60, 60], outputs: 4, max_activity: 0.5}\n"
        "training: {mode: drawn, batch: 48, time_steps: %u, checkpointing: auto}\n"
        "machines: [{lowering: dense, system: toy-4}]\n",
        time_steps);
    char *set = xasprintf("machines.0.system.link_kinds.0.bytes_per_second=%s", link_rate);
    struct experiment *experiment = load(text, set);
    free(set);
    free(text);
    struct plan_prober prober = plan_prober_create(&experiment->machines[0], experiment);
    struct plan_times times;
    struct plan_choice choice =
        plan_choose_and_place(&prober, &experiment->training.checkpoints, NULL, &times);
    assert_true(choice.is_found);
    const struct dense_placement placement = prober.placements[prober.placement];
    assert_true(choice.seconds == least_seconds_anywhere(&prober, chips));
    assert_int_equal(placement.chips, *chips);
    struct lowered lowered = lower_chosen(experiment);
    assert_non_null(lowered.program);
    assert_int_equal(lowered.checkpoints.kind, choice.config.kind);
    assert_int_equal(lowered.placement.chips, placement.chips);
    assert_int_equal(lowered.placement.layer_chips, placement.layer_chips);
    assert_int_equal(lowered.program->chips, placement.chips);
    lowered_free(&lowered);
    enum checkpoint_kind kind = choice.config.kind;
    plan_choice_free(&choice);
    plan_prober_free(&prober);
    experiment_destroy(experiment);
    return kind;
}

static void a_plan_and_the_chips_of_a_dense_program_are_chosen_together(void **state)
{
    (void)state;
    uint32_t chips = 0;
    assert_int_equal(choose_on_chips(4, "1.0e9", &chips), CHECKPOINT_NONE);
    assert_int_equal(chips, 1);
    // all time steps have room on several chips alone, but running them again takes less than the
    // links
    assert_int_not_equal(choose_on_chips(24, "1.0e9", &chips), CHECKPOINT_NONE);
    assert_int_equal(chips, 1);
    assert_int_equal(choose_on_chips(24, "6.4e10", &chips), CHECKPOINT_NONE);
    assert_int_equal(chips, 4);
}

int main(void)
{
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_choice_is_the_cheapest_of_all_plans_that_fit),
        cmocka_unit_test(transfers_that_cost_nothing_are_chosen),
        cmocka_unit_test(a_choice_says_why_in_exact_bytes),
        cmocka_unit_test(a_kind_that_streaming_memory_has_no_room_for_stays_the_kind_asked_for),
        cmocka_unit_test(numbers_that_are_given_stay),
        cmocka_unit_test(streaming_memory_that_is_too_small_is_refused_with_its_bytes),
        cmocka_unit_test(a_slot_and_a_history_weigh_what_they_add_to_the_fullest_tile),
        cmocka_unit_test(a_remedy_names_the_plan_or_says_that_there_is_none),
        cmocka_unit_test(what_no_plan_mends_is_found_by_one_and_what_one_mends_is_not),
        cmocka_unit_test(a_kind_whose_smallest_plan_lacks_more_than_others_save_is_asked_once),
        cmocka_unit_test(seconds_of_plain_training_are_those_of_its_own_program),
        cmocka_unit_test(plans_that_need_no_io_tiles_are_found_where_io_tiles_leave_too_few),
        cmocka_unit_test(a_plan_and_the_chips_of_a_dense_program_are_chosen_together),
    };
    return cmocka_run_group_tests_name("plan choice", tests, NULL, NULL);
}
