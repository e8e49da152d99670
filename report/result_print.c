// The result as tables on the terminal. Each function prints one block, nothing if it has nothing
// to say. Every number has its unit beside it or in the heading of its column.
#include <stdlib.h>
#include <string.h>

#include "report/printer.h"
#include "report/result.h"
#include "report/sensitivity.h"
#include "sim/err.h"

#define LINE_COLUMNS 100 // where lists are wrapped
#define LARGEST_SHARES 6 // compute sets and exchanges listed per machine

static bool is_tiles(const struct result_machine *machine)
{
    return strcmp(machine->kind, "tiles") == 0;
}

static void add_percent(struct table *table, double fraction)
{
    table_add(table, "%.1f %%", fraction * 100);
}

static void add_real_or_dash(struct table *table, bool is_known, const char *format, double value)
{
    if (is_known) {
        char text[64];
        snprintf(text, sizeof(text), format, value);
        table_add(table, "%s", text);
    } else {
        table_add(table, "-");
    }
}

static void print_training(const struct printer *printer, const struct result *result)
{
    if (result->training_count == 0) {
        return;
    }
    print_heading(printer, "Training");
    struct table *table =
        TABLE_WITH("form", "mode", "steps", "first loss", "last loss", "test accuracy");
    for (uint32_t i = 0; i < result->training_count; i++) {
        const struct result_training *training = &result->training[i];
        bool has_loss = training->loss != NULL && training->steps > 0;
        table_add(table, "%s", training->form);
        table_add(table, "%s", training->mode);
        table_add_count(table, training->steps);
        add_real_or_dash(table, has_loss, "%.4f", has_loss ? training->loss[0] : 0);
        add_real_or_dash(table, has_loss, "%.4f",
                         has_loss ? training->loss[training->steps - 1] : 0);
        add_real_or_dash(table, training->accuracy != RESULT_NOTHING, "%.2f %%",
                         training->accuracy * 100);
    }
    print_table(printer, table);
}

static void print_activity(const struct printer *printer, const struct result *result)
{
    if (result->activity_count == 0) {
        return;
    }
    print_heading(printer, "Activity (ids per time step and sample)");
    struct table *table =
        TABLE_WITH("form", "layer", "neurons", "slots", "spikes", "listed", "dropped", "sparsity");
    for (uint32_t i = 0; i < result->activity_count; i++) {
        const struct result_activity *activity = &result->activity[i];
        table_add(table, "%s", activity->form);
        if (activity->layer == 0) {
            table_add(table, "input");
        } else {
            table_add(table, "%u", activity->layer);
        }
        table_add_count(table, activity->neurons);
        table_add_count(table, activity->slots);
        table_add(table, "%.2f", activity->spikes);
        table_add(table, "%.2f", activity->listed);
        table_add(table, "%.2f", activity->dropped);
        add_percent(table, activity->sparsity);
    }
    print_table(printer, table);
}

static bool is_band_of_earlier(const struct result *result, uint32_t machine)
{
    for (uint32_t i = 0; i < machine; i++) {
        const struct result_machine *earlier = &result->machines[i];
        if (earlier->fits && earlier->why != NULL &&
            strcmp(earlier->why, result->machines[machine].why) == 0) {
            return true;
        }
    }
    return false;
}

// Where the error bands come from, each reason once; and what does not fit.
static void print_reasons(const struct printer *printer, const struct result *result)
{
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        if (machine->why == NULL) {
            continue;
        }
        if (!machine->fits) {
            fprintf(printer->stream, "  %s does not fit: %s\n", machine->name, machine->why);
        } else if (!is_band_of_earlier(result, i)) {
            fprintf(printer->stream, "  %s, %s\n", machine->name, machine->why);
        }
    }
}

static void add_band(struct table *table, double error_band)
{
    add_real_or_dash(table, error_band != RESULT_NOTHING, "+-%.0f %%", error_band * 100);
}

