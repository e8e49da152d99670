// tilesim fit: how long a sequence, how large a network fits under each checkpoint plan?
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/result.h"
#include "report/table.h"
#include "sim/commands/command.h"
#include "sim/commands/options.h"
#include "sim/commands/sets.h"
#include "sim/err.h"
#include "sim/run/fit_run.h"
#include "sim/version.h"

struct over { // a second key, and the values that all is asked at; key NULL: it is asked once
    char *key;
    struct sets values;
};

struct arguments {
    const char *path, *json_path;
    struct sets sets;
    struct over over;
    struct fit_request request;
};

struct fits {                  // answers at each value of the second key, or the only ones
    struct fit_answers *items; // owned
    uint32_t count;
    const struct over *over;
    const char *key;
};

enum option_key { OPTION_JSON = 256, OPTION_VARY, OPTION_PLANS, OPTION_MAX, OPTION_OVER };

static const struct argp_option options[] = {
    {"vary", OPTION_VARY, "KEY", 0,
     "a whole number of the experiment, e.g. training.time_steps, network.hidden.0; "
     "network.hidden: the common width of all hidden layers",
     0},
    {"over", OPTION_OVER, "KEY=VALUE,...", 0,
     "ask at each of these values of another key, e.g. network.max_activity=0.01,0.05; ratios and "
     "overheads are to none at the same value",
     0},
    {"plans", OPTION_PLANS, "LIST", 0,
     "kinds of training.checkpointing, e.g. none,single,double (default: all that a machine can "
     "run); numbers that the experiment gives stay",
     0},
    {"max", OPTION_MAX, "N", 0, "look no further (default: the key's largest value)", 0},
    {"machine", 'm', "NAME", 0, "this machine alone", 0},
    {"set", 's', "KEY=VALUE", 0, "change one key of the experiment; any number", 0},
    {"json", OPTION_JSON, "FILE", 0, "write the answers as JSON; - is standard output", 0},
    {0},
};

// "none,double" -> bits of enum checkpoint_kind.
static uint32_t parse_plans(const char *text, struct argp_state *state)
{
    uint32_t kinds = 0;
    const char *next = text;
    do {
        size_t length = strcspn(next, ",");
        uint32_t kind = 0;
        while (kind < CHECKPOINT_KINDS &&
               (strlen(checkpoint_kind_name(kind)) != length ||
                strncmp(checkpoint_kind_name(kind), next, length) != 0)) {
            kind++;
        }
        if (kind == CHECKPOINT_KINDS) {
            argp_error(state,
                       "--plans: \"%.*s\" is none of none, offload, single, single_remote, "
                       "double, nested, binomial",
                       (int)length, next);
        }
        kinds |= 1u << kind;
        next += length;
    } while (*next++ == ',');
    return kinds;
}

// Where the value ends: at a comma outside of brackets.
static size_t value_length(const char *text)
{
    size_t length = 0;
    int depth = 0;
    while (text[length] != '\0' && (text[length] != ',' || depth > 0)) {
        depth += (text[length] == '[' || text[length] == '{') -
                 (text[length] == ']' || text[length] == '}');
        length++;
    }
    return length;
}

