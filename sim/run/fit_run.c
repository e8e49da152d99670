// Convention: a value is tried by loading the experiment with the key set to it, so that all
// derived sizes and checks are those of a run. Values that those checks refuse are no values of the
// key: the search ends before them, and says that memory did not end it.
#include "sim/run/fit_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/run/fit_key.h"
#include "sim/run/form_run.h"
#include "sim/run/plan_choice.h"
#include "sim/run/progress.h"
#include "sim/units.h"

#define RECORD_STEPS 8u // time steps of the record that is replayed for times

struct fit {
    const struct fit_request *request;
    uint32_t machine; // index
    enum checkpoint_kind kind;
    struct fit_key key; // owned
    uint32_t tried;
    struct progress progress;
    struct err *err;
};

// --- an experiment at a value -------------------------------------------------------------------
#define OWN_SETS 6u // the value, the kind, up to three numbers, keep_last

// The kind, and nothing said of numbers that it does not have.
static uint32_t add_kind_sets(enum checkpoint_kind kind, char **texts)
{
    struct plan_numbers has = plan_numbers_of(kind);
    uint32_t count = 0;
    texts[count++] = xasprintf("training.checkpointing=%s", checkpoint_kind_name(kind));
    if (!has.has_local) {
        texts[count++] = xstrdup("training.checkpoints.local=auto");
    }
    if (!has.has_remote) {
        texts[count++] = xstrdup("training.checkpoints.remote=auto");
    }
    if (!has.has_levels) {
        texts[count++] = xstrdup("training.checkpoints.levels=auto");
    }
    if (!has.has_chunks) {
        texts[count++] = xstrdup("training.checkpoints.keep_last=false");
    }
    return count;
}

static struct experiment *load(const struct fit *fit, const struct experiment *base, uint32_t value,
                               struct err *err)
{
    const struct fit_request *request = fit->request;
    char *own[OWN_SETS];
    uint32_t own_count = add_kind_sets(fit->kind, own);
    own[own_count++] = fit_key_set(&fit->key, base, value);
    const char **sets = xcalloc(request->set_count + own_count, sizeof *sets);
    for (uint32_t i = 0; i < request->set_count; i++) {
        sets[i] = request->sets[i];
    }
    for (uint32_t i = 0; i < own_count; i++) {
        sets[request->set_count + i] = own[i];
    }
    struct experiment *experiment =
        experiment_load(request->path, sets, request->set_count + own_count, err);
    for (uint32_t i = 0; i < own_count; i++) {
        free(own[i]);
    }
    free(sets);
    return experiment;
}

// --- does it fit --------------------------------------------------------------------------------
static char *streaming_refusal(const struct plan_prober *prober, enum checkpoint_kind kind)
{
    return prober->remote_limit_bytes == 0
               ? xasprintf("%s needs streaming memory, and the machine has none",
                           checkpoint_kind_name(kind))
               : xasprintf("streaming memory of %llu bytes is too small for %s",
                           (unsigned long long)prober->remote_limit_bytes,
                           checkpoint_kind_name(kind));
}

enum verdict {
    VERDICT_FITS,
    VERDICT_TOO_LARGE,
    VERDICT_ILLEGAL, // the experiment refuses the value, whatever the memory
};

// A message without the places of this search's own settings of the key. Owned.
static char *without_own_places(const char *message, const char *key)
{
    static const char own[] = "--set:1:";
    char *text = xstrdup(message);
    for (char *at = strstr(text, own); at != NULL; at = strstr(at, own)) {
        char *named = at + strlen(own);
        named += strspn(named, "0123456789");
        named += strspn(named, ": ");
        // a key, or its end where a section's own check speaks
        size_t length = strcspn(named, " :)");
        bool is_own =
            length <= strlen(key) && strncmp(key + strlen(key) - length, named, length) == 0;
        if (is_own) {
            memmove(at, named, strlen(named) + 1);
        } else {
            at = named;
        }
    }
    return text;
}

// *why: of the first placement, that on all chips. Owned; NULL if it fits.
static enum verdict try_placements(struct plan_prober *prober,
                                   const struct checkpoint_config *wanted, char **why)
{
    uint32_t count = plan_prober_placements(prober);
    for (uint32_t i = 0; i < count; i++) {
        plan_prober_place(prober, i);
        const struct plan_probe *probe = plan_smallest_probe(prober, wanted);
        if (probe != NULL && probe->fits) {
            free(*why);
            *why = NULL;
            return VERDICT_FITS;
        }
        if (i == 0) {
            *why = probe == NULL ? streaming_refusal(prober, wanted->kind) : xstrdup(probe->why);
        }
    }
    return VERDICT_TOO_LARGE;
}

