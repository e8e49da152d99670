// The table of groups that stands in docs/validation.md.
#include <math.h>

#include "report/validation_result.h"

// Of the values fitted to the group; NaN: none, or calibrate has not left points out.
static double worst_left_out(const struct validated_group *group)
{
    double worst = NAN;
    for (uint32_t i = 0; i < group->fitted_count; i++) {
        worst = fmax(worst, group->fitted[i].left_out); // the number, if one is NaN
    }
    return worst;
}

static void print_row(const struct validated_group *group, FILE *stream)
{
    const struct error_summary *measured = &group->measured;
    double left_out = worst_left_out(group);
    fprintf(stream, "| %s | %u | %u |", group->group, group->series_count, measured->count);
    if (measured->count == 0) {
        fputs(" - | - | - |", stream);
    } else {
        fprintf(stream, " %.1f %% | %+.1f %% | %+.1f %%, %s %s |", measured->mean_absolute * 100,
                measured->bias * 100, measured->worst * 100, measured->worst_series,
                measured->worst_id);
    }
    fprintf(stream, " %u |", group->fitted_count);
    if (isnan(left_out)) {
        fputs(" - |", stream);
    } else {
        fprintf(stream, " %.1f %% |", left_out * 100);
    }
    fprintf(stream, " %u |\n", group->hand.count);
}

void validation_result_print_markdown(const struct validation_result *result, FILE *stream)
{
    fputs("| group | series | measured points | mean error | bias | worst | fitted numbers | their "
          "worst mean error, left out | formula checks |\n"
          "|---|---|---|---|---|---|---|---|---|\n",
          stream);
    for (uint32_t i = 0; i < result->group_count; i++) {
        print_row(&result->groups[i], stream);
    }
}