// "KEY=A,B" -> KEY, and what is set for each: "KEY=A", "KEY=B".
static void parse_over(struct over *over, const char *text, struct argp_state *state)
{
    const char *next = strchr(text, '=');
    if (next == NULL || next == text || over->key != NULL) {
        argp_error(state,
                   over->key != NULL ? "--over: only once" : "--over: KEY=VALUE,..., not \"%s\"",
                   text);
        return;
    }
    over->key = xasprintf("%.*s", (int)(next - text), text);
    do {
        next++;
        size_t length = value_length(next);
        if (length == 0) {
            argp_error(state, "--over: a value of %s is empty", over->key);
        }
        char *set = xasprintf("%s=%.*s", over->key, (int)length, next);
        sets_add(&over->values, set);
        next += length;
    } while (*next == ',');
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 's':
        sets_add(&arguments->sets, text);
        return 0;
    case 'm':
        arguments->request.machine = option_name("--machine", text, state);
        return 0;
    case OPTION_JSON:
        arguments->json_path = option_name("--json", text, state);
        return 0;
    case OPTION_VARY:
        arguments->request.key = option_name("--vary", text, state);
        return 0;
    case OPTION_OVER:
        parse_over(&arguments->over, text, state);
        return 0;
    case OPTION_PLANS:
        arguments->request.kinds = parse_plans(text, state);
        return 0;
    case OPTION_MAX:
        arguments->request.max = (uint32_t)option_number("--max", text, UINT32_MAX, state);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path != NULL) {
            argp_error(state, "one experiment at a time: \"%s\" and \"%s\"", arguments->path, text);
        }
        arguments->path = option_name("EXPERIMENT.yaml", text, state);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which experiment?");
        return 0;
    case ARGP_KEY_END:
        if (arguments->request.key == NULL) {
            argp_error(state, "--vary: which key? For example --vary training.time_steps");
        } else if (arguments->over.key != NULL &&
                   strcmp(arguments->over.key, arguments->request.key) == 0) {
            argp_error(state, "--over: %s is varied already", arguments->over.key);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

// --- the table ----------------------------------------------------------------------------------
static void add_percent_or_dash(struct table *table, double share)
{
    if (isnan(share)) {
        table_add(table, "-");
    } else {
        table_add(table, "%+.1f %%", share * 100);
    }
}

static void add_seconds_or_dash(struct table *table, double seconds)
{
    if (isnan(seconds)) {
        table_add(table, "-");
    } else {
        table_add_seconds(table, seconds);
    }
}

static void add_answer(struct table *table, const struct fit_answer *answer)
{
    table_add(table, "%s", answer->machine);
    table_add(table, "%s", answer->plan);
    if (answer->largest == 0) {
        table_add(table, "-");
    } else {
        table_add(table, answer->is_bounded ? ">= %u" : "%u", answer->largest);
    }
    table_add(table, isnan(answer->ratio) ? "-" : "%.2f", answer->ratio);
    if (answer->largest == 0) {
        table_add(table, "-");
    } else {
        table_add_bytes(table, answer->sram_bytes);
    }
    add_seconds_or_dash(table, answer->step_seconds);
    add_seconds_or_dash(table, answer->time_step_seconds);
    table_add(table, "%s", answer->plan_at_none == NULL ? "-" : answer->plan_at_none);
    add_percent_or_dash(table, answer->overhead);
    table_add(table, isnan(answer->rho) ? "-" : "%.3f", answer->rho);
}

// "0.05", of the second key. NULL: there is none.
static const char *value_over(const struct fits *fits, uint32_t i)
{
    const struct over *over = fits->over;
    return over->key == NULL ? NULL : over->values.texts[i] + strlen(over->key) + 1;
}

static void print_table(const struct fits *fits)
{
    static const char *const headings[] = {
        "machine",       "plan",          "largest",        "/ none",         "SRAM",
        "training step", "per time step", "plan at none's", "overhead there", "rho"};
    uint32_t columns = sizeof headings / sizeof *headings, before = fits->over->key != NULL;
    const uint32_t droppable[] = {7 + before, 9 + before, 4 + before, 6 + before};
    struct table *table = table_create(columns + before);
    if (before > 0) {
        table_add(table, "%s", fits->over->key);
    }
    for (uint32_t i = 0; i < columns; i++) {
        table_add(table, "%s", headings[i]);
    }
    table_align_left(table, 1 + before);
    table_align_left(table, 7 + before);
    for (uint32_t i = 0; i < fits->count; i++) {
        for (uint32_t j = 0; j < fits->items[i].count; j++) {
            if (before > 0) {
                table_add(table, "%s", value_over(fits, i));
            }
            add_answer(table, &fits->items[i].items[j]);
        }
    }
    table_fit(table, command_width(stdout), droppable, sizeof droppable / sizeof *droppable);
    table_print(table, stdout, command_has_colour(stdout));
    table_destroy(table);
}

static void print_reasons(const struct fits *fits)
{
    for (uint32_t i = 0; i < fits->count; i++) {
        const char *value = value_over(fits, i);
        for (uint32_t j = 0; j < fits->items[i].count; j++) {
            const struct fit_answer *answer = &fits->items[i].items[j];
            if (answer->why != NULL) {
                printf("  %s%s%s, %s: %s\n", value == NULL ? "" : value, value == NULL ? "" : ", ",
                       answer->machine, answer->plan, answer->why);
            }
        }
    }
}

static void print_answers(const struct fits *fits)
{
    printf("largest %s that fits, for each plan; times by the planner's forms from a replay of a "
           "few time steps\n",
           fits->key);
    print_table(fits);
    print_reasons(fits);
}

// --- JSON ---------------------------------------------------------------------------------------
static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *plan_to_json(const struct checkpoint_config *config)
{
    struct plan_numbers has = plan_numbers_of(config->kind);
    json_t *json = json_pack("{s:s}", "kind", checkpoint_kind_name(config->kind));
    json_object_set_new(json, "local", has.has_local ? json_integer(config->local) : json_null());
    json_object_set_new(json, "remote",
                        has.has_remote ? json_integer(config->remote) : json_null());
    json_object_set_new(json, "levels",
                        has.has_levels ? json_integer(config->levels) : json_null());
    return json;
}

// A number where the text is one.
static json_t *value_to_json(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    char *end;
    double value = strtod(text, &end);
    return *end == '\0' && isfinite(value) ? json_real(value) : json_string(text);
}

static json_t *answer_to_json(const struct fit_answer *answer)
{
    bool fits = answer->largest > 0;
    json_t *json =
        json_pack("{s:s, s:o}", "machine", answer->machine, "plan", plan_to_json(&answer->config));
    json_object_set_new(json, "largest", fits ? json_integer(answer->largest) : json_null());
    json_object_set_new(json, "is_bounded", json_boolean(answer->is_bounded));
    json_object_set_new(json, "ratio_to_none", real_or_null(answer->ratio));
    json_object_set_new(json, "sram_max_bytes",
                        fits ? json_integer((json_int_t)answer->sram_bytes) : json_null());
    json_object_set_new(json, "step_seconds", real_or_null(answer->step_seconds));
    json_object_set_new(json, "seconds_per_time_step", real_or_null(answer->time_step_seconds));
    json_object_set_new(json, "overhead_at_none", real_or_null(answer->overhead));
    json_object_set_new(json, "forward_share", real_or_null(answer->rho));
    json_object_set_new(json, "why", answer->why == NULL ? json_null() : json_string(answer->why));
    return json;
}

static bool write_answers(const struct fits *fits, const char *path, struct err *err)
{
    json_t *json = json_pack("{s:{s:s, s:s}, s:s, s:s, s:s?}", "tilesim", "version",
                             TILESIM_VERSION, "git", version_git(), "experiment",
                             fits->items[0].experiment, "vary", fits->key, "over", fits->over->key);
    json_t *list = json_array();
    for (uint32_t i = 0; i < fits->count; i++) {
        for (uint32_t j = 0; j < fits->items[i].count; j++) {
            json_t *answer = answer_to_json(&fits->items[i].items[j]);
            json_object_set_new(answer, "over", value_to_json(value_over(fits, i)));
            json_array_append_new(list, answer);
        }
    }
    json_object_set_new(json, "answers", list);
    char *why = NULL;
    bool is_written = result_write_any_json(json, 0, path, &why);
    if (!is_written) {
        err_at(err, NULL, "%s", why);
        free(why);
    }
    json_decref(json);
    return is_written;
}

// --- the command --------------------------------------------------------------------------------
// Under one plan at least; rows of a machine follow one another.
static bool every_machine_fits(const struct fit_answers *answers)
{
    bool fits = true, is_machine_fitting = true;
    for (uint32_t i = 0; i < answers->count; i++) {
        bool is_new =
            i == 0 || strcmp(answers->items[i].machine, answers->items[i - 1].machine) != 0;
        fits = fits && (!is_new || is_machine_fitting);
        is_machine_fitting = (!is_new && is_machine_fitting) || answers->items[i].largest > 0;
    }
    return fits && is_machine_fitting;
}

// All values of the second key, one after the other. False: messages in err.
static bool ask_all(struct arguments *arguments, struct fits *fits, struct err *err)
{
    const struct sets *values = &arguments->over.values;
    fits->items = xcalloc(values->count + 1, sizeof *fits->items);
    bool is_done = true;
    do {
        struct sets sets = {0};
        for (uint32_t i = 0; i < arguments->sets.count; i++) {
            sets_add(&sets, arguments->sets.texts[i]);
        }
        if (values->count > 0) {
            sets_add(&sets, values->texts[fits->count]);
        }
        struct fit_request request = arguments->request;
        request.sets = sets.texts;
        request.set_count = sets.count;
        is_done = fit_run(&request, &fits->items[fits->count++], err);
        sets_free(&sets);
    } while (is_done && fits->count < values->count);
    return is_done;
}

static int show(const struct fits *fits, const char *json_path, struct err *err)
{
    bool has_stdout = command_is_stdout(json_path);
    if (!has_stdout) {
        print_answers(fits);
    }
    if (json_path != NULL && !write_answers(fits, has_stdout ? "-" : json_path, err)) {
        return EXIT_FAULT;
    }
    for (uint32_t i = 0; i < fits->count; i++) {
        if (!every_machine_fits(&fits->items[i])) {
            return EXIT_DOES_NOT_FIT;
        }
    }
    return EXIT_DONE;
}

static int fit(struct arguments *arguments, struct err *err)
{
    struct fits fits = {.over = &arguments->over, .key = arguments->request.key};
    int status =
        ask_all(arguments, &fits, err) ? show(&fits, arguments->json_path, err) : EXIT_BAD_INPUT;
    for (uint32_t i = 0; i < fits.count; i++) {
        fit_answers_free(&fits.items[i]);
    }
    free(fits.items);
    return status;
}

static void over_free(struct over *over)
{
    for (uint32_t i = 0; i < over->values.count; i++) {
        free((char *)over->values.texts[i]); // parse_over() made them
    }
    sets_free(&over->values);
    free(over->key);
}

int command_fit(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        "EXPERIMENT.yaml",
        "Finds the largest value of a key for which a training step fits, on each tile machine and "
        "under each checkpoint plan, the plan's numbers chosen anew at every value. "
        "docs/checkpointing.md says how.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    arguments.request.path = arguments.path;
    arguments.request.has_progress = isatty(STDERR_FILENO) == 1;
    struct err *err = err_create();
    int status = command_finish_output(fit(&arguments, err));
    err_print(err, stderr);
    err_destroy(err);
    sets_free(&arguments.sets);
    over_free(&arguments.over);
    return status;
}