// *why: owned; NULL if it fits.
static enum verdict try_value(struct fit *fit, const struct experiment *base, uint32_t value,
                              char **why)
{
    struct err *err = err_create();
    struct experiment *experiment = load(fit, base, value, err);
    enum verdict verdict = VERDICT_ILLEGAL;
    *why = NULL;
    if (experiment == NULL) {
        *why = err_count(err) > 0 ? without_own_places(err_message(err, 0), fit->request->key)
                                  : xstrdup("it is no experiment");
    } else {
        const struct checkpoint_config *wanted = &experiment->training.checkpoints;
        struct plan_prober prober =
            plan_prober_create(&experiment->machines[fit->machine], experiment);
        verdict = try_placements(&prober, wanted, why);
        plan_prober_free(&prober);
    }
    experiment_destroy(experiment);
    err_destroy(err);
    progress_update(&fit->progress, ++fit->tried, "%s at %u %s", checkpoint_kind_name(fit->kind),
                    value, verdict == VERDICT_FITS ? "fits" : "does not fit");
    return verdict;
}

// Between two numbers that were tried, in places of the list of values: 1 is the first.
struct bounds {
    uint64_t low;              // this and all below are no values
    uint64_t fitting;          // the largest that fits; 0: none known
    uint64_t failing;          // the smallest that is too large
    uint64_t high;             // this and all above are no values
    char *too_large, *illegal; // owned; what was said of `failing` and of `high`, or of `low`
};

static uint64_t next_place(const struct bounds *bounds, uint64_t most)
{
    uint64_t end = min_u64(bounds->failing, bounds->high);
    if (bounds->fitting == 0) {
        return bounds->low + max_u64(1, (end - bounds->low) / 2);
    }
    return end > most ? min_u64(most, 2 * bounds->fitting)
                      : bounds->fitting + (end - bounds->fitting) / 2;
}

static void replace(char **text, char *by)
{
    free(*text);
    *text = by;
}

static struct bounds search(struct fit *fit, const struct experiment *base)
{
    uint64_t most = fit_key_last_place(&fit->key);
    uint64_t start = fit_key_start_place(&fit->key), at = start;
    struct bounds bounds = {
        .low = fit_key_least_place(&fit->key) - 1, .failing = most + 1, .high = most + 1};
    for (;;) {
        char *why;
        enum verdict verdict = try_value(fit, base, fit_key_value(&fit->key, at), &why);
        if (verdict == VERDICT_FITS) {
            bounds.fitting = at;
        } else if (verdict == VERDICT_TOO_LARGE) {
            bounds.failing = at;
            replace(&bounds.too_large, why);
        } else {
            *(at < start ? &bounds.low : &bounds.high) = at;
            replace(&bounds.illegal, why);
        }
        uint64_t end = min_u64(bounds.failing, bounds.high);
        if (bounds.high == start || max_u64(bounds.fitting, bounds.low) + 1 >= end) {
            return bounds;
        }
        at = next_place(&bounds, most);
    }
}

// Not memory ended it.
static bool is_bounded(const struct bounds *bounds)
{
    return bounds->fitting > 0 &&
           (bounds->too_large == NULL || bounds->fitting + 1 < bounds->failing);
}

// Why no larger value fits, or none at all. Owned.
static char *explain(const struct fit *fit, const struct bounds *bounds)
{
    const struct fit_request *request = fit->request;
    if (!is_bounded(bounds)) {
        return xstrdup(bounds->too_large != NULL ? bounds->too_large : bounds->illegal);
    }
    uint32_t largest = fit_key_value(&fit->key, bounds->fitting);
    bool is_refused = bounds->illegal != NULL && bounds->high == bounds->fitting + 1;
    if (is_refused &&
        bounds->high <= fit_key_last_place(&fit->key)) { // else it was refused below the start
        return xasprintf("%s: %u fits; the key ends there, not memory. At %u: %s", request->key,
                         largest, fit_key_value(&fit->key, bounds->high), bounds->illegal);
    }
    if (fit->key.is_cut) {
        return xasprintf("%s: %u fits; --max=%u ends there, not memory", request->key, largest,
                         request->max);
    }
    if (fit->key.values != NULL) {
        return xasprintf("%s: %u fits; it is the largest divisor there is; "
                         "not memory ends it",
                         request->key, largest);
    }
    return xasprintf("%s: %u fits; the key ends there, not memory: its range is %u..%u",
                     request->key, largest, fit->key.least, fit->key.most);
}

