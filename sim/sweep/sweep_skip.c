// Conditions under which a point is left out.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sweep/sweep_keys.h"

static const struct {
    const char *sign;
    enum comparison comparison;
} signs[] = {{"<=", COMPARE_NOT_ABOVE}, {">=", COMPARE_NOT_BELOW}, {"!=", COMPARE_OTHER},
             {"==", COMPARE_EQUAL},     {"<", COMPARE_BELOW},      {">", COMPARE_ABOVE},
             {"=", COMPARE_EQUAL}};

static double number_of(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    return end == text || *end != '\0' ? NAN : value;
}

// "> 0.2", "bow", [1466, 1466]: what is written, as an operand.
static bool read_operand(const struct sweep_reader *reader, const char *path,
                         const struct node *node, struct sweep_operand *operand)
{
    char *text = NULL;
    if (node->kind == NODE_SCALAR) {
        text = xstrdup(node->text);
    } else {
        json_t *json = sweep_value_to_json(node);
        text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref(json);
    }
    const char *rest = text;
    operand->comparison = COMPARE_EQUAL;
    for (size_t i = 0; node->kind == NODE_SCALAR && i < sizeof(signs) / sizeof(signs[0]); i++) {
        size_t length = strlen(signs[i].sign);
        if (strncmp(text, signs[i].sign, length) == 0) {
            operand->comparison = signs[i].comparison;
            rest = text + length + strspn(text + length, " ");
            break;
        }
    }
    operand->text = config_copy_text(reader->config, rest);
    operand->number = number_of(rest);
    free(text);
    bool is_order = operand->comparison != COMPARE_EQUAL && operand->comparison != COMPARE_OTHER;
    if (is_order && isnan(operand->number)) {
        return err_at(reader->err, &node->mark, "skip: %s: '%s' is no number to compare with", path,
                      operand->text);
    }
    return true;
}

static bool read_condition(const struct sweep_reader *reader, const struct pair *pair,
                           struct sweep_condition *condition)
{
    const struct node *node = pair->value;
    // A list is one of several values, unless it holds lists only where values are lists: [[1, 2]].
    bool is_list = node->kind == NODE_LIST;
    if (is_list && node->count == 0) {
        return err_at(reader->err, &node->mark, "skip: %s: an empty list", pair->key);
    }
    condition->path = pair->key;
    condition->operand_count = is_list ? node->count : 1;
    condition->operands =
        config_allocate(reader->config, condition->operand_count * sizeof(struct sweep_operand));
    bool is_right = true;
    for (uint32_t i = 0; i < condition->operand_count; i++) {
        is_right = read_operand(reader, pair->key, is_list ? node->items[i] : node,
                                &condition->operands[i]) &&
                   is_right;
    }
    return is_right;
}

bool sweep_read_skip(const struct sweep_reader *reader, const struct node *node,
                     struct sweep_skip *skip)
{
    if (node->kind != NODE_MAPPING || node->count == 0) {
        return err_at(reader->err, &node->mark,
                      "skip: conditions are needed here (path: value), not %s",
                      node_kind_name(node));
    }
    skip->conditions =
        config_allocate(reader->config, node->count * sizeof(struct sweep_condition));
    skip->condition_count = node->count;
    bool is_right = true;
    for (uint32_t i = 0; i < node->count; i++) {
        is_right = read_condition(reader, &node->pairs[i], &skip->conditions[i]) && is_right;
    }
    return is_right;
}

// --- evaluation -----------------------------------------------------------------------------------
static bool is_ordered(enum comparison comparison, double value, double operand)
{
    switch (comparison) {
    case COMPARE_EQUAL:
        return value == operand;
    case COMPARE_OTHER:
        return value != operand;
    case COMPARE_BELOW:
        return value < operand;
    case COMPARE_NOT_ABOVE:
        return value <= operand;
    case COMPARE_ABOVE:
        return value > operand;
    case COMPARE_NOT_BELOW:
        return value >= operand;
    }
    return false;
}

static bool holds_operand(const struct sweep_operand *operand, const char *text)
{
    double number = number_of(text);
    if (!isnan(number) && !isnan(operand->number)) {
        return is_ordered(operand->comparison, number, operand->number);
    }
    bool is_equal = strcmp(text, operand->text) == 0;
    return (operand->comparison == COMPARE_EQUAL && is_equal) ||
           (operand->comparison == COMPARE_OTHER && !is_equal);
}

static bool holds(const struct sweep_condition *condition, const struct node *value)
{
    char *text;
    if (value == NULL) {
        return false;
    }
    if (value->kind == NODE_SCALAR) {
        text = xstrdup(value->text);
    } else {
        json_t *json = sweep_value_to_json(value);
        text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref(json);
    }
    bool is_true = false;
    for (uint32_t i = 0; i < condition->operand_count && !is_true; i++) {
        is_true = holds_operand(&condition->operands[i], text);
    }
    free(text);
    return is_true;
}

bool sweep_is_skipped(const struct sweep *sweep, const struct sweep_point *point,
                      const struct sweep_skip *skip)
{
    for (uint32_t i = 0; i < skip->condition_count; i++) {
        const struct sweep_condition *condition = &skip->conditions[i];
        if (!holds(condition, sweep_point_value(sweep, point, condition->path))) {
            return false;
        }
    }
    return true;
}
