#include "sim/validation/parameters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu.h"
#include "sim/config/source.h"
#include "sim/experiment_keys.h"

struct search {
    const char *group, *series;
    struct parameter_list *list;
    struct err *err;
};

static bool is_known(const struct parameter_list *list, const struct mark *mark)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct mark *known = &list->parameters[i].entry_mark;
        if (known->line == mark->line && known->column == mark->column &&
            strcmp(known->source->name, mark->source->name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_entry(const struct search *search, const struct uncertain_scope *scope, uint32_t i)
{
    const struct uncertain *entry = &scope->entries[i];
    char *path = xasprintf("uncertain.%u.key", i);
    struct mark entry_mark = config_mark(scope->node, path);
    struct mark value_mark = config_mark(scope->node, entry->key);
    struct config_found found;
    double value = NAN;
    free(path);
    if (is_known(search->list, &entry_mark)) {
        return;
    }
    if (!config_find(scope->keys, scope->target, entry->key, &found) ||
        !config_get_number(&found, &value) || !config_is_given(scope->node, entry->key)) {
        err_at(search->err, &entry_mark, "%s: it has no value in a file; write one", entry->key);
        return;
    }
    struct parameter_list *list = search->list;
    list->parameters = xrealloc(list->parameters, (list->count + 1) * sizeof(*list->parameters));
    list->parameters[list->count++] = (struct parameter){
        .key = xstrdup(entry->key),
        .fitted_to = xstrdup(entry->fitted_to),
        .low = entry->low,
        .high = entry->high,
        .value = value,
        .residual = entry->residual,
        .left_out = entry->left_out,
        .is_whole = found.key->type != KEY_REAL,
        .entry_file = xstrdup(entry_mark.source->name),
        .value_file = xstrdup(value_mark.source->name),
        .entry_mark = entry_mark,
        .value_mark = value_mark,
    };
}

static void add_scope(const struct search *search, const struct uncertain_scope *scope)
{
    for (uint32_t i = 0; scope->node != NULL && i < scope->count; i++) {
        if (uncertain_is_fitted_to(&scope->entries[i], search->group, search->series)) {
            add_entry(search, scope, i);
        }
    }
}

static void add_machine(const struct search *search, const struct machine_config *machine,
                        uint32_t number, struct config *config, const struct node *root)
{
    bool is_gpu = machine->gpu != NULL;
    char *path = xasprintf("machines.%u.%s", number, is_gpu ? "gpu" : "chip");
    const struct node *node =
        config_open(config, root, path, is_gpu ? "gpus" : "chips", search->err);
    struct uncertain_scope scope = {
        .keys = is_gpu ? gpu_keys : chip_keys,
        .target = is_gpu ? (const void *)machine->gpu : (const void *)machine->chip,
        .node = node,
        .entries = is_gpu ? machine->gpu->uncertain : machine->chip->uncertain,
        .count = is_gpu ? machine->gpu->uncertain_count : machine->chip->uncertain_count,
    };
    add_scope(search, &scope);
    free(path);
}

static void add_point(const struct search *search, const struct series *series,
                      const struct validation_point *point)
{
    // The tree that the experiment is made from: its marks say where everything is written.
    struct config *config = config_create_on(series->config);
    const struct node *root = series->root;
    for (uint32_t i = 0; i < point->set_count && root != NULL; i++) {
        root = config_set(config, root, experiment_keys, point->set[i], search->err);
    }
    struct experiment *experiment =
        root == NULL ? NULL : experiment_bind(config, root, NULL, 0, search->err);
    if (experiment == NULL) {
        return;
    }
    struct uncertain_scope scope = {experiment_keys, experiment, root, experiment->uncertain,
                                    experiment->uncertain_count};
    add_scope(search, &scope);
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        add_machine(search, &experiment->machines[i], i, config, root);
    }
    experiment_destroy(experiment);
}

// Points that change the machines may bring other files than the first.
static bool changes_machines(const struct validation_point *point)
{
    for (uint32_t i = 0; i < point->set_count; i++) {
        if (strncmp(point->set[i], "machines", strlen("machines")) == 0) {
            return true;
        }
    }
    return false;
}

bool parameters_find(const struct series_list *list, const char *group, const char *series,
                     struct parameter_list *parameters, struct err *err)
{
    size_t faults = err_count(err);
    struct search search = {group, series, parameters, err};
    *parameters = (struct parameter_list){0};
    for (uint32_t i = 0; i < list->count; i++) {
        const struct series *from = &list->series[i];
        bool is_wanted = strcmp(from->validation->group, group) == 0 &&
                         (series == NULL || strcmp(from->validation->series, series) == 0);
        for (uint32_t j = 0; is_wanted && j < from->validation->point_count; j++) {
            if (j == 0 || changes_machines(&from->validation->points[j])) {
                add_point(&search, from, &from->validation->points[j]);
            }
        }
    }
    return err_count(err) == faults;
}

void parameters_free(struct parameter_list *parameters)
{
    for (uint32_t i = 0; i < parameters->count; i++) {
        free(parameters->parameters[i].key);
        free(parameters->parameters[i].fitted_to);
        free(parameters->parameters[i].entry_file);
        free(parameters->parameters[i].value_file);
    }
    free(parameters->parameters);
    *parameters = (struct parameter_list){0};
}

bool parameter_is_fitted_to(const struct parameter *parameter, const struct series *series)
{
    const struct uncertain entry = {.fitted_to = parameter->fitted_to};
    return uncertain_is_fitted_to(&entry, series->validation->group, series->validation->series);
}

uint32_t parameter_count_rows(const struct parameter *parameter, const struct series_list *list)
{
    uint32_t rows = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct validation *validation = list->series[i].validation;
        bool is_row = parameter_is_fitted_to(parameter, &list->series[i]);
        for (uint32_t j = 0; is_row && j < validation->point_count; j++) {
            rows += !isnan(validation->points[j].measured) && validation->points[j].weight > 0;
        }
    }
    return rows;
}
