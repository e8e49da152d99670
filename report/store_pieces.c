// Writing: a table of hashes in memory tells which pieces there are; their texts are not kept.
// Reading: the texts of short pieces are kept, as nearly all of them come again.
#include "report/store_pieces.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/json_cut.h"
#include "sim/err.h"

#define FIRST_SLOTS 1024u
#define KEPT_BYTES 4096u // longer ones (the SRAM of every tile) seldom come twice
#define BLOCK_PIECES 256u
#define DIGITS_MAX 11u // of a piece's number, with its comma

struct known_piece { // one slot of a hash table
    uint64_t hash[2];
    uint32_t piece; // 0: empty
};

struct kept_text {
    char *text; // owned; NULL: not read yet, or long
    size_t length_bytes;
    bool is_block_read; // of the first of a block
};

struct store_pieces {
    sqlite3 *database;
    sqlite3_stmt *add, *find, *find_block; // owned; NULL: not used yet
    struct json_cut cut;
    // owned; [slot_count], a power of two; NULL: to be read from the file
    struct known_piece *known;
    uint32_t slot_count, known_count, last;
    struct kept_text *kept; // owned; by number
    uint32_t kept_count;
};

struct store_pieces *store_pieces_create(sqlite3 *database)
{
    struct store_pieces *pieces = xcalloc(1, sizeof(*pieces));
    pieces->database = database;
    return pieces;
}

void store_forget_pieces(struct store_pieces *pieces)
{
    for (uint32_t i = 0; i < pieces->kept_count; i++) {
        free(pieces->kept[i].text);
    }
    free(pieces->kept);
    free(pieces->known);
    pieces->kept = NULL;
    pieces->known = NULL;
    pieces->kept_count = pieces->slot_count = pieces->known_count = pieces->last = 0;
}

void store_pieces_destroy(struct store_pieces *pieces)
{
    if (pieces == NULL) {
        return;
    }
    store_forget_pieces(pieces);
    sqlite3_finalize(pieces->add);
    sqlite3_finalize(pieces->find);
    sqlite3_finalize(pieces->find_block);
    json_cut_free(&pieces->cut);
    free(pieces);
}

static bool prepare(struct store_pieces *pieces, sqlite3_stmt **statement, const char *sql)
{
    return *statement != NULL ||
           sqlite3_prepare_v3(pieces->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
                              NULL) == SQLITE_OK;
}

// --- hashes ---------------------------------------------------------------------------------------
// Product of 128 bits, folded: a step of wyhash (Wang Yi, public domain), two of them side by side, so that
// two pieces of one hash do not happen. Only in memory: no file depends on it.
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static void hash_word(uint64_t hash[2], uint64_t word)
{
    hash[0] = fold(hash[0] ^ word, 0xa0761d6478bd642fu);
    hash[1] = fold(hash[1] ^ word, 0xe7037ed1a0b428dbu);
}

static void hash_piece(const char *text, size_t length_bytes, uint64_t hash[2])
{
    hash[0] = 0x8ebc6af09c88c6e3u;
    hash[1] = 0x589965cc75374cc3u;
    hash_word(hash, length_bytes);
    for (size_t at = 0; at < length_bytes; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t left = length_bytes - at;
        if (left >= sizeof(word)) {
            memcpy(&word, text + at, sizeof(word));
        } else {
            memcpy(&word, text + at, left);
        }
        hash_word(hash, word);
    }
}

static struct known_piece *find_slot(struct known_piece *known, uint32_t slots,
                                     const uint64_t hash[2])
{
    uint32_t slot = (uint32_t)hash[0] & (slots - 1);
    while (known[slot].piece != 0 &&
           (known[slot].hash[0] != hash[0] || known[slot].hash[1] != hash[1])) {
        slot = (slot + 1) & (slots - 1);
    }
    return &known[slot];
}

static void grow_known(struct store_pieces *pieces)
{
    uint32_t slots = pieces->slot_count == 0 ? FIRST_SLOTS : pieces->slot_count * 2;
    struct known_piece *known = xcalloc(slots, sizeof(*known));
    for (uint32_t i = 0; i < pieces->slot_count; i++) {
        if (pieces->known[i].piece != 0) {
            *find_slot(known, slots, pieces->known[i].hash) = pieces->known[i];
        }
    }
    free(pieces->known);
    pieces->known = known;
    pieces->slot_count = slots;
}

