// Reading the files: a small set of our own, then each way in which it can be wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>
#include <zlib.h>

#include "workloads/data/data.h"

enum { PIXELS = 784, TRAIN = 12, TEST = 5, TIME_STEPS = 20 };

#define TRAIN_IMAGES "train-images-idx3-ubyte.gz"
#define TRAIN_LABELS "train-labels-idx1-ubyte.gz"
#define TEST_IMAGES "t10k-images-idx3-ubyte.gz"
#define TEST_LABELS "t10k-labels-idx1-ubyte.gz"
static const char *const file_names[] = {TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS};

struct folder {
    char path[64];
};

static void path_of(const struct folder *folder, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder->path, name);
}

static void write_gz(const struct folder *folder, const char *name, const uint8_t *bytes,
                     uint32_t byte_count)
{
    char path[128];
    path_of(folder, name, path);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, byte_count), byte_count);
    assert_int_equal(gzclose(file), Z_OK);
}

// Pixel p of image i is (i * 31 + p * 7) mod 256.
static void write_images(const struct folder *folder, const char *name, uint8_t count)
{
    uint8_t bytes[16 + TRAIN * PIXELS] = {0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28};
    for (uint32_t i = 0; i < (uint32_t)count * PIXELS; i++) {
        bytes[16 + i] = (uint8_t)(i / PIXELS * 31 + i % PIXELS * 7);
    }
    write_gz(folder, name, bytes, 16 + (uint32_t)count * PIXELS);
}

static void write_labels(const struct folder *folder, const char *name, uint8_t count)
{
    uint8_t bytes[8 + 256] = {0, 0, 8, 1, 0, 0, 0, count};
    for (uint32_t i = 0; i < count; i++) {
        bytes[8 + i] = (uint8_t)(i % 10);
    }
    write_gz(folder, name, bytes, 8u + count);
}

static int make_files(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    strcpy(folder->path, "/tmp/tilesim-idx-XXXXXX");
    *state = folder;
    if (mkdtemp(folder->path) == NULL) {
        return -1;
    }
    write_images(folder, TRAIN_IMAGES, TRAIN);
    write_labels(folder, TRAIN_LABELS, TRAIN);
    write_images(folder, TEST_IMAGES, TEST);
    write_labels(folder, TEST_LABELS, TEST);
    return 0;
}

static int remove_files(void **state)
{
    struct folder *folder = *state;
    for (uint32_t i = 0; i < 4; i++) {
        char path[128];
        path_of(folder, file_names[i], path);
        unlink(path);
    }
    int status = rmdir(folder->path);
    free(folder);
    return status;
}

static struct data_source *open_in(struct folder *folder, enum data_encoding encoding,
                                   uint32_t inputs, uint32_t outputs, struct err *err)
{
    const struct data_config config = {
        .directory = folder->path,
        .encoding = encoding,
        .latency_tau = 20,
        .pixel_threshold = 0.2,
        .rate_max = 0.5,
    };
    const struct network_config network = {.inputs = inputs, .outputs = outputs};
    return data_fashion_mnist.open(&config, &network, TIME_STEPS, 1, err);
}

// Exactly one message, about this file.
static void assert_refused(struct folder *folder, const char *name, const char *why)
{
    char path[128], expected[512];
    path_of(folder, name, path);
    snprintf(
        expected, sizeof expected,
        "data.source: fashion_mnist: %s %s; install the Debian package dataset-fashion-mnist "
        "(apt-get install dataset-fashion-mnist), or set data.directory to a folder with its files",
        path, why);
    struct err *err = err_create();
    assert_null(open_in(folder, ENCODING_LATENCY, PIXELS, 10, err));
    assert_int_equal(err_count(err), 1);
    assert_string_equal(err_message(err, 0), expected);
    err_destroy(err);
}