// "2 of 4": the others hold nothing of the network.
static void add_chips(struct table *table, const struct result_machine *machine)
{
    if (machine->chips == machine->chips_asked) {
        table_add_count(table, machine->chips);
    } else {
        table_add(table, "%u of %u", machine->chips, machine->chips_asked);
    }
}

static void print_machines(const struct printer *printer, const struct result *result)
{
    if (result->machine_count == 0) {
        return;
    }
    print_heading(printer, "Machines (one training step: forward, backward, update)");
    uint32_t most_chips = 1, most_replicas = 1;
    for (uint32_t i = 0; i < result->machine_count; i++) {
        most_chips = result->machines[i].chips_asked > most_chips ? result->machines[i].chips_asked
                                                                  : most_chips;
        most_replicas = result->machines[i].replicas > most_replicas ? result->machines[i].replicas
                                                                     : most_replicas;
    }
    struct table *table = table_create(6u + (most_chips > 1) + (most_replicas > 1));
    add_headings(table, (const char *const[]){"machine", "form"}, 2);
    add_headings(table, (const char *const[]){"chips"}, most_chips > 1);
    add_headings(table, (const char *const[]){"replicas"}, most_replicas > 1);
    add_headings(table, (const char *const[]){"time per step", "samples/s", "error band", "fits"},
                 4);
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        table_add(table, "%s", machine->name);
        table_add(table, "%s", machine->form);
        if (most_chips > 1) {
            add_chips(table, machine);
        }
        if (most_replicas > 1) {
            table_add_count(table, machine->replicas);
        }
        if (machine->fits) {
            table_add_seconds(table, machine->step_seconds);
            table_add_count(table, machine->samples_per_second);
        } else {
            table_add(table, "-");
            table_add(table, "-");
        }
        add_band(table, machine->error_band);
        table_add(table, machine->fits ? "yes" : "NO");
    }
    print_table(printer, table);
    print_reasons(printer, result);
}

// The distinct `of` (or `over`) names of the speed-ups, in order. Returns how many.
static uint32_t distinct_names(const struct result *result, bool is_of, const char **names)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < result->speedup_count; i++) {
        const char *name = is_of ? result->speedups[i].of : result->speedups[i].over;
        bool is_known = false;
        for (uint32_t j = 0; j < count && !is_known; j++) {
            is_known = strcmp(names[j], name) == 0;
        }
        if (!is_known) {
            names[count++] = name;
        }
    }
    return count;
}

static const struct result_speedup *find_speedup(const struct result *result, const char *of,
                                                 const char *over)
{
    for (uint32_t i = 0; i < result->speedup_count; i++) {
        const struct result_speedup *speedup = &result->speedups[i];
        if (strcmp(speedup->of, of) == 0 && strcmp(speedup->over, over) == 0) {
            return speedup;
        }
    }
    return NULL;
}

static void add_speedup(struct table *table, const struct result_speedup *speedup)
{
    if (speedup == NULL) {
        table_add(table, "-");
    } else if (speedup->error_band == RESULT_NOTHING) {
        table_add(table, "%.2f x", speedup->ratio);
    } else {
        table_add(table, "%.2f x +-%.0f %%", speedup->ratio, speedup->error_band * 100);
    }
}

static void print_speedups(const struct printer *printer, const struct result *result)
{
    if (result->speedup_count == 0) {
        return;
    }
    const char **of = xcalloc(result->speedup_count, sizeof(*of));
    const char **over = xcalloc(result->speedup_count, sizeof(*over));
    uint32_t of_count = distinct_names(result, true, of);
    uint32_t over_count = distinct_names(result, false, over);
    print_heading(printer,
                  "Speed-up (time of the row over time of the column; above 1 x the column "
                  "is faster)");
    struct table *table = table_create(of_count + 1);
    table_add(table, "over");
    add_headings(table, of, of_count);
    for (uint32_t i = 0; i < over_count; i++) {
        table_add(table, "%s", over[i]);
        for (uint32_t j = 0; j < of_count; j++) {
            const struct result_speedup *speedup = find_speedup(result, of[j], over[i]);
            add_speedup(table, speedup);
        }
    }
    print_table(printer, table);
    fputs("  error bands: of both machines, as if independent (root of the sum of squares)\n",
          printer->stream);
    free(of);
    free(over);
}

