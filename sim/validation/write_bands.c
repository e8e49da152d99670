// Points are sorted by what was measured (sparse, dense, a kind of workload) and on what hardware:
// a tally. The band of a tally is what 90 % of its errors stay within, those of fitted points
// widened as leaving a point out of the fit widens them. What was not measured on a preset gets an
// estimate from what was measured elsewhere.
#include "sim/validation/write_bands.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/output_file.h"
#include "sim/validation/claim.h"

#define PART_WITHIN 0.9     // of the points
#define ESTIMATE_FACTOR 2.0 // of a band, for other hardware and for another program: a choice
#define BAND_MIN 0.01       // published figures have two or three digits
#define WORK_SEPARATOR '/'  // of a kind and its work, as workload_work() gives them
#define SECTION "error_band:"
#define HEADING                                                                       \
    SECTION "  # `tilesim validate --write-bands` writes this section: do not edit; " \
            "docs/validation.md, \"Error bands\"\n"

struct tally {
    char *hardware, *of; // owned
    bool is_gpu;
    double *errors; // owned; absolute, as if left out of the fit
    double sum;     // of absolute errors, as they are
    uint32_t count, series;
    bool has_left_out;                // errors of fitted points were widened
    const char *group, *first_series; // of the first point
    bool has_groups;                  // points of several groups
};

struct tallies {
    struct tally *tallies; // owned
    uint32_t count;
};

// --- tallies ------------------------------------------------------------------------------------
static struct tally *tally_of(struct tallies *tallies, const char *hardware, const char *of)
{
    for (uint32_t i = 0; i < tallies->count; i++) {
        struct tally *tally = &tallies->tallies[i];
        if (strcmp(tally->hardware, hardware) == 0 && strcmp(tally->of, of) == 0) {
            return tally;
        }
    }
    tallies->tallies = xrealloc(tallies->tallies, (tallies->count + 1) * sizeof(struct tally));
    struct tally *tally = &tallies->tallies[tallies->count++];
    *tally = (struct tally){.hardware = xstrdup(hardware), .of = xstrdup(of)};
    return tally;
}

static void tallies_free(struct tallies *tallies)
{
    for (uint32_t i = 0; i < tallies->count; i++) {
        free(tallies->tallies[i].hardware);
        free(tallies->tallies[i].of);
        free(tallies->tallies[i].errors);
    }
    free(tallies->tallies);
}

// How much further off a point of the series is that the fit does not know: at least 1. Where
// calibrate has not left points out yet, by the degrees of freedom that the parameters take from
// the points.
static double left_out_factor(const struct validated_group *group, const char *series)
{
    double factor = 1;
    uint32_t unknown = 0, rows = 0;
    for (uint32_t i = 0; i < group->fitted_count; i++) {
        const struct fitted_parameter *fitted = &group->fitted[i];
        const struct uncertain entry = {.fitted_to = fitted->fitted_to};
        if (!uncertain_is_fitted_to(&entry, group->group, series)) {
            continue;
        }
        if (isnan(fitted->residual) || isnan(fitted->left_out)) {
            unknown++;
            rows = fitted->rows;
        } else if (fitted->residual > 0) {
            factor = fmax(factor, fitted->left_out / fitted->residual);
        }
    }
    if (unknown == 0) {
        return factor;
    }
    return fmax(factor, rows > unknown ? sqrt((double)rows / (rows - unknown)) : ESTIMATE_FACTOR);
}

// Is another tally due: other hardware, or other work of the same kind?
static bool changes_tally(const struct validation_point *point)
{
    static const char *const keys[] = {"machines", "workload.codelet", NULL};
    for (uint32_t i = 0; i < point->set_count; i++) {
        for (const char *const *key = keys; *key != NULL; key++) {
            if (strncmp(point->set[i], *key, strlen(*key)) == 0) {
                return true;
            }
        }
    }
    return false;
}

