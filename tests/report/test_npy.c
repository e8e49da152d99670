#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/npy.h"

struct folder {
    char path[64];
    char file[96]; // path/x.npy
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    strcpy(folder->path, "/tmp/tilesim-npy-XXXXXX");
    *state = folder;
    if (folder == NULL || mkdtemp(folder->path) == NULL) {
        return -1;
    }
    snprintf(folder->file, sizeof folder->file, "%s/x.npy", folder->path);
    return 0;
}

static uint32_t count_files(const struct folder *folder)
{
    uint32_t count = 0;
    DIR *listing = opendir(folder->path);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        count += entry->d_name[0] != '.';
    }
    closedir(listing);
    return count;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    unlink(folder->file);
    int status = rmdir(folder->path); // fails if a test left a temporary file
    free(folder);
    return status;
}

static void write_bytes(const char *path, const void *bytes, size_t byte_count)
{
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, byte_count, stream), byte_count);
    fclose(stream);
}

// A file with this dictionary, padded to 128 bytes as NumPy pads it, and `data_bytes` zero bytes.
static void write_npy(const char *path, const char *dictionary, size_t data_bytes)
{
    char bytes[128 + 256] = {0};
    memset(bytes, ' ', 128);
    memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10); // 118 bytes follow
    memcpy(bytes + 10, dictionary, strlen(dictionary));
    bytes[127] = '\n';
    write_bytes(path, bytes, 128 + data_bytes);
}

static void assert_read_fails(const struct folder *folder, const char *expected)
{
    struct npy npy;
    char *why = NULL;
    assert_false(npy_read(folder->file, &npy, &why));
    assert_null(npy.items);
    assert_non_null(why);
    assert_memory_equal(why, folder->file, strlen(folder->file));
    assert_string_equal(why + strlen(folder->file), expected);
    free(why);
}

static void a_written_tensor_reads_back_in_every_type_and_shape(void **state)
{
    const struct folder *folder = *state;
    static const struct npy_shape shapes[] = {{0, {0}},       {1, {24}},         {2, {4, 6}},
                                              {3, {2, 3, 4}}, {4, {1, 2, 3, 4}}, {2, {0, 5}}};
    static const uint32_t bytes_of[] = {4, 8, 4};
    unsigned char items[24 * 8];
    for (size_t i = 0; i < sizeof items; i++) {
        items[i] = (unsigned char)(i * 37);
    }
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (int type = NPY_FLOAT32; type <= NPY_UINT32; type++) {
            char *why = NULL;
            struct npy npy;
            assert_true(npy_write(folder->file, (enum npy_type)type, &shapes[s], items, &why));
            assert_true(npy_read(folder->file, &npy, &why));
            assert_int_equal(npy.type, type);
            assert_int_equal(npy.shape.dimension_count, shapes[s].dimension_count);
            assert_int_equal(npy.item_count, npy_item_count(&shapes[s]));
            assert_memory_equal(npy.items, items, npy.item_count * bytes_of[type]);
            npy_free(&npy);
        }
    }
}

// The bytes of numpy.save() for numpy.array([[1, 2, 3], [4, 5, 6]], dtype=numpy.float32).
static void files_are_byte_for_byte_what_numpy_writes(void **state)
{
    const struct folder *folder = *state;
    const float items[] = {1, 2, 3, 4, 5, 6};
    const struct npy_shape shape = {2, {2, 3}};
    unsigned char expected[128 + sizeof items], got[200];
    memset(expected, ' ', 128);
    const char start[] = "\x93NUMPY\x01\x00\x76\x00"
                         "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    memcpy(expected, start, sizeof start - 1);
    expected[127] = '\n';
    memcpy(expected + 128, items, sizeof items);
    char *why = NULL;
    assert_true(npy_write(folder->file, NPY_FLOAT32, &shape, items, &why));
    FILE *stream = fopen(folder->file, "r");
    assert_int_equal(fread(got, 1, sizeof got, stream), sizeof expected);
    fclose(stream);
    assert_memory_equal(got, expected, sizeof expected);
}

static void headers_of_other_writers_are_understood(void **state)
{
    const struct folder *folder = *state;
    static const char *const headers[] = {
        "{'descr': '<u4', 'fortran_order': False, 'shape': (3,)}",
        "{\"shape\": (3,),\"descr\":\"<u4\",\"fortran_order\":False}",
        "  { 'fortran_order' : True , 'shape' : ( 3 , ) , 'descr' : '<u4' , }  ",
        "{'descr': '<u4', 'fortran_order': True, 'shape': (3,), }", // a vector: both orders agree
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        write_npy(folder->file, headers[i], 12);
        const struct npy_shape shape = {1, {3}};
        void *items = NULL;
        char *why = NULL;
        assert_true(npy_read_shaped(folder->file, NPY_UINT32, &shape, &items, &why));
        free(items);
    }
}

