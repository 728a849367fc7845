/* Shows a variable of a function to Fathom, in one line:
 *
 *     fathom_watch("lines", lines);
 *
 * Each use has a watch cell, a static that begins with a mark by which Fathom finds it in the compiled module, and stores
 * the value there. Nothing is imported, exported or called: the module runs everywhere as it did before, and where nobody
 * looks the line costs one store. The bytes of a cell are described in the README of the kit.
 *
 * The name is a string literal of 1 to 64 bytes without control characters. The value is an integer of up to 64 bits,
 * evaluated once and seen as a long long; a float is a compile error. The same name may be used in several places: it is
 * one variable. C11 and later, C++11 and later; on other targets than WebAssembly only the value is computed.
 */
#ifndef FATHOM_H
#define FATHOM_H

#ifdef __wasm__

/* A watch cell. Its layout is a contract with Fathom: addresses are 64 bits wide on every target. */
struct fathom_cell {
    unsigned char mark[16];
    const char *name;
#if __SIZEOF_POINTER__ == 4
    unsigned name_high;
#endif
    unsigned long long name_length;
    volatile long long value; /* volatile: so that every value is stored, also inside a loop */
};

#if __SIZEOF_POINTER__ == 4
#define FATHOM_NAME(name) "" name, 0
#else
#define FATHOM_NAME(name) "" name
#endif

#ifdef __cplusplus
#define FATHOM_WIDE(integer) static_cast<long long>(integer)
#define FATHOM_ASSERT static_assert
#else
#define FATHOM_WIDE(integer) ((long long)(integer))
#define FATHOM_ASSERT _Static_assert
#endif

#define FATHOM_MARK {0xFA, 'F', 'A', 'T', 'H', 'O', 'M', '-', 'W', 'A', 'T', 'C', 'H', '-', 'V', '1'}

/* The warning: in C, an `inline` function that is not `static` has a cell in each file, and these are one variable.
 * `used`: an optimiser that sees that nothing reads the static would take it apart. `| 0`: integers only. */
#define fathom_watch(name, integer)                                                  \
    do {                                                                             \
        FATHOM_ASSERT(sizeof(name) - 1 >= 1, "a name is not empty");                 \
        FATHOM_ASSERT(sizeof(name) - 1 <= 64, "a name is at most 64 bytes long");    \
        _Pragma("clang diagnostic push")                                             \
        _Pragma("clang diagnostic ignored \"-Wstatic-local-in-inline\"")             \
        static struct fathom_cell fathom_cell_ __attribute__((used, aligned(8))) = { \
            FATHOM_MARK, FATHOM_NAME(name), sizeof(name) - 1, 0};                    \
        _Pragma("clang diagnostic pop")                                              \
        fathom_cell_.value = FATHOM_WIDE((integer) | 0);                             \
    } while (0)

#else

#define fathom_watch(name, integer) ((void)((integer) | 0))

#endif
#endif
