// Computes digits of pi, keeps them in a file and prints the last ten. Not a fast way to many digits: its time grows
// with their square.
//
// The event on standard input is {"digits": 5000}, the file /tmp/pi-5000.txt. Where no /tmp is granted there is no file.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fathom.h"

enum {
    BASE = 10000,          // digits are made in groups of four
    PLACES_PER_GROUP = 14, // each place says half as much as the one before, and 2^14 > BASE
    MOST_DIGITS = 30000,   // with more, products in `spigot` would not fit into 32 bits
    DIGITS_PER_LINE = 50,
};

static _Noreturn void fail(const char *why) {
    fprintf(stderr, "pi: %s\n", why);
    exit(1);
}

static void *or_die(void *memory) {
    if (memory == NULL) fail("out of memory");
    return memory;
}

// The whole number of a member of a flat JSON object, or -1 where it is absent or is something else.
static long number_of(const char *object, const char *name) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    const char *member = strstr(object, quoted);
    long number;
    char after;
    if (member == NULL || sscanf(member + strlen(quoted), " : %9ld %c", &number, &after) != 2) return -1;
    return after == ',' || after == '}' ? number : -1;
}

// Writes four digits at `end`. What of the group has a fifth one is added to the digits before.
static char *append(char *end, uint32_t group) {
    uint32_t carry = group / BASE;
    for (char *digit = end - 1; carry > 0; digit--) {
        carry += (uint32_t)(*digit - '0');
        *digit = (char)('0' + carry % 10);
        carry /= 10;
    }
    for (int i = 3; i >= 0; i--, group /= 10) end[i] = (char)('0' + group % 10);
    return end + 4;
}

// Rabinowitz and Wagon, "A spigot algorithm for the digits of pi" (1995), four digits at a time:
//
//     pi = 2 + 1/3 (2 + 2/5 (2 + 3/7 (2 + ...)))
//
// is a number whose places all hold a 2. Multiplying it by the base, from its last place to its first, brings the next
// group in front of the point. The fewer groups are still to come, the fewer places they need; the others are left out.
// The product at place k is less than 4 * BASE * k.
static void spigot(uint32_t *places, size_t groups, char *digits) {
    for (size_t k = 0; k <= groups * PLACES_PER_GROUP; k++) places[k] = 2;
    // The first group is 31415: its 3 is added to this.
    *digits++ = '0';
    for (; groups > 0; groups--) {
        uint32_t carry = 0;
        for (uint32_t k = (uint32_t)groups * PLACES_PER_GROUP; k > 0; k--) {
            uint32_t product = places[k] * BASE + carry;
            places[k] = product % (2 * k + 1);
            carry = product / (2 * k + 1) * k;
        }
        digits = append(digits, places[0] * BASE + carry);
        places[0] = 0;
    }
}

// The file of results, 50 digits to a line.
static void keep(const char *digits, int count) {
    char path[32];
    snprintf(path, sizeof path, "/tmp/pi-%d.txt", count);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "pi: no file is written: cannot open %s\n", path);
        return;
    }
    for (int i = 0; i < count; i += DIGITS_PER_LINE) fprintf(file, "%.*s\n", DIGITS_PER_LINE, digits + i);
    int failed = ferror(file);
    if (fclose(file) != 0 || failed) fail("cannot write the file");
}

// Fowler, Noll and Vo, FNV-1a (1991), 32 bits.
static uint32_t checksum(const char *text) {
    uint32_t hash = 2166136261;
    for (; *text != '\0'; text++) hash = (hash ^ (unsigned char)*text) * 16777619;
    return hash;
}

int main(void) {
    char event[256];
    event[fread(event, 1, sizeof event - 1, stdin)] = '\0';
    long count = number_of(event, "digits");
    if (count < 1 || count > MOST_DIGITS) fail("wants an event such as {\"digits\": 5000}, with 1 to 30000 digits");
    fathom_watch("digits", count);

    // Two groups more than asked for. The places left out make the last one too small by a dozen, which reaches the
    // digits wanted only where six zeros follow them: nowhere among the first 30000.
    size_t groups = (size_t)(count + 2) / 4 + 2;
    uint32_t *places = or_die(malloc((groups * PLACES_PER_GROUP + 1) * sizeof *places));
    char *digits = or_die(malloc(1 + groups * 4));
    spigot(places, groups, digits);
    free(places);

    digits[count] = '\0';
    keep(digits, (int)count);
    const char *last = count > 10 ? digits + count - 10 : digits;
    printf("%ld digits, the last ten %s, checksum %08x\n", count, last, checksum(digits));
    free(digits);
    return 0;
}
