// Reads the lines of text into memory, works with them, lets go of them: the line reader in C. Prints exactly what the
// Rust one prints.
//
// The text is standard input, or, where a directory is granted, each of its *.dat files in the order of their names.
// Only one text is in memory at a time, so memory rises and falls with the number of its lines: `lines`.

#include "fathom.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Strings, each in an allocation of its own, in a list that doubles.
struct list {
    char **items;
    size_t length, capacity;
};

static void *or_die(void *memory) {
    if (memory == NULL) {
        fputs("line-reader: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static void push(struct list *list, const char *text, size_t length) {
    if (list->length == list->capacity) {
        list->capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        list->items = or_die(realloc(list->items, list->capacity * sizeof *list->items));
    }
    char *item = or_die(malloc(length + 1));
    memcpy(item, text, length);
    item[length] = '\0';
    list->items[list->length++] = item;
}

static void release(struct list *list) {
    for (size_t i = 0; i < list->length; i++) free(list->items[i]);
    free(list->items);
}

static struct list read_lines(FILE *text) {
    struct list list = {0};
    char *line = NULL;
    size_t capacity = 0;
    fathom_watch("lines", 0);
    for (ssize_t length; (length = getline(&line, &capacity, text)) >= 0;) {
        if (length > 0 && line[length - 1] == '\n') {
            length--;
            if (length > 0 && line[length - 1] == '\r') length--;
        }
        push(&list, line, (size_t)length);
        fathom_watch("lines", list.length);
    }
    free(line);
    return list;
}

// Moves the item that sorting would put at `wanted` there (Hoare, "Algorithm 65: find", 1961). In place.
static char *select_item(char **items, size_t length, size_t wanted) {
    ptrdiff_t low = 0, high = (ptrdiff_t)length - 1, middle = (ptrdiff_t)wanted;
    while (low < high) {
        const char *pivot = items[middle];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (strcmp(items[i], pivot) < 0) i++;
            while (strcmp(items[j], pivot) > 0) j--;
            if (i <= j) {
                char *item = items[i];
                items[i++] = items[j];
                items[j--] = item;
            }
        }
        if (j < middle) low = i;
        if (middle < i) high = j;
    }
    return items[wanted];
}

// One line about one text.
__attribute__((noinline)) static void report(const char *name, char **items, size_t length) {
    size_t longest = 0;
    for (size_t i = 0; i < length; i++) {
        size_t bytes = strlen(items[i]);
        if (bytes > longest) longest = bytes;
    }
    const char *median = length == 0 ? "" : select_item(items, length, length / 2);
    printf("%s: %zu lines, longest %zu bytes, median: %s\n", name, length, longest, median);
}

static void read_and_report(const char *name, FILE *text) {
    if (text == NULL) {
        fprintf(stderr, "line-reader: cannot open %s\n", name);
        exit(1);
    }
    struct list list = read_lines(text);
    report(name, list.items, list.length);
    release(&list);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static struct list granted_files(DIR *directory) {
    struct list names = {0};
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length >= 4 && strcmp(entry->d_name + length - 4, ".dat") == 0) push(&names, entry->d_name, length);
    }
    if (names.length > 0) qsort(names.items, names.length, sizeof *names.items, by_name);
    return names;
}

int main(void) {
    DIR *directory = opendir("/");
    if (directory == NULL) {
        read_and_report("stdin", stdin);
        return 0;
    }
    struct list names = granted_files(directory);
    closedir(directory);
    for (size_t i = 0; i < names.length; i++) {
        char *path = or_die(malloc(strlen(names.items[i]) + 2));
        sprintf(path, "/%s", names.items[i]);
        FILE *text = fopen(path, "r");
        free(path);
        read_and_report(names.items[i], text);
        fclose(text);
    }
    release(&names);
    return 0;
}