// --- times --------------------------------------------------------------------------------------
// By a drawn record of few time steps, whatever the mode.
static struct plan_choice choose(struct plan_prober *prober, const struct experiment *experiment,
                                 struct plan_times *times)
{
    struct experiment shorter = *experiment;
    shorter.training.time_steps = RECORD_STEPS;
    shorter.training.batch = prober->training.batch;
    shorter.timing.training_steps = 1;
    struct form_run form = {.form = prober->graph->form};
    form_run_draw(&form, &shorter);
    struct plan_choice choice =
        plan_choose_and_place(prober, &experiment->training.checkpoints,
                              form.record_count > 0 ? form.records[0] : NULL, times);
    form_run_drop_records(&form);
    return choice;
}

struct timed {
    struct plan_choice choice;
    double seconds, rho;
    uint32_t time_steps;
    uint64_t sram_bytes;
};

// The cheapest plan at a value. The caller frees the choice.
static struct timed choose_at(const struct fit *fit, const struct experiment *base, uint32_t value)
{
    struct timed timed = {.seconds = NAN, .rho = NAN};
    struct err *err = err_create();
    struct experiment *experiment = load(fit, base, value, err);
    err_destroy(err);
    if (experiment == NULL) {
        return timed;
    }
    struct plan_prober prober = plan_prober_create(&experiment->machines[fit->machine], experiment);
    struct plan_times times;
    timed.choice = choose(&prober, experiment, &times);
    timed.time_steps = experiment->training.time_steps;
    double forward_seconds = times.more_seconds + times.costs.forward_seconds;
    timed.rho = forward_seconds / (forward_seconds + times.costs.backward_seconds);
    if (timed.choice.is_found) {
        timed.seconds = timed.choice.seconds;
        timed.sram_bytes = plan_prober_ask(&prober, &timed.choice.config)->sram_bytes;
    }
    plan_prober_free(&prober);
    experiment_destroy(experiment);
    return timed;
}

static char *name_of(const struct plan_choice *choice)
{
    char text[128];
    planner_describe(&choice->config, text, sizeof text);
    return xstrdup(text);
}

// --- a machine ----------------------------------------------------------------------------------
struct plain { // none, on one machine
    uint32_t largest;
    double seconds;
};

static struct fit_answer answer_of_kind(struct fit *fit, const struct experiment *base,
                                        const struct plain *plain)
{
    struct fit_answer answer = {.machine = xstrdup(base->machines[fit->machine].name),
                                .config = {.kind = fit->kind},
                                .ratio = NAN,
                                .step_seconds = NAN,
                                .time_step_seconds = NAN,
                                .overhead = NAN,
                                .rho = NAN};
    struct bounds bounds = search(fit, base);
    answer.largest = bounds.fitting == 0 ? 0 : fit_key_value(&fit->key, bounds.fitting);
    answer.is_bounded = is_bounded(&bounds);
    answer.why = explain(fit, &bounds);
    free(bounds.too_large);
    free(bounds.illegal);
    if (answer.largest == 0) {
        answer.plan = xstrdup(checkpoint_kind_name(fit->kind));
        return answer;
    }
    struct timed timed = choose_at(fit, base, answer.largest);
    answer.config = timed.choice.config;
    answer.plan = name_of(&timed.choice);
    answer.sram_bytes = timed.sram_bytes;
    answer.step_seconds = timed.seconds;
    answer.time_step_seconds = timed.seconds / timed.time_steps;
    answer.rho = timed.rho;
    plan_choice_free(&timed.choice);
    if (plain != NULL && plain->largest > 0) {
        struct timed there = choose_at(fit, base, plain->largest);
        answer.ratio = (double)answer.largest / plain->largest;
        answer.overhead = there.seconds / plain->seconds - 1;
        answer.plan_at_none = there.choice.is_found ? name_of(&there.choice) : NULL;
        plan_choice_free(&there.choice);
    }
    return answer;
}

static void free_answer(struct fit_answer *answer)
{
    free(answer->machine);
    free(answer->plan);
    free(answer->plan_at_none);
    free(answer->why);
}

static void add_answer(struct fit_answers *answers, const struct fit_answer *answer)
{
    answers->items = xrealloc(answers->items, (answers->count + 1) * sizeof *answers->items);
    answers->items[answers->count++] = *answer;
}

