// Damaged copies of the shipped files: each must give an experiment or at least one message, and
// never a crash. The damage is random with a fixed seed.
#include "tests/sim/config_fixture.h"

#include "sim/rng.h"

#ifdef __SANITIZE_ADDRESS__
#define ROUNDS 1500u // five times as slow
#else
#define ROUNDS 4000u
#endif
#define TEXT_BYTES_MAX 65536u

struct text {
    char bytes[TEXT_BYTES_MAX];
    size_t length;
};

static void read_text(const char *path, struct text *text)
{
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    text->length = fread(text->bytes, 1, TEXT_BYTES_MAX / 2, stream);
    fclose(stream);
}

static void remove_span(struct text *text, size_t at, size_t bytes)
{
    bytes = bytes > text->length - at ? text->length - at : bytes;
    memmove(text->bytes + at, text->bytes + at + bytes, text->length - at - bytes);
    text->length -= bytes;
}

static void insert_span(struct text *text, size_t at, const char *span, size_t bytes)
{
    if (text->length + bytes < TEXT_BYTES_MAX) {
        memmove(text->bytes + at + bytes, text->bytes + at, text->length - at);
        memcpy(text->bytes + at, span, bytes);
        text->length += bytes;
    }
}

static void damage(struct text *text, struct rng *rng)
{
    static const char *const words[] = {
        "&a ",  "*a", "<<: *a", "[",     "]",    "{",      "}",    ": ",           "- ",
        "null", "-1", "1e999",  "\n",    "\t",   "'",      "\"",   "\\0",          "!!int ",
        "? ",   "| ", "--- ",   "...\n", "#",    "base: ", "\xff", "\xef\xbb\xbf", ".nan",
        "0x",   ", ", "%",      "x-y: ", "chip", "gpu",    "toy",  "[[[[[[[[",     "99999999999"};
    size_t at = text->length == 0 ? 0 : rng_below(rng, (uint32_t)text->length);
    uint32_t kind = rng_below(rng, 5);
    if (text->length == 0 || kind == 0) {
        const char *word = words[rng_below(rng, sizeof(words) / sizeof(words[0]))];
        insert_span(text, at, word, strlen(word));
    } else if (kind == 1) {
        text->bytes[at] = (char)rng_below(rng, 256);
    } else if (kind == 2) {
        remove_span(text, at, 1 + rng_below(rng, 40));
    } else if (kind == 3) { // a line or so, elsewhere again
        char span[64];
        size_t bytes = 1 + rng_below(rng, 60);
        bytes = bytes > text->length - at ? text->length - at : bytes;
        memcpy(span, text->bytes + at, bytes);
        insert_span(text, rng_below(rng, (uint32_t)text->length + 1), span, bytes);
    } else {
        text->length = at; // cut off
    }
}

static void check(void)
{
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", NULL, 0, err);
    assert_int_equal(experiment == NULL, err_count(err) > 0);
    if (experiment != NULL) {
        json_decref(experiment_to_json(experiment));
    }
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    err_print(err, stream);
    fclose(stream);
    for (size_t i = 0; i < bytes; i++) {
        assert_true((unsigned char)text[i] >= ' ' || text[i] == '\n' || text[i] == '\t');
    }
    free(text);
    experiment_destroy(experiment);
    err_destroy(err);
}

static void damaged_files_never_crash_and_never_pass_in_silence(void **state)
{
    (void)state;
    static const char *const files[] = {"experiments/sparse-bptt",
                                        "experiments/fashion-mnist",
                                        "experiments/golden",
                                        "experiments/toy",
                                        "chips/gc2",
                                        "chips/gc200",
                                        "gpus/a100-80",
                                        "gpus/h100"};
    struct text *text = xmalloc(sizeof(*text));
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct rng rng = rng_create(1, RNG_TEST, round, 0);
        uint32_t file = round % 8;
        char *path = xasprintf("%s/%s.yaml", getenv("TILESIM_CONFIGS"), files[file]);
        read_text(path, text);
        free(path);
        for (uint32_t i = 1 + rng_below(&rng, 4); i > 0; i--) {
            damage(text, &rng);
        }
        if (file < 4) {
            write_bytes("e.yaml", text->bytes, text->length);
        } else {
            write_bytes("part.yaml", text->bytes, text->length);
            write_text("e.yaml", file < 6 ? "machines: [{chip: part.yaml}]\n"
                                          : "machines: [{gpu: part.yaml}]\n");
        }
        check();
    }
    free(text);
}

static void damaged_arguments_never_crash_and_never_pass_in_silence(void **state)
{
    (void)state;
    struct text *text = xmalloc(sizeof(*text));
    write_text("e.yaml", "machines: [{chip: toy}]\n");
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct rng rng = rng_create(1, RNG_TEST, round, 1);
        const char *start = "machines.0.chip.tile.regions.0={bytes: 5, name: x}";
        text->length = strlen(start);
        memcpy(text->bytes, start, text->length);
        for (uint32_t i = 1 + rng_below(&rng, 4); i > 0; i--) {
            damage(text, &rng);
        }
        text->bytes[text->length] = '\0';
        struct err *err = err_create();
        const char *set = text->bytes;
        struct experiment *experiment = experiment_load("e.yaml", &set, 1, err);
        assert_int_equal(experiment == NULL, err_count(err) > 0);
        experiment_destroy(experiment);
        err_destroy(err);
    }
    free(text);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_files_never_crash_and_never_pass_in_silence),
        cmocka_unit_test(damaged_arguments_never_crash_and_never_pass_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