static void add_part(struct table *table, double seconds, double total_seconds)
{
    char text[UNIT_TEXT_BYTES];
    if (seconds == 0) {
        table_add(table, "-");
        return;
    }
    table_add(table, "%s %5.1f %%", text_of_seconds(text, seconds), 100 * seconds / total_seconds);
}

// Parts that no machine has, such as waits for links, have no column.
static void print_parts(const struct printer *printer, const struct result *result)
{
    struct result_part parts[RESULT_PARTS];
    bool is_shown[RESULT_PARTS] = {false};
    uint32_t columns = 2;
    for (uint32_t i = 0; i < RESULT_PARTS; i++) {
        for (uint32_t j = 0; j < result->machine_count && !is_shown[i]; j++) {
            result_parts_of(&result->machines[j], parts);
            is_shown[i] = result->machines[j].fits && parts[i].seconds > 0;
        }
        columns += is_shown[i];
    }
    if (columns == 2) {
        return; // no machine fits
    }
    struct table *table = table_create(columns);
    table_add(table, "machine");
    for (uint32_t i = 0; i < RESULT_PARTS; i++) {
        result_parts_of(&result->machines[0], parts);
        add_headings(table, &parts[i].name, is_shown[i]);
    }
    table_add(table, "bound by");
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        if (!machine->fits) {
            continue;
        }
        table_add(table, "%s", machine->name);
        result_parts_of(machine, parts);
        for (uint32_t j = 0; j < RESULT_PARTS; j++) {
            if (is_shown[j]) {
                add_part(table, parts[j].seconds, machine->step_seconds);
            }
        }
        table_add(table, "%s", result_bound(machine));
    }
    print_table(printer, table);
}

static void add_checkpoints(struct table *table, const struct result_checkpoint *checkpoint)
{
    char numbers[64] = "";
    const uint32_t values[] = {checkpoint->levels, checkpoint->remote, checkpoint->local};
    const char *const names[] = {"levels", "remote", "local"};
    for (uint32_t i = 0; i < 3; i++) {
        size_t length = strlen(numbers);
        if (values[i] > 0) {
            snprintf(numbers + length, sizeof(numbers) - length, "%s%u %s", length > 0 ? ", " : "",
                     values[i], names[i]);
        }
    }
    table_add(table, "%s%s%s%s", checkpoint->kind, *numbers == '\0' ? "" : ": ", numbers,
              checkpoint->is_chosen ? " (chosen)" : "");
    table_add(table, "%.3f", checkpoint->forward_steps_per_time_step);
    add_real_or_dash(table, checkpoint->overhead != RESULT_NOTHING, "%+.1f %%",
                     checkpoint->overhead * 100);
    add_real_or_dash(table, checkpoint->forward_share != RESULT_NOTHING, "%.3f",
                     checkpoint->forward_share);
    table_add_count(table, checkpoint->states_held);
    table_add_count(table, checkpoint->history_steps_held);
    table_add_bytes(table, checkpoint->streamed_out_bytes);
    table_add_bytes(table, checkpoint->streamed_in_bytes);
}

// Why the planner chose as it did.
static void print_choices(const struct printer *printer, const struct result *result)
{
    bool has_any = false;
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        if (machine->plan_why != NULL) {
            fprintf(printer->stream, "  %s, chosen: %s\n", machine->name, machine->plan_why);
            has_any = true;
        }
    }
    if (has_any) {
        fputc('\n', printer->stream);
    }
}

// Below the table.
static void print_checkpoint_notes(const struct printer *printer, const struct result *result)
{
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        for (uint32_t j = 0; j < machine->checkpoint.note_count; j++) {
            fprintf(printer->stream, "  %s: %s\n", machine->name, machine->checkpoint.notes[j]);
        }
    }
}