// NULL: the point does not bind, or has no machine; nothing is counted then.
static struct tally *tally_of_point(struct tallies *tallies, const struct series *series,
                                    uint32_t point)
{
    struct err *unused = err_create(); // the validation itself has said it
    struct experiment *experiment = series_bind(series, &series->validation->points[point], unused);
    struct tally *tally = NULL;
    if (experiment != NULL && experiment->machine_count > 0) {
        const struct machine_config *machine = &experiment->machines[0];
        bool is_old = machine->lowering.state_gradient == STATE_GRADIENT_PER_SAMPLE;
        const char *sparse = is_old ? ERROR_BAND_OLD_SPARSE : "sparse";
        bool is_sparse = machine->lowering.kind == LOWERING_SPARSE;
        const struct workload *workload = &experiment->workload;
        char *of = workload->kind != NULL
                       ? workload_work(workload->kind, workload->config, machine->parallel.chips)
                   : machine->gpu != NULL ? xstrdup("training")
                                          : xstrdup(is_sparse ? sparse : "dense");
        tally =
            tally_of(tallies, machine->gpu != NULL ? machine->gpu->name : machine->chip->name, of);
        tally->is_gpu = machine->gpu != NULL;
        free(of);
    }
    experiment_destroy(experiment);
    err_destroy(unused);
    return tally;
}

static void add_error(struct tally *tally, const char *group, const char *series, double error,
                      double factor)
{
    bool is_first = tally->count == 0;
    if (is_first) {
        tally->group = group;
    }
    tally->has_groups = tally->has_groups || strcmp(tally->group, group) != 0;
    if (tally->first_series == NULL || strcmp(tally->first_series, series) != 0) {
        tally->series++;
        tally->first_series = series;
    }
    tally->has_left_out = tally->has_left_out || factor > 1;
    tally->errors = xrealloc(tally->errors, (tally->count + 1) * sizeof(double));
    tally->errors[tally->count++] = fabs(error) * factor;
    tally->sum += fabs(error);
}

static void count_series(struct tallies *tallies, const struct series *series,
                         const struct validated_group *group,
                         const struct validated_series *validated)
{
    double factor = left_out_factor(group, validated->series);
    struct tally *tally = NULL;
    for (uint32_t i = 0; i < validated->point_count; i++) {
        const struct validated_point *point = &validated->points[i];
        if (i == 0 || changes_tally(&series->validation->points[i])) {
            tally = tally_of_point(tallies, series, i);
        }
        if (tally != NULL && !point->is_hand && point->why == NULL) {
            add_error(tally, group->group, validated->series, point->error, factor);
        }
    }
}

// Series come in the same order in both.
static void count_all(struct tallies *tallies, const struct series_list *list,
                      const struct validation_result *result)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < result->group_count; i++) {
        const struct validated_group *group = &result->groups[i];
        for (uint32_t j = 0; j < group->series_count; j++) {
            while (series_is_claim(&list->series[next])) { // not among the groups
                next++;
            }
            count_series(tallies, &list->series[next++], group, &group->series[j]);
        }
    }
}

// --- bands --------------------------------------------------------------------------------------
static int compare_reals(const void *a, const void *b)
{
    double one = *(const double *)a;
    double other = *(const double *)b;
    return (one > other) - (one < other);
}

static double band_of(const struct tally *tally)
{
    qsort(tally->errors, tally->count, sizeof(double), compare_reals);
    uint32_t rank = (uint32_t)ceil(PART_WITHIN * tally->count);
    double within = tally->errors[rank == 0 ? 0 : rank - 1];
    return within < BAND_MIN ? BAND_MIN : within;
}

// "vertex" is also of what was measured of "vertex/scaled_add".
static bool is_of(const struct tally *tally, const char *of)
{
    size_t length = strlen(of);
    return strncmp(tally->of, of, length) == 0 &&
           (tally->of[length] == '\0' || tally->of[length] == WORK_SEPARATOR);
}

// The widest band measured for `of`, on one hardware or (NULL) on any of the kind; NULL: none.
static const struct tally *widest(const struct tallies *tallies, const char *hardware,
                                  const char *of, bool is_gpu)
{
    const struct tally *found = NULL;
    for (uint32_t i = 0; i < tallies->count; i++) {
        const struct tally *tally = &tallies->tallies[i];
        bool is_here = hardware == NULL || strcmp(tally->hardware, hardware) == 0;
        if (tally->is_gpu == is_gpu && is_here && tally->count > 0 && is_of(tally, of) &&
            (found == NULL || band_of(tally) > band_of(found))) {
            found = tally;
        }
    }
    return found;
}