static void images_and_labels_are_read_as_they_stand(void **state)
{
    struct err *err = err_create();
    struct data_source *source = open_in(*state, ENCODING_LATENCY, PIXELS, 12, err);
    assert_non_null(source);
    assert_int_equal(source->train_count, TRAIN);
    assert_int_equal(source->test_count, TEST);
    assert_int_equal(source->inputs, PIXELS);
    assert_int_equal(source->classes, 10);
    uint32_t ids[TIME_STEPS * PIXELS], counts[TIME_STEPS], label = 99;
    source->sample(source, DATA_TRAIN, 11, 0, ids, counts, &label);
    assert_int_equal(label, 1);
    uint32_t at[TIME_STEPS] = {0}, silent = 0;
    for (uint32_t p = 0; p < PIXELS; p++) { // each pixel above 0.2 stands in exactly one list
        uint8_t pixel = (uint8_t)(11 * 31 + p * 7);
        uint32_t lists = 0;
        for (uint32_t t = 0; t < TIME_STEPS; t++) {
            bool is_next = at[t] < counts[t] && ids[t * PIXELS + at[t]] == p;
            at[t] += is_next;
            lists += is_next;
        }
        assert_int_equal(lists, pixel > 51 ? 1 : 0);
        silent += lists == 0;
    }
    assert_true(silent > 100);
    float values[PIXELS];
    source->values(source, DATA_TRAIN, 11, values, &label);
    assert_int_equal(label, 1);
    for (uint32_t p = 0; p < PIXELS; p++) {
        assert_true(values[p] == (float)(uint8_t)(11 * 31 + p * 7) / 255.0f);
    }
    source->sample(source, DATA_TEST, 4, 0, ids, counts, &label);
    assert_int_equal(label, 4);
    data_close(source);
    err_destroy(err);
}

static void rate_codes_differ_between_epochs_and_splits(void **state)
{
    struct err *err = err_create();
    struct data_source *source = open_in(*state, ENCODING_RATE, PIXELS, 10, err);
    assert_non_null(source);
    uint32_t ids[TIME_STEPS * PIXELS], counts[4][TIME_STEPS], label = 0;
    source->sample(source, DATA_TRAIN, 2, 0, ids, counts[0], &label);
    source->sample(source, DATA_TRAIN, 2, 0, ids, counts[1], &label);
    source->sample(source, DATA_TRAIN, 2, 1, ids, counts[2], &label);
    source->sample(source, DATA_TEST, 2, 0, ids, counts[3], &label); // the same image
    assert_memory_equal(counts[0], counts[1], sizeof counts[0]);
    assert_memory_not_equal(counts[0], counts[2], sizeof counts[0]);
    assert_memory_not_equal(counts[0], counts[3], sizeof counts[0]);
    data_close(source);
    err_destroy(err);
}

static void a_missing_file_is_one_clear_message(void **state)
{
    for (uint32_t i = 4; i-- > 0;) { // the last first: what is missing first is what is named
        char path[128];
        path_of(*state, file_names[i], path);
        unlink(path);
        assert_refused(*state, file_names[i], "cannot be opened: No such file or directory");
    }
}

static void a_file_that_was_cut_is_truncated(void **state)
{
    char path[128];
    path_of(*state, TRAIN_IMAGES, path);
    assert_int_equal(truncate(path, 200), 0);
    struct err *err = err_create();
    assert_null(open_in(*state, ENCODING_LATENCY, PIXELS, 10, err));
    assert_int_equal(err_count(err), 1);
    assert_non_null(strstr(err_message(err, 0), TRAIN_IMAGES " is truncated: it ends after "));
    assert_non_null(strstr(err_message(err, 0), " of 9408 bytes of its data; install the Debian "));
    err_destroy(err);
}

static void a_file_without_its_checksum_is_truncated(void **state)
{
    char path[128];
    path_of(*state, TEST_LABELS, path);
    FILE *stream = fopen(path, "r");
    assert_int_equal(fseek(stream, 0, SEEK_END), 0);
    long bytes = ftell(stream);
    fclose(stream);
    assert_int_equal(truncate(path, bytes - 3), 0);
    assert_refused(*state, TEST_LABELS, "is truncated: its checksum is missing");
}

static void a_changed_byte_is_found(void **state)
{
    char path[128];
    path_of(*state, TEST_LABELS, path);
    FILE *stream = fopen(path, "r+");
    assert_int_equal(fseek(stream, -8, SEEK_END), 0); // the checksum
    int byte = fgetc(stream);
    assert_int_equal(fseek(stream, -8, SEEK_END), 0);
    fputc(byte ^ 1, stream);
    fclose(stream);
    assert_refused(*state, TEST_LABELS, "is corrupt: incorrect data check");
}

