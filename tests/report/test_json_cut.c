// Where texts are cut: the pieces are the text again, and a change stays in its piece.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/json_cut.h"
#include "sim/err.h"

// A machine with a long list of parts, of which one takes `cycles`.
static char *make_text(uint32_t cycles)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    fprintf(stream, "{\"name\": \"a, \\\"b\\\" ]}\", \"numbers\": [0");
    for (uint32_t i = 0; i < JSON_CUT_BYTES; i++) {
        fprintf(stream, ",%u", i);
    }
    fprintf(stream, "], \"parts\": [");
    for (uint32_t i = 0; i < 100; i++) {
        fprintf(stream, "%s{\"name\":\"part %u\",\"cycles\":%u}", i == 0 ? "" : ", ", i,
                i == 50 ? cycles : i);
    }
    fprintf(stream, "]} \n");
    fclose(stream);
    return text;
}

static void assert_whole(const struct json_cut *cut, const char *text)
{
    uint32_t begin = 0;
    for (uint32_t i = 0; i < cut->count; i++) {
        assert_true(cut->ends[i] > begin);
        begin = cut->ends[i];
    }
    assert_int_equal(begin, strlen(text));
}

static void pieces_are_the_text_whatever_it_is(void **state)
{
    (void)state;
    char *longer = make_text(1);
    char *broken = xasprintf("%s]}", longer);
    char *open = xasprintf("[[{%s", longer);
    char *quoted = xasprintf("[%s,\"%s", longer, longer);
    const char *const texts[] = {"", "{}", "7", "{\"a\":[1,2]}", longer, broken, open, quoted};
    struct json_cut cut = {0};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_cut_text(&cut, texts[i], strlen(texts[i]));
        assert_whole(&cut, texts[i]);
        assert_true(i < 4 ? cut.count <= 1 : cut.count >= 1);
    }
    json_cut_free(&cut);
    free(longer);
    free(broken);
    free(open);
    free(quoted);
}

static bool has_piece(const struct json_cut *cut, const char *text, const char *piece)
{
    for (uint32_t i = 0; i < cut->count; i++) {
        uint32_t begin = i == 0 ? 0 : cut->ends[i - 1];
        if (cut->ends[i] - begin == strlen(piece) &&
            memcmp(text + begin, piece, strlen(piece)) == 0) {
            return true;
        }
    }
    return false;
}

static void a_change_of_one_part_changes_one_piece(void **state)
{
    (void)state;
    char *text = make_text(7), *other = make_text(123456);
    struct json_cut cut = {0}, other_cut = {0};
    json_cut_text(&cut, text, strlen(text));
    json_cut_text(&other_cut, other, strlen(other));
    assert_true(cut.count > 100);
    assert_int_equal(cut.count, other_cut.count);
    uint32_t changed = 0;
    for (uint32_t i = 1; i < cut.count; i++) {
        uint32_t bytes = cut.ends[i] - cut.ends[i - 1];
        changed += bytes != other_cut.ends[i] - other_cut.ends[i - 1] ||
                   memcmp(text + cut.ends[i - 1], other + other_cut.ends[i - 1], bytes) != 0;
    }
    assert_int_equal(changed, 1);
    assert_true(has_piece(&cut, text, " {\"name\":\"part 50\",\"cycles\":7},"));
    json_cut_free(&cut);
    json_cut_free(&other_cut);
    free(text);
    free(other);
}

static void a_list_of_numbers_stays_whole(void **state)
{
    (void)state;
    char *text = make_text(7);
    struct json_cut cut = {0};
    json_cut_text(&cut, text, strlen(text));
    uint32_t longest = 0;
    for (uint32_t i = 1; i < cut.count; i++) {
        uint32_t bytes = cut.ends[i] - cut.ends[i - 1];
        longest = bytes > longest ? bytes : longest;
    }
    assert_true(longest > 4 * JSON_CUT_BYTES);
    json_cut_free(&cut);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_the_text_whatever_it_is),
        cmocka_unit_test(a_change_of_one_part_changes_one_piece),
        cmocka_unit_test(a_list_of_numbers_stays_whole),
    };
    return cmocka_run_group_tests_name("json_cut", tests, NULL, NULL);
}