static void print_checkpoints(const struct printer *printer, const struct result *result)
{
    bool has_any = false;
    for (uint32_t i = 0; i < result->machine_count && !has_any; i++) {
        has_any = result->machines[i].checkpoint.kind != NULL;
    }
    if (!has_any) {
        return;
    }
    print_heading(printer,
                  "Checkpoints (rho: share of a forward time step in forward and backward)");
    struct table *table = TABLE_WITH("machine", "plan", "forward runs", "overhead", "rho",
                                     "states held", "history held", "streamed out", "streamed in");
    for (uint32_t i = 0; i < result->machine_count; i++) {
        if (result->machines[i].checkpoint.kind != NULL) {
            table_add(table, "%s", result->machines[i].name);
            add_checkpoints(table, &result->machines[i].checkpoint);
        }
    }
    print_table(printer, table);
    print_checkpoint_notes(printer, result);
}

static int compare_shares(const void *a, const void *b)
{
    const struct result_share *left = *(const struct result_share *const *)a;
    const struct result_share *right = *(const struct result_share *const *)b;
    if (left->cycles != right->cycles) {
        return left->cycles < right->cycles ? 1 : -1;
    }
    return left < right ? -1 : 1; // program order
}

static void print_largest_shares(const struct printer *printer,
                                 const struct result_machine *machine)
{
    const struct result_share **order =
        xcalloc(machine->share_count, sizeof(struct result_share *));
    for (uint32_t i = 0; i < machine->share_count; i++) {
        order[i] = &machine->shares[i];
    }
    qsort(order, machine->share_count, sizeof(struct result_share *), compare_shares);
    struct table *table = table_create(5);
    table_add(table, "%s", machine->name);
    add_headings(
        table, (const char *const[]){"times per step", "cycles each", "time per step", "share"}, 4);
    for (uint32_t i = 0; i < machine->share_count && i < LARGEST_SHARES; i++) {
        const struct result_share *share = order[i];
        table_add(table, "  %s", share->name);
        table_add_count(table, (double)share->times);
        table_add_count(table,
                        share->times == 0 ? 0 : (double)share->cycles / (double)share->times);
        table_add_seconds(table, share->seconds);
        add_percent(table, share->seconds / machine->step_seconds);
    }
    print_table(printer, table);
    free(order);
}

static void print_breakdown(const struct printer *printer, const struct result *result)
{
    if (result->machine_count == 0) {
        return;
    }
    print_heading(printer, "Where the time of a training step goes");
    print_parts(printer, result);
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        if (machine->fits && machine->share_count > 0) {
            fputc('\n', printer->stream);
            print_largest_shares(printer, machine);
        }
    }
}

// "title: name bytes, name bytes, ...", wrapped.
static void print_memory_list(FILE *stream, const char *title, const struct result_memory *list,
                              uint32_t count)
{
    int column = fprintf(stream, "    %s:", title);
    const char *separator = "";
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].bytes == 0) {
            continue;
        }
        char bytes[UNIT_TEXT_BYTES];
        char *entry = xasprintf(" %s %s", list[i].name, text_of_bytes(bytes, list[i].bytes));
        column += fprintf(stream, "%s", separator);
        if (column + (int)strlen(entry) > LINE_COLUMNS) {
            column = fprintf(stream, "\n       ") - 1;
        }
        column += fprintf(stream, "%s", entry);
        separator = ",";
        free(entry);
    }
    fputc('\n', stream);
}

