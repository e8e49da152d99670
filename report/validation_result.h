// The model held against measurements: everything that `tilesim validate` shows. Filled by sim/.
// Errors are relative: modelled / measured - 1. The JSON is documented in docs/result-format.md.
#ifndef TILESIM_REPORT_VALIDATION_RESULT_H
#define TILESIM_REPORT_VALIDATION_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct validated_point {
    const char *id, *note; // note may be NULL
    char *set;             // owned; joined by spaces
    double reference;      // measured, or worked out by hand
    double modelled, error;
    bool is_hand;
    char *why; // owned; NULL: it ran, and modelled and error are known
};

struct error_summary { // of points that ran
    uint32_t count;
    double mean_absolute, bias, worst; // means of |error| and error; the error of the worst point
    const char *worst_series, *worst_id;
};

struct validated_series {
    const char *series, *quantity, *source, *path;
    struct validated_point *points; // owned
    uint32_t point_count;
    struct error_summary measured, hand; // hand: formula checks
};

struct fitted_parameter {
    char *file, *key, *fitted_to; // owned
    double value, low, high;
    uint32_t rows;             // measured points that it was fitted to
    double residual, left_out; // mean absolute error of those; NaN: not fitted by calibrate yet
};

struct validated_group {
    const char *group;
    struct validated_series *series; // owned
    uint32_t series_count;
    struct fitted_parameter *fitted; // owned
    uint32_t fitted_count;
    struct error_summary measured, hand;
};

struct validation_result {
    const char *version, *git;
    struct validated_group *groups; // owned
    uint32_t group_count;
    uint32_t failed; // points that did not run
    double host_seconds;
};

// Fills the summaries and `failed` from the points.
void validation_result_summarise(struct validation_result *result);
void validation_result_free(struct validation_result *result);
// has_points: a line for every point.
void validation_result_print(const struct validation_result *result, FILE *stream, bool has_colour,
                             bool has_points);
// A row per group, as in docs/validation.md.
void validation_result_print_markdown(const struct validation_result *result, FILE *stream);
json_t *validation_result_to_json(const struct validation_result *result);

// Mean errors alone, by group and by group/series: what a later validation is compared with.
json_t *validation_result_to_expected(const struct validation_result *result);
// Prints a line for every mean error that grew by more than a point, and for every group or series
// that is on one side alone. is_whole: every group and series ran. Returns the number of lines.
uint32_t validation_result_compare(const struct validation_result *result, const json_t *expected,
                                   bool is_whole, FILE *stream);

#endif