static void put_entry(FILE *stream, const char *of, const char *hardware, double relative,
                      const char *rest)
{
    fprintf(stream, "  - {of: %s, hardware: %s, relative: %.3g, %s}\n", of, hardware, relative,
            rest);
}

static void put_measured(FILE *stream, const struct tally *tally)
{
    double band = band_of(tally);
    bool is_one = tally->series == 1;
    char *series =
        is_one ? xasprintf("/%s", tally->first_series) : xasprintf(" (%u series)", tally->series);
    const char *least = band > BAND_MIN ? "" : "; at least 1 %";
    char *rest = xasprintf(
        "source: \"%s%s%s: %u %s, mean error %.1f %%, %s within %.1f %%%s%s\"", tally->group,
        series, tally->has_groups ? " and others" : "", tally->count,
        tally->count == 1 ? "point" : "points", 100 * tally->sum / tally->count,
        tally->count < 10 ? "all" : "90 %", band * 100,
        tally->has_left_out ? "; fitted ones widened by what leaving them out of the fit costs"
                            : "",
        least);
    put_entry(stream, tally->of, tally->hardware, band, rest);
    free(rest);
    free(series);
}

// Every step away from what was measured doubles the band.
static void put_estimate(FILE *stream, const char *of, const char *hardware,
                         const struct tally *from, const char *why)
{
    bool is_other_work = strcmp(of, from->of) != 0;
    bool is_other_hardware = strcmp(hardware, from->hardware) != 0;
    double factor =
        (is_other_work ? ESTIMATE_FACTOR : 1) * (is_other_hardware ? ESTIMATE_FACTOR : 1);
    char *rest = xasprintf("is_estimate: true, source: \"estimate: %s; %g times that of %s, %s\"",
                           why, factor, from->of, from->hardware);
    put_entry(stream, of, hardware, factor * band_of(from), rest);
    free(rest);
}

// What a program that was never measured is made of, or like.
static const char *const dense_parts[] = {"matmul", "exchange", "vertex", NULL};
static const char *const sparse_parts[] = {ERROR_BAND_OLD_SPARSE, NULL};

// The part with the widest band, on this hardware where it was measured there. NULL: none.
static const struct tally *widest_part(const struct tallies *tallies, const char *hardware,
                                       const char *const *parts)
{
    const struct tally *found = NULL;
    for (; *parts != NULL; parts++) {
        const struct tally *part = widest(tallies, hardware, *parts, false);
        part = part == NULL ? widest(tallies, NULL, *parts, false) : part;
        if (part != NULL && (found == NULL || band_of(part) > band_of(found))) {
            found = part;
        }
    }
    return found;
}

static void put_band(FILE *stream, const struct tallies *tallies, const char *hardware,
                     const char *of, bool is_gpu)
{
    const struct tally *measured = widest(tallies, hardware, of, is_gpu);
    const struct tally *elsewhere = widest(tallies, NULL, of, is_gpu);
    bool is_dense = strcmp(of, "dense") == 0;
    if (measured != NULL) {
        put_measured(stream, measured);
        return;
    }
    if (elsewhere != NULL) {
        put_estimate(stream, of, hardware, elsewhere, "never measured on this hardware");
        return;
    }
    if (is_dense || strcmp(of, "sparse") == 0) {
        elsewhere = widest_part(tallies, hardware, is_dense ? dense_parts : sparse_parts);
    }
    if (elsewhere != NULL) {
        put_estimate(stream, of, hardware, elsewhere,
                     is_dense ? "no dense training step was ever measured, its parts were"
                              : "the measured runs had the older B4");
    }
}

