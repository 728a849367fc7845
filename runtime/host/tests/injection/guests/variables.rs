//! Prints, at lines that are marked, the values that its variables have there: what a probe at that line has to read.
//!
//! A marked line calls `say`, which is never inlined, with its values: `NAME=value`, in the order of the names in its mark.

#[inline(never)]
fn say(line: &str, count: usize, values: (i64, i64, i64, i64)) {
    let (a, b, c, d) = values;
    let values: Vec<String> = [a, b, c, d][..count].iter().map(i64::to_string).collect();
    println!("{line} {}", values.join(" "));
}

struct Table {
    rows: u32,
    small: i8,
    names: Vec<String>,
}

#[inline(never)]
fn grow(table: &mut Table, by: u32) {
    for _ in 0..by {
        table.rows += 3;
        table.small = table.small.wrapping_sub(7);
        table.names.push(format!("row {}", table.rows));
        say("table", 3, (i64::from(table.rows), i64::from(table.small), table.names.len() as i64, 0)); // table: table.rows table.small table.names.len
    }
}

#[inline(never)]
fn process(text: &str, factor: i64) -> i64 {
    let mut lines: Vec<&str> = Vec::new();
    let mut total: i64 = -5;
    let mut words = 0u16;
    for line in text.split('\n') {
        lines.push(line);
        total += line.len() as i64 * factor;
        words += line.split(' ').count() as u16;
        say("loop", 4, (lines.len() as i64, total, i64::from(words), line.len() as i64)); // loop: lines.len total words line.len
    }
    let average = total / lines.len() as i64;
    say("after", 3, (average, total, text.len() as i64, 0)); // after: average total text.len
    average
}

#[inline(always)]
fn inlined(base: u64, rounds: u64) -> u64 {
    let mut sum = base;
    let mut round = 0;
    while round < rounds {
        sum = (sum * 3 + round) % 1_000_003;
        round += 1;
        say("inlined", 2, (sum as i64, round as i64, 0, 0)); // inlined: sum round
    }
    sum
}

fn main() {
    let text = std::env::args().nth(1).unwrap_or_else(|| "one two\nthree\n\nfour five six\nseven".to_owned());
    let average = process(&text, 3);
    let mut table = Table { rows: average as u32, small: 100, names: Vec::new() };
    grow(&mut table, 40);
    let first = inlined(7, 300);
    let second = inlined(first & 0xff, 200);
    let depth = recurse(12, 1);
    println!("{second} {depth}");
}

#[inline(never)]
fn recurse(left: u32, product: u64) -> u64 {
    let next = product * (u64::from(left) + 1) % 1_000_003;
    say("recurse", 2, (i64::from(left), next as i64, 0, 0)); // recurse: left next
    if left == 0 { next } else { recurse(left - 1, next).wrapping_add(u64::from(left)) }
}
