// Prints, at lines that are marked, the values that its variables have there: what a probe at that line has to read.
// A marked line calls `say`, which is never inlined, with its values in the order of the names in its mark.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void say(const char *line, int count, long long a, long long b, long long c) {
    long long values[3] = {a, b, c};
    printf("%s", line);
    for (int i = 0; i < count; i++) printf(" %lld", values[i]);
    printf("\n");
}

struct inner { short small; unsigned char tiny; };
struct table { int rows; double scale; struct inner inner; char **names; };

__attribute__((noinline)) static void grow(struct table *table, int by) {
    for (int i = 0; i < by; i++) {
        table->rows += 5;
        table->inner.small = (short)(table->inner.small - 300);
        table->inner.tiny += 3;
        table->names = realloc(table->names, sizeof *table->names * (size_t)table->rows);
        say("table", 3, table->rows, table->inner.small, table->inner.tiny); // table: table.rows table.inner.small table.inner.tiny
    }
}

__attribute__((noinline)) static long long sum(const int *numbers, size_t count) {
    long long total = 0;
    unsigned odd = 0;
    for (size_t i = 0; i < count; i++) {
        total += numbers[i];
        if (numbers[i] & 1) odd++;
        say("sum", 3, total, odd, (long long)count); // sum: total odd count
    }
    return total;
}

static inline long long power(long long base, int exponent) {
    long long result = 1;
    while (exponent > 0) {
        result = (result * base) % 1000003;
        exponent--;
        say("power", 2, result, exponent, 0); // power: result exponent
    }
    return result;
}

int main(void) {
    int numbers[400];
    for (int i = 0; i < 400; i++) numbers[i] = i * 7 - 300;
    long long total = sum(numbers, 400);
    struct table table = {(int)(total & 15), 0.5, {9, 1}, NULL};
    grow(&table, 60);
    printf("%lld %lld %d\n", power(3, 300), power(7, 250), table.rows);
    free(table.names);
    return 0;
}
