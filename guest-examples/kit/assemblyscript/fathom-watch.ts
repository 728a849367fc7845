// Shows a variable of a function to Fathom, in one line: `watch("lines", lines.length);`
//
// Each use has a watch cell, 40 bytes of static memory that begin with a mark by which Fathom finds them in the compiled
// module, and stores the value there. Nothing is imported, exported or called: the module runs everywhere as it did
// before, and where nobody looks the line costs two stores. The bytes of a cell are described in the README of the kit.
//
// The name is a string literal of 1 to 64 bytes in UTF-8, without control characters. The value is of any integer type,
// or `bool`; it is seen as an `i64`. The same name may be used in several places: it is one variable.

/** Inlined, and therefore compiled anew for every use: each has a cell of its own. */
// @ts-ignore: decorator
@inline
export function watch(name: string, value: i64): void {
  // The mark, the address of the name, and -1: the name is a string of AssemblyScript; the value.
  const cell = memory.data<u64>([0x2d4d4f48544146fa, 0x31562d4843544157, 0, u64.MAX_VALUE, 0]);
  store<usize>(cell, changetype<usize>(name), 16);
  store<i64>(cell, value, 32);
}
