#include "sim/run/fit_key.h"

#include <stdlib.h>
#include <string.h>

#include "sim/experiment_keys.h"
#include "sim/units.h"

#define ALL_HIDDEN "network.hidden"

// --- values -------------------------------------------------------------------------------------
uint32_t fit_key_value(const struct fit_key *key, uint64_t place)
{
    return key->values != NULL ? key->values[place - 1] : (uint32_t)(place * key->unit);
}

uint64_t fit_key_least_place(const struct fit_key *key)
{
    return key->values != NULL ? 1 : max_u64(1, div_ceil(key->least, key->unit));
}

uint64_t fit_key_last_place(const struct fit_key *key)
{
    return key->values != NULL ? key->value_count : key->most / key->unit;
}

uint64_t fit_key_start_place(const struct fit_key *key)
{
    uint64_t place = fit_key_least_place(key), last = fit_key_last_place(key);
    if (key->values == NULL) {
        return min_u64(last, max_u64(place, key->start / key->unit));
    }
    while (place < last && key->values[place] <= key->start) {
        place++;
    }
    return place;
}

char *fit_key_set(const struct fit_key *key, const struct experiment *base, uint32_t value)
{
    if (strcmp(key->name, ALL_HIDDEN) != 0) {
        return xasprintf("%s=%u", key->name, value);
    }
    char *text = xasprintf("%s=[", key->name);
    for (uint32_t i = 0; i < base->network.hidden_count; i++) {
        char *longer = xasprintf("%s%s%u", text, i == 0 ? "" : ", ", value);
        free(text);
        text = longer;
    }
    char *whole = xasprintf("%s]", text);
    free(text);
    return whole;
}

// --- which it is --------------------------------------------------------------------------------
static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// "machines.2.chips": 2, and what follows; else no machine, and NULL.
static uint32_t machine_of_key(const char *key, const char **rest)
{
    static const char prefix[] = "machines.";
    *rest = NULL;
    if (strncmp(key, prefix, strlen(prefix)) != 0) {
        return UINT32_MAX;
    }
    char *end;
    unsigned long number = strtoul(key + strlen(prefix), &end, 10);
    *rest = *end == '.' ? end + 1 : NULL;
    return *rest != NULL && number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

// Replicas divide the chips and the samples; groups of chips for a layer those of a replica.
static void list_divisors(struct fit_key *key, const struct experiment *base)
{
    const char *rest;
    uint32_t machine = machine_of_key(key->name, &rest);
    if (rest == NULL) {
        return;
    }
    const struct parallel_config *parallel = &base->machines[machine].parallel;
    uint32_t whole = 0;
    if (strcmp(rest, "replicas") == 0) {
        whole = greatest_divisor(parallel->chips, base->training.batch);
    } else if (strcmp(rest, "layer_chips") == 0 && parallel->replicas > 0) {
        whole = parallel->chips / parallel->replicas;
    }
    if (whole == 0) {
        return;
    }
    key->values = xcalloc(whole, sizeof *key->values);
    for (uint32_t i = 1; i <= whole; i++) {
        if (whole % i == 0 && i <= key->most) {
            key->values[key->value_count++] = i;
        }
    }
}

// A batch goes to all replicas in equal parts, of every machine; each replica has as many chips.
static uint32_t unit_of(const char *key, const struct experiment *base)
{
    uint32_t unit = 1;
    const char *rest;
    uint32_t of_machine = machine_of_key(key, &rest);
    if (rest != NULL && strcmp(rest, "chips") == 0) {
        return base->machines[of_machine].parallel.replicas;
    }
    for (uint32_t i = 0; strcmp(key, "training.batch") == 0 && i < base->machine_count; i++) {
        const struct machine_config *machine = &base->machines[i];
        uint32_t replicas = machine->system == NULL ? 1 : machine->parallel.replicas;
        unit = unit / greatest_divisor(unit, replicas) * replicas;
    }
    return unit;
}

// network.hidden.I
static const uint32_t *find_hidden(const struct experiment *base, const char *key)
{
    size_t prefix = strlen(ALL_HIDDEN);
    if (strncmp(key, ALL_HIDDEN, prefix) != 0 || base->network.hidden_count == 0) {
        return NULL;
    }
    if (key[prefix] == '\0') {
        return base->network.hidden;
    }
    char *end;
    unsigned long layer = strtoul(key + prefix + 1, &end, 10);
    bool is_layer = key[prefix] == '.' && end != key + prefix + 1 && *end == '\0';
    return is_layer && layer < base->network.hidden_count ? &base->network.hidden[layer] : NULL;
}

// The wrong key as `--set` words it; or that it is no whole number.
static bool refuse_key(const struct fit_request *request, struct err *err)
{
    const char **sets = xcalloc(request->set_count + 1, sizeof *sets);
    for (uint32_t i = 0; i < request->set_count; i++) { // none: no array to copy from
        sets[i] = request->sets[i];
    }
    char *own = xasprintf("%s=1", request->key);
    sets[request->set_count] = own;
    struct experiment *experiment =
        experiment_load(request->path, sets, request->set_count + 1, err);
    if (experiment != NULL) {
        err_at(err, NULL, "--vary=%s: not the key of a whole number, such as training.time_steps",
               request->key);
    }
    experiment_destroy(experiment);
    free(own);
    free(sets);
    return false;
}

bool fit_key_find(struct fit_key *key, const struct fit_request *request,
                  const struct experiment *base, struct err *err)
{
    const char *rest;
    *key = (struct fit_key){.name = request->key, .machine = machine_of_key(request->key, &rest)};
    struct config_found found;
    const uint32_t *hidden = find_hidden(base, key->name);
    if (hidden != NULL) {
        key->start = *hidden;
        key->least = 1;
        key->most = NEURONS_MAX;
    } else if (config_find(experiment_keys, base, key->name, &found) &&
               found.key->type == KEY_UINT32 && found.key->max > found.key->min) {
        memcpy(&key->start, found.field, sizeof key->start);
        key->least = (uint32_t)max_u64(1, (uint64_t)found.key->min);
        key->most = (uint32_t)found.key->max;
    } else {
        return refuse_key(request, err);
    }
    key->unit = unit_of(key->name, base);
    key->is_cut = request->max != 0 && request->max < key->most;
    key->most = key->is_cut ? request->max : key->most;
    list_divisors(key, base);
    if (key->most < key->least || key->most < key->unit) {
        return err_at(err, NULL, "--max=%u: the least value of %s is %llu", request->max, key->name,
                      (unsigned long long)max_u64(key->least, key->unit));
    }
    return true;
}

void fit_key_free(struct fit_key *key)
{
    free(key->values);
    *key = (struct fit_key){0};
}
