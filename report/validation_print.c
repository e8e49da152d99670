// A validation as tables on the terminal: per group its series, then what was fitted, then what
// failed.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/printer.h"
#include "report/validation_result.h"

static void add_percent_or_dash(struct table *table, bool is_known, const char *format,
                                double fraction)
{
    char text[64] = "-";
    if (is_known) {
        snprintf(text, sizeof(text), format, fraction * 100);
    }
    table_add(table, "%s", text);
}

static void add_summary(struct table *table, const struct error_summary *summary, bool is_group)
{
    bool has_any = summary->count > 0;
    table_add(table, "%u", summary->count);
    add_percent_or_dash(table, has_any, "%.1f %%", summary->mean_absolute);
    add_percent_or_dash(table, has_any, "%+.1f %%", summary->bias);
    add_percent_or_dash(table, has_any, "%+.1f %%", summary->worst);
    if (!has_any) {
        table_add(table, "-");
    } else if (is_group) {
        table_add(table, "%s %s", summary->worst_series, summary->worst_id);
    } else {
        table_add(table, "%s", summary->worst_id);
    }
}

// Hand: the formula checks of the same series.
static void print_errors(const struct printer *printer, const struct validated_group *group,
                         bool is_hand)
{
    const struct error_summary *all = is_hand ? &group->hand : &group->measured;
    if (all->count == 0) {
        return;
    }
    struct table *table = TABLE_WITH(is_hand ? "formula check" : "series", "points", "mean error",
                                     "bias", "worst", "at");
    for (uint32_t i = 0; i < group->series_count; i++) {
        const struct validated_series *series = &group->series[i];
        const struct error_summary *summary = is_hand ? &series->hand : &series->measured;
        if (summary->count > 0) {
            table_add(table, "%s (%s)", series->series, series->quantity);
            add_summary(table, summary, false);
        }
    }
    table_add(table, "all of %s", group->group);
    add_summary(table, all, true);
    print_table(printer, table);
}

static void print_fitted(const struct printer *printer, const struct validated_group *group)
{
    if (group->fitted_count == 0) {
        return;
    }
    struct table *table = TABLE_WITH("fitted parameter", "value", "range", "fitted to", "points",
                                     "residual", "left one out", "file");
    for (uint32_t i = 0; i < group->fitted_count; i++) {
        const struct fitted_parameter *fitted = &group->fitted[i];
        table_add(table, "%s", fitted->key);
        table_add(table, "%.6g", fitted->value);
        table_add(table, "%.4g..%.4g", fitted->low, fitted->high);
        table_add(table, "%s", fitted->fitted_to);
        table_add(table, "%u", fitted->rows);
        add_percent_or_dash(table, !isnan(fitted->residual), "%.1f %%", fitted->residual);
        add_percent_or_dash(table, !isnan(fitted->left_out), "%.1f %%", fitted->left_out);
        table_add(table, "%s", fitted->file);
    }
    print_table(printer, table);
}

static void print_points(const struct printer *printer, const struct validated_series *series)
{
    struct table *table = TABLE_WITH(series->series, "set", "reference", series->quantity, "error");
    for (uint32_t i = 0; i < series->point_count; i++) {
        const struct validated_point *point = &series->points[i];
        bool is_done = point->why == NULL;
        table_add(table, "%s%s", point->id, point->is_hand ? " (hand)" : "");
        table_add(table, "%s", point->set);
        table_add(table, "%.4g", point->reference);
        if (is_done) {
            table_add(table, "%.4g", point->modelled);
        } else {
            table_add(table, "-");
        }
        add_percent_or_dash(table, is_done, "%+.1f %%", point->error);
    }
    print_table(printer, table);
    fprintf(printer->stream, "  source: %s\n\n", series->source);
}

static void print_failures(const struct printer *printer, const struct validation_result *result)
{
    if (result->failed == 0) {
        return;
    }
    print_heading(printer, "Points that did not run");
    for (uint32_t i = 0; i < result->group_count; i++) {
        const struct validated_group *group = &result->groups[i];
        for (uint32_t j = 0; j < group->series_count; j++) {
            const struct validated_series *series = &group->series[j];
            for (uint32_t k = 0; k < series->point_count; k++) {
                if (series->points[k].why != NULL) {
                    fprintf(printer->stream, "  %s/%s %s: %s\n", group->group, series->series,
                            series->points[k].id, series->points[k].why);
                }
            }
        }
    }
}

void validation_result_print(const struct validation_result *result, FILE *stream, bool has_colour,
                             bool has_points)
{
    struct printer printer = {.stream = stream, .has_colour = has_colour};
    uint32_t points = 0;
    for (uint32_t i = 0; i < result->group_count; i++) {
        const struct validated_group *group = &result->groups[i];
        print_heading(&printer, group->group);
        for (uint32_t j = 0; j < group->series_count; j++) {
            points += group->series[j].point_count;
            if (has_points) {
                print_points(&printer, &group->series[j]);
            }
        }
        print_errors(&printer, group, false);
        print_errors(&printer, group, true);
        print_fitted(&printer, group);
    }
    print_failures(&printer, result);
    fprintf(stream, "\n%u points in %.1f s. Errors: modelled / measured - 1.\n", points,
            result->host_seconds);
}
