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

bool parameter_is_at(const struct mark *a, const struct mark *b)
{
    return a->line == b->line && a->column == b->column &&
           strcmp(a->source->name, b->source->name) == 0;
}

static bool is_known(const struct parameter_list *list, const struct mark *mark)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (parameter_is_at(&list->parameters[i].entry_mark, mark)) {
            return true;
        }
    }
    return false;
}

static struct mark entry_mark_of(const struct uncertain_scope *scope, uint32_t i, const char *key)
{
    char *path = xasprintf("uncertain.%u%s", i, key);
    struct mark mark = config_mark(scope->node, path);
    free(path);
    return mark;
}

static void add_entry(const struct search *search, const struct uncertain_scope *scope, uint32_t i)
{
    const struct uncertain *entry = &scope->entries[i];
    struct mark entry_mark = entry_mark_of(scope, i, ".key");
    struct mark value_mark = config_mark(scope->node, entry->key);
    struct config_found found;
    double value = NAN;
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
        .item_mark = entry_mark_of(scope, i, ""),
        .high_mark = entry_mark_of(scope, i, ".high"),
        .residual_mark = entry_mark_of(scope, i, ".residual"),
        .left_out_mark = entry_mark_of(scope, i, ".left_out"),
    };
}

// One series: only what is fitted to it alone; a fit to the whole group needs all of its points.
static bool is_wanted_entry(const struct search *search, const struct uncertain *entry)
{
    bool is_of_group = strchr(entry->fitted_to == NULL ? "" : entry->fitted_to, '/') == NULL;
    return uncertain_is_fitted_to(entry, search->group, search->series) &&
           !(search->series != NULL && is_of_group);
}

static void add_scope(const struct search *search, const struct uncertain_scope *scope)
{
    for (uint32_t i = 0; scope->node != NULL && i < scope->count; i++) {
        if (is_wanted_entry(search, &scope->entries[i])) {
            add_entry(search, scope, i);
        }
    }
}

// --- scopes -------------------------------------------------------------------------------------
// Where a part of a machine is written. NULL: in no file, as the default machines.
static const struct node *part_node(const struct machine_part *part, uint32_t number,
                                    struct config *config, const struct node *root, struct err *err)
{
    char *path = xasprintf("machines.%u.%s", number, part->is_in_system ? "system" : part->kind);
    const struct node *node =
        config_open(config, root, path, part->is_in_system ? "systems" : part->folder, err);
    free(path);
    return part->is_in_system && node != NULL
               ? config_open(config, node, part->kind, part->folder, err)
               : node;
}

bool scoped_experiment_create(const struct series *series, const struct validation_point *point,
                              struct scoped_experiment *scoped, struct err *err)
{
    // The tree that the experiment is made from: its marks say where everything is written.
    struct config *config = config_create_on(series->config);
    const struct node *root = series->root;
    *scoped = (struct scoped_experiment){0};
    for (uint32_t i = 0; i < point->set_count && root != NULL; i++) {
        root = config_set(config, root, experiment_keys, point->set[i], err);
    }
    if (root == NULL) {
        config_destroy(config);
        return false;
    }
    struct experiment *experiment = experiment_bind(config, root, NULL, 0, err);
    if (experiment == NULL) {
        return false;
    }
    scoped->experiment = experiment;
    scoped->scopes =
        xcalloc(MACHINE_PARTS_MAX * (size_t)experiment->machine_count + 1, sizeof(*scoped->scopes));
    scoped->scopes[scoped->scope_count++] = (struct uncertain_scope){
        experiment_keys, experiment, root, experiment->uncertain, experiment->uncertain_count};
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        struct machine_part parts[MACHINE_PARTS_MAX];
        uint32_t count = experiment_machine_parts(&experiment->machines[i], parts);
        for (uint32_t j = 0; j < count; j++) {
            parts[j].scope.node = part_node(&parts[j], i, config, root, err);
            scoped->scopes[scoped->scope_count++] = parts[j].scope;
        }
    }
    return true;
}

void scoped_experiment_free(struct scoped_experiment *scoped)
{
    experiment_destroy(scoped->experiment);
    free(scoped->scopes);
    *scoped = (struct scoped_experiment){0};
}

// --- lists --------------------------------------------------------------------------------------
static void add_point(const struct search *search, const struct series *series,
                      const struct validation_point *point)
{
    struct scoped_experiment scoped;
    if (scoped_experiment_create(series, point, &scoped, search->err)) {
        for (uint32_t i = 0; i < scoped.scope_count; i++) {
            add_scope(search, &scoped.scopes[i]);
        }
        scoped_experiment_free(&scoped);
    }
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