static void a_missing_file_is_named(void **state)
{
    assert_read_fails(*state, ": cannot be opened: No such file or directory");
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
    (void)state;
    struct npy npy;
    char *why = NULL;
    assert_false(npy_read("/tmp", &npy, &why));
    assert_string_equal(why, "/tmp: is not a regular file");
    free(why);
}

static void another_kind_of_file_is_refused(void **state)
{
    const struct folder *folder = *state;
    write_bytes(folder->file, "network: {inputs: 784}", 22);
    assert_read_fails(folder, ": is not a .npy file: it does not begin with \\x93NUMPY");
    write_bytes(folder->file, "\x93NUM", 4);
    assert_read_fails(folder, ": is truncated: it ends within its header");
    write_bytes(folder->file, "\x93NUMPY\x01\x00\x76\x00{'descr'", 18);
    assert_read_fails(folder, ": is truncated: it ends within its header");
    write_bytes(folder->file, "\x93NUMPY\x02\x00\x76\x00\x00\x00", 12);
    assert_read_fails(folder, ": has .npy format version 2.0; 1.0 is read");
}

static void types_that_are_not_read_are_named(void **state)
{
    const struct folder *folder = *state;
    write_npy(folder->file, "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", 24);
    assert_read_fails(folder, ": is of type '<i8'; '<f4', '<f8' and '<u4' are read");
    write_npy(folder->file, "{'descr': '>f4', 'fortran_order': False, 'shape': (3,), }", 12);
    assert_read_fails(folder, ": is of type '>f4'; '<f4', '<f8' and '<u4' are read");
    write_npy(folder->file, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }",
              12);
    assert_read_fails(folder, ": holds a structured type; '<f4', '<f8' and '<u4' are read");
}

static void shapes_that_are_not_read_are_refused(void **state)
{
    const struct folder *folder = *state;
    write_npy(folder->file, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 3), }", 12);
    assert_read_fails(folder, ": is in Fortran order; save it with numpy.ascontiguousarray()");
    write_npy(folder->file, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 3), }",
              12);
    assert_read_fails(folder, ": has more than 4 dimensions");
}

static void headers_that_are_no_dictionary_are_refused(void **state)
{
    const struct folder *folder = *state;
    static const char *const headers[] = {
        "",
        "{",
        "['descr', '<f4']",
        "{'descr': '<f4', 'fortran_order': False, }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 3, }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,), }",
        "{'descr: '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } x",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct npy npy;
        char *why = NULL;
        write_npy(folder->file, headers[i], 12);
        assert_false(npy_read(folder->file, &npy, &why));
        assert_non_null(strstr(why, "x.npy: has a header that is not a dictionary of descr, "));
        free(why);
    }
}

static void the_data_must_have_the_length_of_the_shape(void **state)
{
    const struct folder *folder = *state;
    const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    write_npy(folder->file, header, 23);
    assert_read_fails(folder, ": holds 23 bytes of data; shape (2, 3) of '<f4' needs 24");
    write_npy(folder->file, header, 25);
    assert_read_fails(folder, ": holds 25 bytes of data; shape (2, 3) of '<f4' needs 24");
    write_npy(folder->file,
              "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0);
    assert_read_fails(folder, ": holds 0 bytes of data; shape (4294967296, 4294967296) of '<f8' "
                              "needs far more");
}

static void another_shape_or_type_is_refused_with_both_named(void **state)
{
    const struct folder *folder = *state;
    const float items[6] = {0};
    const struct npy_shape shape = {2, {2, 3}}, swapped = {2, {3, 2}}, flat = {1, {6}};
    char *why = NULL, expected[200];
    void *read = NULL;
    assert_true(npy_write(folder->file, NPY_FLOAT32, &shape, items, &why));
    assert_true(npy_read_shaped(folder->file, NPY_FLOAT32, &shape, &read, &why));
    free(read);
    assert_false(npy_read_shaped(folder->file, NPY_FLOAT32, &swapped, &read, &why));
    assert_null(read);
    snprintf(expected, sizeof expected,
             "%s: holds '<f4' of shape (2, 3); expected '<f4' of shape (3, 2)", folder->file);
    assert_string_equal(why, expected);
    free(why);
    assert_false(npy_read_shaped(folder->file, NPY_FLOAT32, &flat, &read, &why));
    free(why);
    assert_false(npy_read_shaped(folder->file, NPY_UINT32, &shape, &read, &why));
    snprintf(expected, sizeof expected,
             "%s: holds '<f4' of shape (2, 3); expected '<u4' of shape (2, 3)", folder->file);
    assert_string_equal(why, expected);
    free(why);
}

// A limit on the size of files stands for the full disk: write() fails half-way in the same manner.
static void a_write_that_fails_half_way_leaves_the_old_file_alone(void **state)
{
    const struct folder *folder = *state;
    const struct npy_shape small = {1, {3}}, large = {1, {100000}};
    const uint32_t old[3] = {1, 2, 3};
    uint32_t *items = calloc(100000, sizeof *items);
    char *why = NULL;
    assert_true(npy_write(folder->file, NPY_UINT32, &small, old, &why));
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){65536, before.rlim_max});
    bool is_written = npy_write(folder->file, NPY_UINT32, &large, items, &why);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, old_handler);
    free(items);
    assert_false(is_written);
    assert_non_null(strstr(why, "x.npy: cannot be written: File too large"));
    free(why);
    assert_int_equal(count_files(folder), 1);
    void *read = NULL;
    assert_true(npy_read_shaped(folder->file, NPY_UINT32, &small, &read, &why));
    assert_memory_equal(read, old, sizeof old);
    free(read);
}

