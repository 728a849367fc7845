// Reads the lines of text into memory, works with them, lets go of them: the line reader in JavaScript. Prints exactly what
// the Rust one prints.
//
// The text is standard input, or, where a directory is granted, each of its *.dat files in the order of their names.
// Only one text is in use at a time, but its memory is free again only when the garbage collector has noticed.
import { getStdin } from "wasi:cli/stdin@0.2.0";
import { getStdout } from "wasi:cli/stdout@0.2.0";
import { getDirectories } from "wasi:filesystem/preopens@0.2.0";

export const run = {
    run() {
        const granted = getDirectories().find(([, path]) => path === "/");
        if (granted === undefined) {
            readAndReport("stdin", getStdin());
            return;
        }
        const [directory] = granted;
        for (const name of textsOf(directory)) {
            const file = directory.openAt({}, name, {}, { read: true });
            readAndReport(name, file.readViaStream(0n));
        }
    },
};

function textsOf(directory) {
    const entries = directory.readDirectory();
    const names = [];
    for (;;) {
        const entry = entries.readDirectoryEntry();
        if (entry === undefined || entry === null) return names.sort();
        if (entry.name.endsWith(".dat")) names.push(entry.name);
    }
}

function readAndReport(name, stream) {
    report(name, readLines(stream));
}

// A line is complete when its end has been read, or the text's.
function readLines(stream) {
    const decoder = new TextDecoder();
    const lines = [];
    let rest = "";
    for (let bytes = read(stream); bytes !== null; bytes = read(stream)) {
        const texts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = texts.pop();
        for (const line of texts) lines.push(line);
    }
    if (rest !== "") lines.push(rest);
    return lines;
}

// Null at the end.
function read(stream) {
    try {
        return stream.blockingRead(65536n);
    } catch (error) {
        if (error.payload?.tag === "closed") return null;
        throw error;
    }
}

// Bytes, as the others count them; the inputs are ASCII.
function report(name, lines) {
    const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
    lines.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const median = lines.length === 0 ? "" : lines[Math.floor(lines.length / 2)];
    print(`${name}: ${lines.length} lines, longest ${longest} bytes, median: ${median}\n`);
}

function print(text) {
    getStdout().blockingWriteAndFlush(new TextEncoder().encode(text));
}