// The slot of a piece; its number is 0 if it is new.
static struct known_piece *look_up(struct store_pieces *pieces, const char *text,
                                   size_t length_bytes)
{
    uint64_t hash[2];
    if (pieces->known_count * 2 >= pieces->slot_count) {
        grow_known(pieces);
    }
    hash_piece(text, length_bytes, hash);
    struct known_piece *slot = find_slot(pieces->known, pieces->slot_count, hash);
    memcpy(slot->hash, hash, sizeof(hash));
    return slot;
}

static void remember(struct store_pieces *pieces, struct known_piece *slot, uint32_t piece)
{
    pieces->known_count += slot->piece == 0;
    slot->piece = piece;
    pieces->last = piece > pieces->last ? piece : pieces->last;
}

// --- writing --------------------------------------------------------------------------------------
static bool load_known(struct store_pieces *pieces)
{
    sqlite3_stmt *row = NULL;
    int code =
        sqlite3_prepare_v2(pieces->database, "SELECT piece, text FROM pieces", -1, &row, NULL);
    grow_known(pieces);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(row, 1);
        size_t length_bytes = (size_t)sqlite3_column_bytes(row, 1);
        remember(pieces, look_up(pieces, text, length_bytes), (uint32_t)sqlite3_column_int(row, 0));
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    if (code != SQLITE_DONE) {
        store_forget_pieces(pieces);
    }
    return code == SQLITE_DONE;
}

static bool add_piece(struct store_pieces *pieces, uint32_t piece, const char *text,
                      size_t length_bytes)
{
    if (!prepare(pieces, &pieces->add, "INSERT INTO pieces VALUES (?, ?)")) {
        return false;
    }
    sqlite3_bind_int64(pieces->add, 1, piece);
    sqlite3_bind_text(pieces->add, 2, text, (int)length_bytes, SQLITE_STATIC);
    int code = sqlite3_step(pieces->add);
    sqlite3_reset(pieces->add);
    return code == SQLITE_DONE;
}

