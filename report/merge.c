#include "report/merge.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report/page/json_scan.h"
#include "sim/err.h"

#define CONFLICTS_KEPT 5u

struct merge {
    json_t *points;                  // owned; key of a point -> {result, file, git}
    json_t *versions;                // owned; "0.1.0 (git abc)" -> points
    char *conflicts[CONFLICTS_KEPT]; // owned
    uint32_t conflict_count;
};

struct noting {
    struct merge *merge;
    const char *path;
};

struct merge *merge_create(void)
{
    struct merge *merge = xcalloc(1, sizeof(*merge));
    merge->points = json_object();
    merge->versions = json_object();
    return merge;
}

void merge_destroy(struct merge *merge)
{
    if (merge == NULL) {
        return;
    }
    for (uint32_t i = 0; i < CONFLICTS_KEPT; i++) {
        free(merge->conflicts[i]);
    }
    json_decref(merge->points);
    json_decref(merge->versions);
    free(merge);
}

static uint64_t hash_text(uint64_t hash, const char *from, const char *to)
{
    for (; from < to; from++) {
        hash = (hash ^ (unsigned char)*from) * 1099511628211u;
    }
    return hash;
}

// A digest of what must be equal: the result without the program's version and this host's speed,
// as the text that it is. FNV-1a, 64 bits: against chance, not against anyone.
static char *digest(const struct store_point *point)
{
    uint64_t hash = 14695981039346656037u;
    const char *at = point->result == NULL ? "" : point->result;
    const char *end = at + strlen(at);
    const char *const left_out[] = {"tilesim",
                                    "simulator"}; // in the order in which they are written
    for (uint32_t i = 0; i < 2 && at < end; i++) {
        const char *value = json_scan_member(point->result, left_out[i]);
        if (value != NULL && value >= at) {
            hash = hash_text(hash, at, value);
            at = json_scan_end(value);
        }
    }
    hash = hash_text(hash, at, end);
    return xasprintf("%s %016llx", point_status_name(point->status), (unsigned long long)hash);
}

static void add_conflict(struct noting *noting, const struct store_point *point,
                         const json_t *other)
{
    struct merge *merge = noting->merge;
    if (merge->conflict_count < CONFLICTS_KEPT) {
        const char *file = json_string_value(json_object_get(other, "file"));
        merge->conflicts[merge->conflict_count] = xasprintf(
            "%s (git %s) and %s (git %s) have different results of one configuration, point %u of "
            "sweep %s (key %s); the former stays",
            file, json_string_value(json_object_get(other, "git")), noting->path,
            point->git == NULL ? "unknown" : point->git, point->number, point->sweep, point->key);
    }
    merge->conflict_count++;
}

static void count_version(struct merge *merge, const struct store_point *point)
{
    char *name = xasprintf("%s (git %s)", point->version == NULL ? "unknown" : point->version,
                           point->git == NULL ? "unknown" : point->git);
    json_int_t count = json_integer_value(json_object_get(merge->versions, name));
    json_object_set_new(merge->versions, name, json_integer(count + 1));
    free(name);
}

static bool note_point(void *context, const struct store_point *point)
{
    struct noting *noting = context;
    struct merge *merge = noting->merge;
    const json_t *other = json_object_get(merge->points, point->key);
    if (point->status == POINT_FAILED) { // any other result of its key takes its place
        return true;
    }
    char *result = digest(point);
    if (other == NULL) {
        json_t *known = json_pack("{s:s, s:s, s:s}", "result", result, "file", noting->path, "git",
                                  point->git == NULL ? "unknown" : point->git);
        json_object_set_new(merge->points, point->key, known);
        count_version(merge, point);
    } else if (strcmp(json_string_value(json_object_get(other, "result")), result) != 0) {
        add_conflict(noting, point, other);
    }
    free(result);
    return true;
}

bool merge_note(struct merge *merge, const char *path, struct store *store, char **why)
{
    struct noting noting = {merge, path};
    return store_each(store, note_point, &noting, why);
}

bool merge_file(struct merge *merge, const char *path, struct store *into, char **why)
{
    struct store *from = store_open_to_read(path, why);
    if (from == NULL) {
        return false;
    }
    bool is_noted = merge_note(merge, path, from, why);
    char *unused = NULL;
    store_close(from, is_noted ? why : &unused);
    free(unused);
    return is_noted && store_merge(into, path, why);
}

uint32_t merge_conflict_count(const struct merge *merge)
{
    return merge->conflict_count;
}

const char *merge_conflict(const struct merge *merge, uint32_t i)
{
    return i < CONFLICTS_KEPT ? merge->conflicts[i] : NULL;
}

char *merge_describe_versions(const struct merge *merge)
{
    if (json_object_size(merge->versions) < 2) {
        return NULL;
    }
    char *all = xstrdup("");
    const char *name;
    json_t *count;
    json_object_foreach(merge->versions, name, count)
    {
        long long points = (long long)json_integer_value(count);
        char *longer = xasprintf("%s%s%s, %lld point%s", all, all[0] == '\0' ? "" : "; ", name,
                                 points, points == 1 ? "" : "s");
        free(all);
        all = longer;
    }
    return all;
}