static void print_memory(const struct printer *printer, const struct result *result)
{
    if (result->machine_count == 0) {
        return;
    }
    print_heading(printer, "Memory (tiles: SRAM of the fullest tile; GPU: device memory)");
    char used[UNIT_TEXT_BYTES], limit[UNIT_TEXT_BYTES];
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        if (machine->sram_limit_bytes == 0) {
            continue;
        }
        fprintf(printer->stream, "  %s: %s of %s (%.1f %%)", machine->name,
                text_of_bytes(used, machine->sram_max_bytes),
                text_of_bytes(limit, machine->sram_limit_bytes),
                100 * (double)machine->sram_max_bytes / (double)machine->sram_limit_bytes);
        if (!is_tiles(machine)) {
            fputc('\n', printer->stream);
            continue;
        }
        fprintf(printer->stream, ", tile %u; %u tile%s used\n", machine->sram_max_tile,
                machine->tiles_used, plural_ending(machine->tiles_used));
        print_memory_list(printer->stream, "by role (shared addresses counted for each)",
                          machine->by_role, machine->by_role_count);
        print_memory_list(printer->stream, "largest", machine->largest, machine->largest_count);
    }
}

static void print_simulator(const struct printer *printer, const struct result *result)
{
    print_heading(printer, "Simulator (this host)");
    FILE *stream = printer->stream;
    char total[UNIT_TEXT_BYTES], part[UNIT_TEXT_BYTES], peak[UNIT_TEXT_BYTES];
    fprintf(stream, "  wall time %s", text_of_seconds(total, result->host_seconds.total));
    fprintf(stream, ": functional %s", text_of_seconds(part, result->host_seconds.functional));
    fprintf(stream, ", draw %s", text_of_seconds(part, result->host_seconds.draw));
    fprintf(stream, ", lower %s", text_of_seconds(part, result->host_seconds.lower));
    fprintf(stream, ", timing %s", text_of_seconds(part, result->host_seconds.timing));
    fprintf(stream, ", gpu %s\n", text_of_seconds(part, result->host_seconds.gpu));
    if (result->supersteps_per_second != RESULT_NOTHING) {
        fprintf(stream, "  timing: %s supersteps/s, %.2f s of host time per simulated second\n",
                text_of_count(part, result->supersteps_per_second), result->slowdown);
    }
    fprintf(stream, "  peak memory %s\n", text_of_bytes(peak, result->peak_rss_bytes));
}

static void add_quantity(struct table *table, const struct result_quantity *quantity)
{
    if (strcmp(quantity->unit, "seconds") == 0) {
        table_add_seconds(table, quantity->value);
    } else {
        table_add(table, "%.6g %s", quantity->value, quantity->unit);
    }
}

// One line per machine and quantity.
static void print_bench(const struct printer *printer, const struct result *result)
{
    fprintf(printer->stream, "%s: workload %s (tilesim %s, git %s)\n", result->experiment,
            result->workload, result->version, result->git);
    print_heading(printer, "Machines");
    struct table *table = TABLE_WITH("machine", "quantity", "value", "error band");
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        for (uint32_t j = 0; j < machine->quantity_count; j++) {
            table_add(table, "%s", machine->name);
            table_add(table, "%s", machine->quantities[j].name);
            add_quantity(table, &machine->quantities[j]);
            add_band(table, machine->error_band);
        }
    }
    print_table(printer, table);
    print_reasons(printer, result);
}

void result_print(const struct result *result, FILE *stream, bool has_colour)
{
    struct printer printer = {.stream = stream, .has_colour = has_colour};
    if (result->workload != NULL) {
        print_bench(&printer, result);
        sensitivity_print(result, stream, has_colour);
        return;
    }
    fprintf(stream, "%s%s%s: batch %u sample%s, %u time step%s, seed %llu (tilesim %s, git %s)\n",
            has_colour ? "\033[1m" : "", result->experiment, has_colour ? "\033[0m" : "",
            result->batch, plural_ending(result->batch), result->time_steps,
            plural_ending(result->time_steps), (unsigned long long)result->seed, result->version,
            result->git);
    print_training(&printer, result);
    print_activity(&printer, result);
    print_machines(&printer, result);
    print_speedups(&printer, result);
    print_breakdown(&printer, result);
    print_checkpoints(&printer, result);
    print_choices(&printer, result);
    sensitivity_print(result, stream, has_colour);
    print_memory(&printer, result);
    print_simulator(&printer, result);
}
