// Counts the words of a text: how many, how many distinct ones, and the ten most frequent. Not a search index: where a
// word stands is not kept.
//
// The text is standard input. A word is a run of letters, in lower case. Bytes above 127 are letters too, so that words
// written in UTF-8 stay whole, but those keep their case.

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fathom.h"

enum { LONGEST_WORD = 255, MOST_FREQUENT = 10 };

// A word, in an allocation of just its size.
struct word {
    struct word *next; // with the same place in the table
    uint32_t count;
    char text[];
};

// A hash table of chains that doubles when there are as many words as chains.
struct table {
    struct word **chains;
    size_t capacity, count;
};

static _Noreturn void fail(const char *why) {
    fprintf(stderr, "word-count: %s\n", why);
    exit(1);
}

static void *or_die(void *memory) {
    if (memory == NULL) fail("out of memory");
    return memory;
}

static struct table empty_table(size_t capacity) {
    return (struct table){or_die(calloc(capacity, sizeof(struct word *))), capacity, 0};
}

// Fowler, Noll and Vo, FNV-1a (1991), 32 bits. The capacity is a power of two.
static struct word **chain_of(const struct table *table, const char *text) {
    uint32_t hash = 2166136261;
    for (; *text != '\0'; text++) hash = (hash ^ (unsigned char)*text) * 16777619;
    return &table->chains[hash & (table->capacity - 1)];
}

static void put(struct table *table, struct word *word) {
    struct word **chain = chain_of(table, word->text);
    word->next = *chain;
    *chain = word;
    table->count++;
}

// Moves all words into a table twice as large. Both tables of chains are in memory while they move.
static void grow(struct table *table) {
    struct table larger = empty_table(table->capacity * 2);
    for (size_t i = 0; i < table->capacity; i++) {
        for (struct word *word = table->chains[i], *next; word != NULL; word = next) {
            next = word->next;
            put(&larger, word);
        }
    }
    free(table->chains);
    *table = larger;
}

static void count_word(struct table *table, const char *text, size_t length) {
    for (struct word *word = *chain_of(table, text); word != NULL; word = word->next) {
        if (strcmp(word->text, text) == 0) {
            word->count++;
            return;
        }
    }
    if (table->count == table->capacity) grow(table);
    struct word *word = or_die(malloc(sizeof *word + length + 1));
    word->count = 1;
    memcpy(word->text, text, length + 1);
    put(table, word);
    fathom_watch("distinct", table->count);
}

static bool is_letter(int byte) { return isalpha(byte) || byte > 127; }

// Reads the next word of standard input. Its length, or 0 at the end.
static size_t read_word(char text[static LONGEST_WORD + 1]) {
    int byte;
    do byte = getchar();
    while (byte != EOF && !is_letter(byte));
    size_t length = 0;
    for (; byte != EOF && is_letter(byte); byte = getchar()) {
        if (length == LONGEST_WORD) fail("a word is longer than 255 bytes");
        text[length++] = (char)tolower(byte);
    }
    text[length] = '\0';
    return length;
}

// More frequent, or as frequent and first in the alphabet.
static bool is_before(const struct word *a, const struct word *b) {
    return a->count != b->count ? a->count > b->count : strcmp(a->text, b->text) < 0;
}

static void print_most_frequent(const struct table *table) {
    const struct word *best[MOST_FREQUENT + 1];
    size_t length = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        for (const struct word *word = table->chains[i]; word != NULL; word = word->next) {
            size_t place = length;
            for (; place > 0 && is_before(word, best[place - 1]); place--) best[place] = best[place - 1];
            best[place] = word;
            if (length < MOST_FREQUENT) length++;
        }
    }
    for (size_t i = 0; i < length; i++) printf("%s %u\n", best[i]->text, best[i]->count);
}

static void release(struct table *table) {
    for (size_t i = 0; i < table->capacity; i++) {
        for (struct word *word = table->chains[i], *next; word != NULL; word = next) {
            next = word->next;
            free(word);
        }
    }
    free(table->chains);
}

int main(void) {
    struct table table = empty_table(16);
    char text[LONGEST_WORD + 1];
    uint64_t words = 0;
    for (size_t length; (length = read_word(text)) > 0; words++) count_word(&table, text, length);
    if (ferror(stdin)) fail("cannot read the text");
    printf("%llu words, %zu distinct\n", (unsigned long long)words, table.count);
    print_most_frequent(&table);
    release(&table);
    return 0;
}
