// From grids to points: an index in a block's grid is a number whose digits are places on its axes.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/experiment_keys.h"
#include "sim/fingerprint.h"
#include "sim/sweep/sweep_keys.h"

static uint64_t block_combinations(const struct sweep_block *block)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < block->axis_count; i++) {
        if (__builtin_mul_overflow(count, block->axes[i].value_count, &count)) {
            return UINT64_MAX;
        }
    }
    return count;
}

uint64_t sweep_count_combinations(const struct sweep *sweep)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < sweep->block_count; i++) {
        if (__builtin_add_overflow(count, block_combinations(&sweep->blocks[i]), &count)) {
            return UINT64_MAX;
        }
    }
    return count;
}

// Place of the point on axis `of`.
static uint32_t digit(const struct sweep_block *block, uint64_t index, uint32_t of)
{
    for (uint32_t i = block->axis_count - 1; i > of; i--) {
        index /= block->axes[i].value_count;
    }
    return (uint32_t)(index % block->axes[of].value_count);
}

const struct node *sweep_point_value(const struct sweep *sweep, const struct sweep_point *point,
                                     const char *path)
{
    const struct sweep_block *block = &sweep->blocks[point->block];
    for (uint32_t i = 0; i < block->axis_count; i++) {
        const struct sweep_axis *axis = &block->axes[i];
        for (uint32_t j = 0; j < axis->path_count; j++) {
            if (strcmp(axis->paths[j], path) == 0) {
                return axis->values[digit(block, point->index, i) * axis->path_count + j];
            }
        }
    }
    return node_at(block->root, path);
}

const struct node *sweep_point_root(const struct sweep *sweep, const struct sweep_point *point,
                                    struct config *config, struct err *err)
{
    const struct sweep_block *block = &sweep->blocks[point->block];
    const struct node *root = block->root;
    for (uint32_t i = 0; root != NULL && i < block->axis_count; i++) {
        const struct sweep_axis *axis = &block->axes[i];
        uint32_t place = digit(block, point->index, i);
        for (uint32_t j = 0; root != NULL && j < axis->path_count; j++) {
            struct config_setting setting = {axis->paths[j], axis->marks[j],
                                             axis->values[place * axis->path_count + j]};
            root = config_set_node(config, root, experiment_keys, &setting, err);
        }
    }
    return root;
}

// --- values as JSON -------------------------------------------------------------------------------
static json_t *scalar_to_json(const struct node *node)
{
    char *end;
    if (node->is_quoted) {
        return json_string(node->text);
    }
    if (node_is_null(node)) {
        return json_null();
    }
    if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0) {
        return json_boolean(node->text[0] == 't');
    }
    bool is_number = strspn(node->text, "+-.0123456789eE") == strlen(node->text);
    long long integer = strtoll(node->text, &end, 10);
    if (is_number && *end == '\0') {
        return json_integer(integer);
    }
    double real = strtod(node->text, &end);
    return is_number && *end == '\0' && isfinite(real) ? json_real(real) : json_string(node->text);
}

json_t *sweep_value_to_json(const struct node *value)
{
    json_t *json;
    switch (value->kind) {
    case NODE_LIST:
        json = json_array();
        for (uint32_t i = 0; i < value->count; i++) {
            json_array_append_new(json, sweep_value_to_json(value->items[i]));
        }
        return json;
    case NODE_MAPPING:
        json = json_object();
        for (uint32_t i = 0; i < value->count; i++) {
            json_object_set_new(json, value->pairs[i].key,
                                sweep_value_to_json(value->pairs[i].value));
        }
        return json;
    case NODE_SCALAR:
        break;
    }
    return scalar_to_json(value);
}

json_t *sweep_point_settings(const struct sweep *sweep, const struct sweep_point *point,
                             const json_t *resolved)
{
    json_t *settings = json_object();
    for (uint32_t i = 0; i < sweep->path_count; i++) {
        const struct node *node = sweep_point_value(sweep, point, sweep->paths[i]);
        json_t *value = node != NULL ? sweep_value_to_json(node)
                                     : json_incref(config_json_at(resolved, sweep->paths[i]));
        if (value != NULL) {
            json_object_set_new(settings, sweep->paths[i], value);
        }
    }
    return settings;
}

// --- expansion ------------------------------------------------------------------------------------
struct seen { // settings of the points so far, hashed; "": empty
    char (*keys)[FINGERPRINT_BYTES];
    uint64_t slots;
};

// False: it was there already.
static bool see(struct seen *seen, const char *key)
{
    uint64_t slot = strtoull(key + 16, NULL, 16) & (seen->slots - 1);
    while (seen->keys[slot][0] != '\0') {
        if (strcmp(seen->keys[slot], key) == 0) {
            return false;
        }
        slot = (slot + 1) & (seen->slots - 1);
    }
    snprintf(seen->keys[slot], FINGERPRINT_BYTES, "%s", key);
    return true;
}

static bool is_wanted(const struct sweep *sweep, const struct sweep_point *point, struct seen *seen)
{
    const struct sweep_block *block = &sweep->blocks[point->block];
    for (uint32_t i = 0; i < block->skip_count; i++) {
        if (sweep_is_skipped(sweep, point, &block->skips[i])) {
            return false;
        }
    }
    char key[FINGERPRINT_BYTES];
    json_t *settings = sweep_point_settings(sweep, point, NULL);
    char *text = json_dumps(settings, JSON_COMPACT);
    fingerprint(text, key);
    free(text);
    json_decref(settings);
    return see(seen, key);
}

struct sweep_points sweep_expand(const struct sweep *sweep)
{
    uint64_t combinations = sweep_count_combinations(sweep);
    SIM_ASSERT(combinations <= SWEEP_POINTS_MAX, "%llu points", (unsigned long long)combinations);
    struct sweep_points points = {0, xcalloc(combinations + 1, sizeof(*points.points))};
    struct seen seen = {.slots = 1024};
    while (seen.slots < 2 * combinations) {
        seen.slots *= 2;
    }
    seen.keys = xcalloc(seen.slots, sizeof(*seen.keys));
    for (uint32_t block = 0; block < sweep->block_count; block++) {
        uint64_t count = block_combinations(&sweep->blocks[block]);
        for (uint64_t index = 0; index < count; index++) {
            struct sweep_point point = {block, index};
            if (is_wanted(sweep, &point, &seen)) {
                points.points[points.count++] = point;
            }
        }
    }
    free(seen.keys);
    return points;
}

void sweep_points_free(struct sweep_points *points)
{
    free(points->points);
    *points = (struct sweep_points){0};
}