static void another_kind_of_file_is_refused(void **state)
{
    write_labels(*state, TRAIN_IMAGES, TRAIN);
    assert_refused(*state, TRAIN_IMAGES,
                   "begins with 0x00000801 instead of 0x00000803, the mark of an IDX file of bytes "
                   "in 3 dimensions");
    write_gz(*state, TRAIN_IMAGES, (const uint8_t *)"abc", 3);
    assert_refused(*state, TRAIN_IMAGES,
                   "is truncated: it ends after 3 of 4 bytes of its magic number");
    write_images(*state, TRAIN_IMAGES, TRAIN);
    write_images(*state, TRAIN_LABELS, TRAIN);
    assert_refused(*state, TRAIN_LABELS,
                   "begins with 0x00000803 instead of 0x00000801, the mark of an IDX file of bytes "
                   "in 1 dimension");
}

static void a_header_that_lies_about_the_size_is_refused(void **state)
{
    uint8_t bytes[16 + 2 * PIXELS] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28};
    write_gz(*state, TRAIN_IMAGES, bytes, 16 + PIXELS + 1);
    assert_refused(*state, TRAIN_IMAGES, "goes on after the 784 bytes that its header announces");
    bytes[7] = 0;
    write_gz(*state, TRAIN_IMAGES, bytes, 16);
    assert_refused(*state, TRAIN_IMAGES, "has a header that announces no data");
    memset(bytes + 4, 0xff, 12);
    write_gz(*state, TRAIN_IMAGES, bytes, sizeof bytes);
    assert_refused(*state, TRAIN_IMAGES, "has a header that announces more than 1 GiB of data");
}

static void images_of_another_size_are_refused(void **state)
{
    uint8_t bytes[16 + 32 * 32] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 32, 0, 0, 0, 32};
    write_gz(*state, TEST_IMAGES, bytes, sizeof bytes);
    assert_refused(*state, TEST_IMAGES, "holds images of 32 x 32 pixels, not 28 x 28");
}

static void labels_must_match_the_images(void **state)
{
    struct folder *folder = *state;
    char why[256], images[128];
    path_of(folder, TRAIN_IMAGES, images);
    write_labels(folder, TRAIN_LABELS, TRAIN - 1);
    snprintf(why, sizeof why, "holds 11 labels, but %s holds 12 images", images);
    assert_refused(folder, TRAIN_LABELS, why);
    const uint8_t bytes[8 + TRAIN] = {0, 0, 8, 1, 0, 0, 0, TRAIN, 0, 9, 10};
    write_gz(folder, TRAIN_LABELS, bytes, sizeof bytes);
    assert_refused(folder, TRAIN_LABELS, "gives image 2 the label 10; labels are 0..9");
}

static void a_network_that_does_not_fit_the_images_is_refused(void **state)
{
    struct err *err = err_create();
    assert_null(open_in(*state, ENCODING_LATENCY, 2312, 9, err));
    assert_int_equal(err_count(err), 2);
    assert_string_equal(err_message(err, 0), "data.source: fashion_mnist has 28 x 28 pixels: "
                                             "network.inputs must be 784, not 2312");
    assert_string_equal(err_message(err, 1), "data.source: fashion_mnist has 10 classes: "
                                             "network.outputs must be at least 10, not 9");
    err_destroy(err);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, make_files, remove_files)
    const struct CMUnitTest tests[] = {
        WITH_FILES(images_and_labels_are_read_as_they_stand),
        WITH_FILES(rate_codes_differ_between_epochs_and_splits),
        WITH_FILES(a_missing_file_is_one_clear_message),
        WITH_FILES(a_file_that_was_cut_is_truncated),
        WITH_FILES(a_file_without_its_checksum_is_truncated),
        WITH_FILES(a_changed_byte_is_found),
        WITH_FILES(another_kind_of_file_is_refused),
        WITH_FILES(a_header_that_lies_about_the_size_is_refused),
        WITH_FILES(images_of_another_size_are_refused),
        WITH_FILES(labels_must_match_the_images),
        WITH_FILES(a_network_that_does_not_fit_the_images_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