// Through a link, so that a writer which renames over devices replaces the link and not the device.
static void a_full_device_is_reported_and_not_replaced(void **state)
{
    const struct folder *folder = *state;
    const struct npy_shape shape = {1, {3}};
    const uint32_t items[3] = {1, 2, 3};
    char *why = NULL;
    assert_int_equal(symlink("/dev/full", folder->file), 0);
    assert_false(npy_write(folder->file, NPY_UINT32, &shape, items, &why));
    assert_non_null(strstr(why, "x.npy: cannot be written: No space left on device"));
    free(why);
    struct stat status;
    assert_int_equal(lstat(folder->file, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

static void a_folder_that_is_missing_is_reported(void **state)
{
    const struct folder *folder = *state;
    const struct npy_shape shape = {1, {3}};
    const uint32_t items[3] = {1, 2, 3};
    char path[128], expected[200], *why = NULL;
    snprintf(path, sizeof path, "%s/none/x.npy", folder->path);
    snprintf(expected, sizeof expected, "%s: cannot be written: No such file or directory", path);
    assert_false(npy_write(path, NPY_UINT32, &shape, items, &why));
    assert_string_equal(why, expected);
    free(why);
}

static void a_folder_under_the_final_name_is_reported(void **state)
{
    const struct folder *folder = *state;
    const struct npy_shape shape = {1, {3}};
    const uint32_t items[3] = {1, 2, 3};
    char *why = NULL;
    assert_int_equal(mkdir(folder->file, 0777), 0);
    assert_false(npy_write(folder->file, NPY_UINT32, &shape, items, &why));
    assert_non_null(strstr(why, "x.npy: cannot be written: Is a directory"));
    free(why);
    assert_int_equal(count_files(folder), 1);
    rmdir(folder->file);
}

static void a_new_file_has_the_permissions_of_any_other(void **state)
{
    const struct folder *folder = *state;
    const struct npy_shape shape = {1, {3}};
    const uint32_t items[3] = {1, 2, 3};
    char *why = NULL;
    mode_t mask = umask(027);
    assert_true(npy_write(folder->file, NPY_UINT32, &shape, items, &why));
    umask(mask);
    struct stat status;
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_written_tensor_reads_back_in_every_type_and_shape),
        IN_FOLDER(files_are_byte_for_byte_what_numpy_writes),
        IN_FOLDER(headers_of_other_writers_are_understood),
        IN_FOLDER(a_missing_file_is_named),
        IN_FOLDER(what_is_not_a_regular_file_is_refused),
        IN_FOLDER(another_kind_of_file_is_refused),
        IN_FOLDER(types_that_are_not_read_are_named),
        IN_FOLDER(shapes_that_are_not_read_are_refused),
        IN_FOLDER(headers_that_are_no_dictionary_are_refused),
        IN_FOLDER(the_data_must_have_the_length_of_the_shape),
        IN_FOLDER(another_shape_or_type_is_refused_with_both_named),
        IN_FOLDER(a_write_that_fails_half_way_leaves_the_old_file_alone),
        IN_FOLDER(a_full_device_is_reported_and_not_replaced),
        IN_FOLDER(a_folder_that_is_missing_is_reported),
        IN_FOLDER(a_folder_under_the_final_name_is_reported),
        IN_FOLDER(a_new_file_has_the_permissions_of_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
