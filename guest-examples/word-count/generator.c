// Writes the inputs of the word count into the directory granted as `/`: beginnings of four real texts, and texts one
// after another. They are made because together they are several times as large as the texts.

#include <stdio.h>
#include <stdlib.h>

// #embed is C23, and older than that in clang.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char ALICE[] = {
#embed "texts/alice29.txt"
};
static const char AS_YOU_LIKE_IT[] = {
#embed "texts/asyoulik.txt"
};
static const char WORKSHOP[] = {
#embed "texts/lcet10.txt"
};
static const char PARADISE[] = {
#embed "texts/plrabn12.txt"
};

enum { WHOLE = 1 << 30 };

// How much of each text, in bytes, is in an input. Evenly on a logarithmic scale, at other places for each text.
static const struct {
    const char *path;
    int alice, as_you_like_it, workshop, paradise;
} INPUTS[] = {
    {"/alice29-002000.txt", 2000, 0, 0, 0},
    {"/alice29-006000.txt", 6000, 0, 0, 0},
    {"/alice29-016000.txt", 16000, 0, 0, 0},
    {"/alice29-042000.txt", 42000, 0, 0, 0},
    {"/alice29-100000.txt", 100000, 0, 0, 0},
    {"/alice29.txt", WHOLE, 0, 0, 0},
    {"/asyoulik-003000.txt", 0, 3000, 0, 0},
    {"/asyoulik-009000.txt", 0, 9000, 0, 0},
    {"/asyoulik-024000.txt", 0, 24000, 0, 0},
    {"/asyoulik-062000.txt", 0, 62000, 0, 0},
    {"/asyoulik.txt", 0, WHOLE, 0, 0},
    {"/lcet10-001000.txt", 0, 0, 1000, 0},
    {"/lcet10-004500.txt", 0, 0, 4500, 0},
    {"/lcet10-013000.txt", 0, 0, 13000, 0},
    {"/lcet10-036000.txt", 0, 0, 36000, 0},
    {"/lcet10-090000.txt", 0, 0, 90000, 0},
    {"/lcet10-200000.txt", 0, 0, 200000, 0},
    {"/lcet10.txt", 0, 0, WHOLE, 0},
    {"/plrabn12-001500.txt", 0, 0, 0, 1500},
    {"/plrabn12-005500.txt", 0, 0, 0, 5500},
    {"/plrabn12-012000.txt", 0, 0, 0, 12000},
    {"/plrabn12-030000.txt", 0, 0, 0, 30000},
    {"/plrabn12-075000.txt", 0, 0, 0, 75000},
    {"/plrabn12-170000.txt", 0, 0, 0, 170000},
    {"/plrabn12-300000.txt", 0, 0, 0, 300000},
    {"/plrabn12.txt", 0, 0, 0, WHOLE},
    {"/two-short.txt", WHOLE, WHOLE, 0, 0},
    {"/two-long.txt", 0, 0, WHOLE, WHOLE},
    {"/three.txt", WHOLE, WHOLE, 0, WHOLE},
    {"/four.txt", WHOLE, WHOLE, WHOLE, WHOLE},
};

// The beginning of a text, up to the end of a line.
static void write_beginning(FILE *file, const char *text, size_t size, size_t most) {
    if (most < size) {
        for (size = most; size > 0 && text[size - 1] != '\n';) size--;
    }
    fwrite(text, 1, size, file);
}

int main(void) {
    for (size_t i = 0; i < sizeof INPUTS / sizeof *INPUTS; i++) {
        FILE *file = fopen(INPUTS[i].path, "w");
        if (file == NULL) {
            fprintf(stderr, "cannot open %s\n", INPUTS[i].path);
            return 1;
        }
        write_beginning(file, ALICE, sizeof ALICE, (size_t)INPUTS[i].alice);
        write_beginning(file, AS_YOU_LIKE_IT, sizeof AS_YOU_LIKE_IT, (size_t)INPUTS[i].as_you_like_it);
        write_beginning(file, WORKSHOP, sizeof WORKSHOP, (size_t)INPUTS[i].workshop);
        write_beginning(file, PARADISE, sizeof PARADISE, (size_t)INPUTS[i].paradise);
        int failed = ferror(file);
        if (fclose(file) != 0 || failed) {
            fprintf(stderr, "cannot write %s\n", INPUTS[i].path);
            return 1;
        }
    }
    return 0;
}