// Kinds that tell their works apart have a band for each that was measured anywhere, and for all
// others an estimate from the widest of those: one codelet says nothing of the next.
static void put_works(FILE *stream, const struct tallies *tallies, const char *hardware,
                      const struct workload_kind *kind)
{
    const struct tally *from = widest(tallies, NULL, kind->name, kind->is_for_gpu);
    for (uint32_t i = 0; i < tallies->count; i++) {
        const struct tally *tally = &tallies->tallies[i];
        // named once, where it was measured most widely
        if (tally->count > 0 && is_of(tally, kind->name) &&
            widest(tallies, NULL, tally->of, kind->is_for_gpu) == tally) {
            put_band(stream, tallies, hardware, tally->of, kind->is_for_gpu);
        }
    }
    if (from != NULL) {
        char *rest =
            xasprintf("is_estimate: true, source: \"estimate: this codelet was never measured; %g "
                      "times the widest of those that were, that of %s, %s\"",
                      ESTIMATE_FACTOR, from->of, from->hardware);
        put_entry(stream, kind->name, hardware, ESTIMATE_FACTOR * band_of(from), rest);
        free(rest);
    }
}

static void put_section(FILE *stream, const struct tallies *tallies, const char *hardware,
                        bool is_gpu)
{
    fputs(HEADING, stream);
    if (!is_gpu) {
        put_band(stream, tallies, hardware, "sparse", false);
        put_band(stream, tallies, hardware, ERROR_BAND_OLD_SPARSE, false);
        put_band(stream, tallies, hardware, "dense", false);
    }
    for (uint32_t i = 0; workload_kinds[i] != NULL; i++) {
        const struct workload_kind *kind = workload_kinds[i];
        if (kind->is_for_gpu == is_gpu && kind->work_name != NULL) {
            put_works(stream, tallies, hardware, kind);
        } else if (kind->is_for_gpu == is_gpu) {
            put_band(stream, tallies, hardware, kind->name, is_gpu);
            char *over_chips = xasprintf("%s%s", kind->name, WORKLOAD_OVER_CHIPS);
            put_band(stream, tallies, hardware, over_chips, is_gpu);
            free(over_chips);
        }
    }
}

// --- files --------------------------------------------------------------------------------------
static char *read_text(const char *path)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = fopen(path, "r");
    if (stream == NULL) {
        return NULL;
    }
    if (getdelim(&text, &bytes, '\0', stream) < 0) {
        free(text);
        text = xstrdup("");
    }
    fclose(stream);
    return text;
}

// Where the section begins in the text, or the end; *after: the line behind it.
static char *find_section(char *text, char **after)
{
    char *at = text;
    while (*at != '\0' && strncmp(at, SECTION, strlen(SECTION)) != 0) {
        at = strchrnul(at, '\n');
        at += *at == '\n';
    }
    *after = at;
    while (**after != '\0' && (*after == at || **after == ' ' || **after == '-')) {
        *after = strchrnul(*after, '\n');
        *after += **after == '\n';
    }
    return at;
}

static void write_file(const struct tallies *tallies, const char *name, bool is_gpu,
                       struct err *err)
{
    char *path = config_find_file(name, is_gpu ? "gpus" : "chips");
    char *text = path == NULL ? NULL : read_text(path);
    struct output_file file;
    bool is_written = text != NULL && output_file_open(&file, path);
    if (is_written) {
        char *after;
        char *section = find_section(text, &after);
        bool is_new = *section == '\0';
        fprintf(file.stream, "%.*s%s%s", (int)(section - text), text,
                section > text && section[-1] != '\n' ? "\n" : "", is_new ? "\n" : "");
        put_section(file.stream, tallies, name, is_gpu);
        fputs(after, file.stream);
        is_written = output_file_commit(&file);
    }
    if (!is_written) {
        err_at(err, NULL, "%s: cannot write the error bands: %s", path == NULL ? name : path,
               strerror(errno));
    }
    free(text);
    free(path);
}

bool write_bands(const struct series_list *list, const struct validation_result *result,
                 struct err *err)
{
    size_t faults = err_count(err);
    struct tallies tallies = {0};
    count_all(&tallies, list, result);
    for (uint32_t is_gpu = 0; is_gpu < 2; is_gpu++) {
        char **names = config_list_names(is_gpu ? "gpus" : "chips");
        for (char **name = names; *name != NULL; name++) {
            write_file(&tallies, *name, is_gpu, err);
            free(*name);
        }
        free(names);
    }
    tallies_free(&tallies);
    return err_count(err) == faults;
}