static void fit_machine(struct fit *fit, const struct experiment *base, struct fit_answers *answers)
{
    const struct machine_config *machine = &base->machines[fit->machine];
    bool can_stream = machine->system != NULL && machine->system->streaming.bytes > 0;
    uint32_t kinds = fit->request->kinds;
    bool takes_all = kinds == 0;
    fit->kind = CHECKPOINT_NONE; // first: the others are held against it
    struct fit_answer none = answer_of_kind(fit, base, NULL);
    struct plain plain = {none.largest, none.step_seconds};
    if (takes_all || (kinds & 1u << CHECKPOINT_NONE) != 0) {
        none.ratio = plain.largest > 0 ? 1 : NAN;
        none.overhead = plain.largest > 0 ? 0 : NAN;
        none.plan_at_none = plain.largest > 0 ? xstrdup("none") : NULL;
        add_answer(answers, &none);
    } else {
        free_answer(&none);
    }
    for (fit->kind = CHECKPOINT_NONE + 1; fit->kind < CHECKPOINT_KINDS; fit->kind++) {
        bool is_asked =
            takes_all ? can_stream || !plan_streams(fit->kind) : (kinds >> fit->kind & 1u) != 0;
        if (is_asked) {
            struct fit_answer answer = answer_of_kind(fit, base, &plain);
            add_answer(answers, &answer);
        }
    }
}

// --- what is asked ------------------------------------------------------------------------------
static bool check_machine(const struct fit_request *request, const struct experiment *base,
                          struct err *err)
{
    bool has_tiles = false, is_found = false;
    for (uint32_t i = 0; i < base->machine_count; i++) {
        bool is_named =
            request->machine == NULL || strcmp(request->machine, base->machines[i].name) == 0;
        is_found |= is_named;
        has_tiles |= is_named && base->machines[i].chip != NULL;
    }
    if (!is_found && request->machine != NULL) {
        return err_at(err, NULL, "--machine=%s: there is none of this name", request->machine);
    }
    return has_tiles || err_at(err, NULL, "%s: no machine with tiles", request->path);
}

// To the other machines a machine's key is nothing.
static bool is_asked(const struct fit *fit, const struct experiment *base, uint32_t machine)
{
    const char *name = fit->request->machine;
    bool is_named = name == NULL || strcmp(name, base->machines[machine].name) == 0;
    return is_named && base->machines[machine].chip != NULL &&
           (fit->key.machine == UINT32_MAX || fit->key.machine == machine);
}

static bool check_key_of_machine(const struct fit *fit, const struct experiment *base,
                                 struct err *err)
{
    bool is_any = false;
    for (uint32_t i = 0; i < base->machine_count; i++) {
        is_any = is_any || is_asked(fit, base, i);
    }
    return is_any ||
           err_at(err, NULL, "--vary=%s: it is a key of '%s', which %s", fit->key.name,
                  base->machines[fit->key.machine].name,
                  fit->request->machine == NULL ? "has no tiles" : "--machine leaves out");
}

// Under any kind, at the value that the search begins with: what is refused there is the key
// itself, of this machine or beside these other keys.
static bool check_start(struct fit *fit, const struct experiment *base, struct err *err)
{
    uint32_t value = fit_key_value(&fit->key, fit_key_start_place(&fit->key));
    struct experiment *experiment = NULL;
    for (uint32_t kind = 0; kind < CHECKPOINT_KINDS && experiment == NULL; kind++) {
        struct err *unsaid = err_create();
        fit->kind = (enum checkpoint_kind)kind;
        experiment = load(fit, base, value, unsaid);
        err_destroy(unsaid);
    }
    bool is_right = experiment != NULL;
    if (!is_right) { // once more, for what it says
        fit->kind = base->training.checkpoints.kind;
        experiment = load(fit, base, value, err);
    }
    experiment_destroy(experiment);
    return is_right;
}

static bool check(struct fit *fit, const struct experiment *base, struct err *err)
{
    if (base->workload.kind != NULL) {
        return err_at(err, NULL, "%s: fit is for training; workload.kind is %s", fit->request->path,
                      base->workload.kind->name);
    }
    return check_machine(fit->request, base, err) &&
           fit_key_find(&fit->key, fit->request, base, err) &&
           check_key_of_machine(fit, base, err) && check_start(fit, base, err);
}

bool fit_run(const struct fit_request *request, struct fit_answers *answers, struct err *err)
{
    struct experiment *base =
        experiment_load(request->path, request->sets, request->set_count, err);
    struct fit fit = {.request = request, .err = err};
    bool is_right = base != NULL && check(&fit, base, err);
    *answers = (struct fit_answers){0};
    if (is_right) {
        answers->experiment = xstrdup(base->name);
        fit.progress = progress_start(request->has_progress, request->key, 0);
        for (fit.machine = 0; fit.machine < base->machine_count; fit.machine++) {
            if (is_asked(&fit, base, fit.machine)) {
                fit_machine(&fit, base, answers);
            }
        }
        progress_end(&fit.progress);
    }
    fit_key_free(&fit.key);
    experiment_destroy(base);
    return is_right;
}

void fit_answers_free(struct fit_answers *answers)
{
    for (uint32_t i = 0; i < answers->count; i++) {
        free_answer(&answers->items[i]);
    }
    free(answers->items);
    free(answers->experiment);
    *answers = (struct fit_answers){0};
}
