// Reads the lines of text into memory, works with them, lets go of them: the line reader in AssemblyScript. Prints
// exactly what the Rust one prints.
//
// The text is standard input, or, where a directory is granted, each of its *.dat files in the order of their names.
// Only one text is in use at a time, but its memory is free again only when the garbage collector has noticed.

import { watch } from "../../kit/assemblyscript/fathom-watch";

// AssemblyScript has no library for WASI. These seven functions of preview 1 suffice.
// https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, buffers: usize, count: usize, done: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, buffers: usize, count: usize, done: usize): i32;
@external("wasi_snapshot_preview1", "fd_close")
declare function fd_close(fd: i32): i32;
@external("wasi_snapshot_preview1", "fd_prestat_get")
declare function fd_prestat_get(fd: i32, prestat: usize): i32;
@external("wasi_snapshot_preview1", "fd_readdir")
declare function fd_readdir(fd: i32, buffer: usize, length: usize, cookie: u64, used: usize): i32;
@external("wasi_snapshot_preview1", "path_open")
declare function path_open(
  directory: i32, lookup: i32, path: usize, length: usize, open: i32, rights: u64, inherited: u64, flags: i32, fd: usize
): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;

const STDIN: i32 = 0;
const STDOUT: i32 = 1;
const STDERR: i32 = 2;
/** The granted directory, where there is one. */
const DIRECTORY: i32 = 3;
const RIGHT_TO_READ: u64 = 1 << 1;
const NEWLINE: u8 = 10;
const CARRIAGE_RETURN: u8 = 13;

/** What is read at once. */
const CHUNK: usize = 65536;
const chunk = memory.data(65536);
/** Where the system puts small answers, and where it is told about buffers. */
const answer = memory.data(16, 8);
const buffers = memory.data(8, 4);

export function _start(): void {
  if (fd_prestat_get(DIRECTORY, answer) != 0) {
    readAndReport("stdin", STDIN);
    return;
  }
  const names = grantedFiles();
  for (let i = 0; i < names.length; i++) {
    const name = String.UTF8.encode(names[i]);
    const path = changetype<usize>(name);
    if (path_open(DIRECTORY, 0, path, name.byteLength, 0, RIGHT_TO_READ, 0, 0, answer) != 0) {
      fail("cannot open " + names[i]);
    }
    const file = load<i32>(answer);
    readAndReport(names[i], file);
    fd_close(file);
  }
}

/** The `*.dat` files of the granted directory by name. */
function grantedFiles(): string[] {
  const names: string[] = [];
  let cookie: u64 = 0;
  let used: usize;
  do {
    if (fd_readdir(DIRECTORY, chunk, CHUNK, cookie, answer) != 0) fail("cannot read the directory");
    used = load<u32>(answer);
    // An entry: where the next one is, u64; inode, u64; length of the name, u32; type, u32; the name.
    for (let entry = chunk; entry + 24 <= chunk + used; ) {
      const length = load<u32>(entry, 16);
      if (entry + 24 + length > chunk + used) break;
      const name = String.UTF8.decodeUnsafe(entry + 24, length);
      if (name.endsWith(".dat")) names.push(name);
      cookie = load<u64>(entry);
      entry += 24 + length;
    }
  } while (used == CHUNK);
  return names.sort();
}

function readAndReport(name: string, text: i32): void {
  report(name, readLines(text));
}

/** Every line becomes a string of its own, of two bytes per character, in a list that grows. */
function readLines(text: i32): string[] {
  const list: string[] = [];
  watch("lines", 0);
  // The beginning of a line whose end is in the next chunk is moved to the front of the buffer.
  let buffer = new Uint8Array(2 * <i32>CHUNK);
  let filled: i32 = 0;
  while (true) {
    if (filled + <i32>CHUNK > buffer.length) buffer = enlarged(buffer, filled);
    const count = read(text, buffer.dataStart + filled, CHUNK);
    if (count == 0) break;
    const end = filled + count;
    let begin = 0;
    for (let i = filled; i < end; i++) {
      if (unchecked(buffer[i]) != NEWLINE) continue;
      let length = i - begin;
      if (length > 0 && unchecked(buffer[i - 1]) == CARRIAGE_RETURN) length--;
      push(list, buffer, begin, length);
      begin = i + 1;
    }
    filled = end - begin;
    memory.copy(buffer.dataStart, buffer.dataStart + begin, filled);
  }
  if (filled > 0) push(list, buffer, 0, filled);
  return list;
}

function enlarged(buffer: Uint8Array, filled: i32): Uint8Array {
  const larger = new Uint8Array(2 * buffer.length);
  memory.copy(larger.dataStart, buffer.dataStart, filled);
  return larger;
}

function push(list: string[], buffer: Uint8Array, begin: i32, length: i32): void {
  list.push(String.UTF8.decodeUnsafe(buffer.dataStart + begin, length));
  watch("lines", list.length);
}

/** One line about one text. */
function report(name: string, list: string[]): void {
  let longest = 0;
  for (let i = 0; i < list.length; i++) longest = max(longest, String.UTF8.byteLength(list[i]));
  const median = list.length == 0 ? "" : select(list, list.length / 2);
  print(STDOUT, `${name}: ${list.length} lines, longest ${longest} bytes, median: ${median}\n`);
}

/** Moves the item that sorting would put at `wanted` there (Hoare, "Algorithm 65: find", 1961). In place. */
function select(items: string[], wanted: i32): string {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const pivot = items[wanted];
    let i = low;
    let j = high;
    while (i <= j) {
      while (items[i] < pivot) i++;
      while (items[j] > pivot) j--;
      if (i <= j) {
        const item = items[i];
        items[i++] = items[j];
        items[j--] = item;
      }
    }
    if (j < wanted) low = i;
    if (wanted < i) high = j;
  }
  return items[wanted];
}

/** Reads up to `length` bytes; 0 at the end. */
function read(fd: i32, to: usize, length: usize): i32 {
  store<usize>(buffers, to);
  store<usize>(buffers, length, 4);
  if (fd_read(fd, buffers, 1, answer) != 0) fail("cannot read");
  return load<i32>(answer);
}

function print(fd: i32, text: string): void {
  const bytes = String.UTF8.encode(text);
  let from = changetype<usize>(bytes);
  const end = from + bytes.byteLength;
  while (from < end) {
    store<usize>(buffers, from);
    store<usize>(buffers, end - from, 4);
    if (fd_write(fd, buffers, 1, answer) != 0) proc_exit(1);
    from += load<u32>(answer);
  }
}

function fail(message: string): void {
  print(STDERR, `line-reader: ${message}\n`);
  proc_exit(1);
}

/** What AssemblyScript calls instead of importing a function `abort` from a module `env`. */
export function stop(message: string | null, _file: string | null, _line: u32, _column: u32): void {
  fail(message ? message : "aborted");
}
