//! scratch
fn main() {
    let w = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let t = std::time::Instant::now();
    let i = probe::inspect(&w);
    let e = t.elapsed();
    match i {
        Ok(i) => {
            for f in i.functions.iter().filter(|f| {
                f.export.is_some()
                    || std::env::args()
                        .nth(2)
                        .is_some_and(|n| f.label.contains(&n))
            }) {
                println!("{:?}", f);
            }
            for v in &i.variables {
                println!("{:?}", v);
            }
            println!(
                "{:?} {:?} {:?} {:?}",
                i.allocator, i.kind, i.language, i.memories
            );
            println!(
                "{:?} functions {} dwarf {}",
                i.producers,
                i.functions.len(),
                i.dwarf
            );
        }
        Err(e) => println!("{e}"),
    }
    println!("{e:?}");
}
