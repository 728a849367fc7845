//! scratch: inj FILE OUT [break...]
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let w = std::fs::read(&a[1]).unwrap();
    let i = probe::inspect(&w).unwrap_or_else(|e| panic!("{e}"));
    let mut sel = trace::Selection::default();
    for b in &a[3..] {
        if b == "light" {
            sel.light = true
        } else if b.contains(':')
            && (b.starts_with("entry") || b.starts_with("exit") || b.starts_with("set"))
        {
            sel.breakpoints.push(b.clone())
        } else {
            sel.variables.push(b.clone())
        }
    }
    let t = std::time::Instant::now();
    let p = match probe::plan(&i, &sel) {
        Ok(p) => p,
        Err(e) => {
            println!("{e}");
            return;
        }
    };
    let tp = t.elapsed();
    let t = std::time::Instant::now();
    let j = probe::inject(&w, &i, &p).unwrap_or_else(|e| panic!("{e}"));
    let e = t.elapsed();
    if p.slots.len() < 40 {
        for s in &p.slots {
            println!(
                "{:?} {} {:?} {} {:?}",
                s.breakpoint.to_string(),
                s.variable,
                s.mode,
                s.value_type,
                s.place
            );
        }
    }
    println!(
        "{:?} {:?} {:?} {:?}",
        j.notes, j.mailbox, j.size_table, j.heap
    );
    println!(
        "slots {} {tp:?} inject {e:?} {} -> {}",
        p.slots.len(),
        w.len(),
        j.wasm.len()
    );
    if let Err(e) = wasmparser::Validator::new().validate_all(&j.wasm) {
        println!("INVALID {e}");
    }
    std::fs::write(&a[2], &j.wasm).unwrap();
}