// A number and a comma.
static char *put_number(char *at, uint32_t number)
{
    char digits[DIGITS_MAX];
    char *digit = digits + sizeof(digits);
    *--digit = ',';
    do {
        *--digit = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    size_t length = (size_t)(digits + sizeof(digits) - digit);
    memcpy(at, digit, length);
    return at + length;
}

char *store_split_text(struct store_pieces *pieces, const char *text)
{
    if (pieces->slot_count == 0 && !load_known(pieces)) {
        return NULL;
    }
    struct json_cut *cut = &pieces->cut;
    json_cut_text(cut, text, strlen(text));
    char *list = xcalloc((size_t)cut->count * DIGITS_MAX + 3, 1);
    char *end = list;
    *end++ = '[';
    uint32_t begin = 0;
    for (uint32_t i = 0; i < cut->count; i++) {
        size_t length_bytes = cut->ends[i] - begin;
        struct known_piece *slot = look_up(pieces, text + begin, length_bytes);
        if (slot->piece == 0) {
            if (!add_piece(pieces, pieces->last + 1, text + begin, length_bytes)) {
                free(list);
                return NULL;
            }
            remember(pieces, slot, pieces->last + 1);
        }
        end = put_number(end, slot->piece);
        begin = cut->ends[i];
    }
    end[cut->count == 0 ? 0 : -1] = ']'; // in place of the last comma
    return list;
}

// --- reading --------------------------------------------------------------------------------------
static void append(struct store_text *buffer, const char *text, size_t length_bytes)
{
    if (buffer->length_bytes + length_bytes >= buffer->room) {
        buffer->room = (buffer->length_bytes + length_bytes + 1) * 2;
        buffer->text = xrealloc(buffer->text, buffer->room);
    }
    memcpy(buffer->text + buffer->length_bytes, text, length_bytes);
    buffer->length_bytes += length_bytes;
}

// Room for all pieces that the file has now, and some that come.
static void make_room(struct store_pieces *pieces)
{
    sqlite3_stmt *row = NULL;
    uint32_t count = 0;
    if (sqlite3_prepare_v2(pieces->database, "SELECT max(piece) FROM pieces", -1, &row, NULL) ==
            SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW) {
        count = (uint32_t)sqlite3_column_int(row, 0) / 2 * 3 + BLOCK_PIECES;
    }
    sqlite3_finalize(row);
    if (count > pieces->kept_count) {
        pieces->kept = xrealloc(pieces->kept, count * sizeof(*pieces->kept));
        memset(pieces->kept + pieces->kept_count, 0,
               (count - pieces->kept_count) * sizeof(*pieces->kept));
        pieces->kept_count = count;
    }
}

// Neighbours are needed together: they came new with the same point.
static void read_block(struct store_pieces *pieces, uint32_t piece)
{
    uint32_t first = piece / BLOCK_PIECES * BLOCK_PIECES;
    pieces->kept[first].is_block_read = true;
    if (!prepare(pieces, &pieces->find_block,
                 "SELECT piece, text FROM pieces WHERE piece BETWEEN ? AND ?")) {
        return;
    }
    sqlite3_bind_int64(pieces->find_block, 1, first);
    sqlite3_bind_int64(pieces->find_block, 2, first + BLOCK_PIECES - 1);
    while (sqlite3_step(pieces->find_block) == SQLITE_ROW) {
        size_t length_bytes = (size_t)sqlite3_column_bytes(pieces->find_block, 1);
        uint32_t number = (uint32_t)sqlite3_column_int(pieces->find_block, 0);
        struct kept_text *kept = number < pieces->kept_count ? &pieces->kept[number] : NULL;
        if (kept != NULL && length_bytes <= KEPT_BYTES && kept->text == NULL) {
            kept->text = xstrdup((const char *)sqlite3_column_text(pieces->find_block, 1));
            kept->length_bytes = length_bytes;
        }
    }
    sqlite3_reset(pieces->find_block);
}

// A long one, or one that came after its block was read.
static bool read_piece(struct store_pieces *pieces, uint32_t piece, struct store_text *buffer)
{
    if (!prepare(pieces, &pieces->find, "SELECT text FROM pieces WHERE piece = ?")) {
        return false;
    }
    sqlite3_bind_int64(pieces->find, 1, piece);
    bool is_found = sqlite3_step(pieces->find) == SQLITE_ROW;
    if (is_found) {
        append(buffer, (const char *)sqlite3_column_text(pieces->find, 0),
               (size_t)sqlite3_column_bytes(pieces->find, 0));
    }
    sqlite3_reset(pieces->find);
    return is_found;
}

static bool append_piece(struct store_pieces *pieces, uint32_t piece, struct store_text *buffer)
{
    if (piece >= pieces->kept_count) {
        make_room(pieces);
    }
    const struct kept_text *kept = piece < pieces->kept_count ? &pieces->kept[piece] : NULL;
    if (kept != NULL && kept->text == NULL &&
        !pieces->kept[piece / BLOCK_PIECES * BLOCK_PIECES].is_block_read) {
        read_block(pieces, piece);
    }
    if (kept != NULL && kept->text != NULL) {
        append(buffer, kept->text, kept->length_bytes);
        return true;
    }
    return read_piece(pieces, piece, buffer);
}

const char *store_join_text(struct store_pieces *pieces, const char *list,
                            struct store_text *buffer)
{
    buffer->length_bytes = 0;
    append(buffer, "", 0);
    for (const char *at = list; *at != '\0'; at++) {
        uint32_t piece = 0;
        while (*at >= '0' && *at <= '9') {
            piece = piece * 10 + (uint32_t)(*at++ - '0');
        }
        if (piece != 0 && !append_piece(pieces, piece, buffer)) {
            return NULL;
        }
        if (*at == '\0') {
            break;
        }
    }
    buffer->text[buffer->length_bytes] = '\0';
    return buffer->text;
}

void store_text_free(struct store_text *buffer)
{
    free(buffer->text);
    *buffer = (struct store_text){0};
}
