//! Watch cells: found wherever a compiler may have put them, named by what they say, and left out where they are none.
//! What is then observed of them is tested in `host`, which has an engine; what real compilers make of the kit, too.

use probe::{Inspection, ValueType, VariableKind};
use std::fmt::Write;
use trace::Selection;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, FunctionSection, MemArg, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};

/// A module with one memory of a page, from data segments and the body of one function.
fn module(data: &[(u32, &[u8])], body: &str) -> Vec<u8> {
    let mut wat = "(module (memory 1)".to_owned();
    for (at, bytes) in data {
        write!(wat, "(data (i32.const {at}) \"").unwrap();
        for byte in *bytes {
            write!(wat, "\\{byte:02x}").unwrap();
        }
        wat.push_str("\")");
    }
    write!(wat, "(func (export \"f\") (param i64) {body}))").unwrap();
    wat::parse_str(wat).unwrap()
}

/// A store of eight bytes to where its operand says.
const WORD: MemArg = MemArg {
    offset: 0,
    align: 3,
    memory_index: 0,
};

fn inspect(data: &[(u32, &[u8])], body: &str) -> Inspection {
    probe::inspect(&module(data, body)).unwrap()
}

fn cell(name: u64, length: u64) -> Vec<u8> {
    let mut cell = b"\xFAFATHOM-WATCH-V1".to_vec();
    cell.extend(name.to_le_bytes());
    cell.extend(length.to_le_bytes());
    cell.extend([0; 8]);
    cell
}

/// A string as AssemblyScript has it: length in bytes, then UTF-16.
fn utf16(text: &str) -> Vec<u8> {
    let text: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
    bytes.extend(text);
    bytes
}

/// Names, addresses of cells and assignments.
fn variables(inspection: &Inspection) -> Vec<(&str, &[u32], usize)> {
    let variables = inspection.variables.iter();
    variables
        .map(|v| (v.name.as_str(), v.cells.as_slice(), v.assignments))
        .collect()
}

const STORE: &str = "(i64.store (i32.const 1056) (local.get 0))";

#[test]
fn a_cell_is_a_variable_of_64_bits() {
    let guest = inspect(&[(1024, &cell(16, 5)), (16, b"lines")], STORE);
    assert_eq!(variables(&guest), [("lines", &[1056][..], 1)]);
    let lines = &guest.variables[0];
    assert_eq!(lines.kind, VariableKind::Static { address: 1056 });
    assert_eq!(
        (lines.value_type, lines.typed),
        (Some(ValueType::I64), true)
    );
    assert_eq!(guest.notes, [""; 0]);
    let plan = probe::plan(&[], &guest, &Selection::default()).unwrap();
    let armed: Vec<String> = plan
        .slots
        .iter()
        .map(|s| s.breakpoint.to_string())
        .collect();
    assert_eq!(armed, ["set:lines", "end", "sample", "entry:f"]);
}

/// As linkers and wasm-opt leave it: zeros are not written, so a cell is in pieces, and its name is, too.
#[test]
fn a_cell_in_pieces_is_found() {
    let whole = cell(0x1000, 5);
    let pieces: [(u32, &[u8]); 4] = [
        (1041, &whole[17..18]),
        (1024, &whole[..16]),
        (1048, &whole[24..25]),
        (4096, b"lines and more"),
    ];
    assert_eq!(
        variables(&inspect(&pieces, STORE)),
        [("lines", &[1056][..], 1)]
    );
}

/// Go makes an address of an `i64.const`; compilers without optimisation keep it in a local.
#[test]
fn stores_are_found_however_the_address_is_made() {
    let data: [(u32, &[u8]); 2] = [(1024, &cell(16, 1)), (16, b"n")];
    for store in [
        STORE,
        "(i64.store (i32.wrap_i64 (i64.const 1056)) (local.get 0))",
        "(i64.store offset=32 (i32.wrap_i64 (i64.const 0x300000400)) (local.get 0))",
        "(local i64) (local.set 1 (i64.const 1056)) (i64.store (i32.wrap_i64 (local.get 1)) (local.get 0))",
        "(local i32) (i64.store offset=32 (local.tee 1 (i32.const 1024)) (local.get 0))",
    ] {
        assert_eq!(
            variables(&inspect(&data, store)),
            [("n", &[1056][..], 1)],
            "{store}"
        );
    }
    for other in [
        "(i64.store offset=32 (i32.wrap_i64 (i64.const 1056)) (local.get 0))",
        "(i64.store (i32.wrap_i64 (local.get 0)) (local.get 0))",
    ] {
        assert_eq!(
            variables(&inspect(&data, other)),
            [("n", &[1056][..], 0)],
            "{other}"
        );
    }
}

#[test]
fn a_name_can_be_stored_by_the_guest_as_a_constant() {
    let name = utf16("Zeilen: größer 𝄞");
    let data: [(u32, &[u8]); 2] = [(1024, &cell(0, u64::MAX)), (64, &name)];
    let store = |value: &str| format!("(i32.store offset=16 (i32.const 1024) {value}) {STORE}");
    let guest = inspect(&data, &store("(i32.const 68)"));
    assert_eq!(variables(&guest), [("Zeilen: größer 𝄞", &[1056][..], 1)]);
    let twice = store("(i32.const 68)").repeat(2);
    assert_eq!(variables(&inspect(&data, &twice)).len(), 1);
    for unknown in [
        store("(i32.wrap_i64 (local.get 0))"),
        store("(i32.const 68)") + &store("(i32.const 70)"),
        store("(i32.const 3)"),
        store("(i32.const 65533)"),
        STORE.to_owned(),
    ] {
        let guest = inspect(&data, &unknown);
        assert_eq!(variables(&guest), [], "{unknown}");
        assert_eq!(guest.notes.len(), 1, "{unknown}");
    }
}

#[test]
fn cells_of_one_name_are_one_variable() {
    let data: [(u32, &[u8]); 5] = [
        (1024, &cell(16, 1)),
        (1064, &cell(17, 1)),
        (1104, &cell(18, 1)),
        (1144, &cell(16, 1)),
        (16, b"nnm"),
    ];
    let to = |address: u32| format!("(i64.store (i32.const {address}) (local.get 0))");
    let body = to(1056) + &to(1096) + &to(1136) + &to(1096);
    let guest = inspect(&data, &body);
    // The last cell is one whose code was removed.
    assert_eq!(
        variables(&guest),
        [("n", &[1056, 1096][..], 3), ("m", &[1136], 1)]
    );

    // With stores to none of several, nobody knows which of them holds the value.
    let guest = inspect(&data, &to(1136));
    let plan = probe::plan(&[], &guest, &Selection::default()).unwrap();
    assert!(plan.slots.iter().all(|slot| slot.variable != "n"));
    let note = "`n` is not observed: it is watched in several places, and no store to any of them is recognised";
    assert_eq!(plan.plan.notes, [note]);
}

#[test]
fn a_watched_variable_comes_before_an_exported_one_of_the_same_name() {
    let exported = "(global (export \"n\") (mut i32) (i32.const 0)) (global (export \"m\") (mut i32) (i32.const 0))";
    let wat = format!(
        "(module (memory 1) {exported} (data (i32.const 1024) \"\\faFATHOM-WATCH-V1\\10\")
            (data (i32.const 1048) \"\\01\") (data (i32.const 16) \"n\"))"
    );
    let guest = probe::inspect(&wat::parse_str(wat).unwrap()).unwrap();
    assert_eq!(variables(&guest), [("m", &[][..], 0), ("n", &[1056], 0)]);
    assert_eq!(
        guest.notes,
        ["`n` is exported and watched: it is observed as it is watched"]
    );
}

#[test]
fn what_is_no_cell_is_left_out() {
    let long = [b'x'; 65];
    for (what, data) in [
        ("an empty name", vec![(1024, cell(16, 0))]),
        (
            "a name of 65 bytes",
            vec![(1024, cell(16, 65)), (16, long.to_vec())],
        ),
        ("a name of all memory", vec![(1024, cell(0, 1 << 63))]),
        ("a name beyond the end", vec![(1024, cell(65535, 2))]),
        (
            "a name at the end of all addresses",
            vec![(1024, cell(u64::MAX, 2))],
        ),
        (
            "control characters",
            vec![(1024, cell(16, 3)), (16, b"a\x1bc".to_vec())],
        ),
        (
            "a change of direction",
            vec![(1024, cell(16, 4)), (16, "a\u{202e}".as_bytes().to_vec())],
        ),
        (
            "no width",
            vec![(1024, cell(20, u64::MAX)), (16, utf16("a\u{200b}"))],
        ),
        ("zeros", vec![(1024, cell(16, 3))]),
        (
            "no UTF-8",
            vec![(1024, cell(16, 1)), (16, b"\xff".to_vec())],
        ),
        (
            "half a character",
            vec![
                (1024, cell(20, u64::MAX)),
                (16, b"\x03\0\0\0a\0b\0".to_vec()),
            ],
        ),
        (
            "half a pair",
            vec![
                (1024, cell(20, u64::MAX)),
                (16, b"\x02\0\0\0\x00\xd8".to_vec()),
            ],
        ),
        (
            "a long string",
            vec![(1024, cell(20, u64::MAX)), (16, utf16(&"ä".repeat(33)))],
        ),
        (
            "a longer string",
            vec![
                (1024, cell(20, u64::MAX)),
                (16, b"\xff\xff\xff\xff".to_vec()),
            ],
        ),
        (
            "a string before all memory",
            vec![(1024, cell(3, u64::MAX))],
        ),
    ] {
        let data: Vec<(u32, &[u8])> = data.iter().map(|(at, b)| (*at, b.as_slice())).collect();
        let guest = inspect(&data, STORE);
        assert_eq!(variables(&guest), [], "{what}");
        let note =
            "watch cells left out: 1, because the name is not 1 to 64 bytes of printable text";
        assert_eq!(guest.notes, [note], "{what}");
    }
    // These do not even look like one.
    let named = cell(16, 1);
    for (what, data) in [
        (
            "not at a multiple of 8",
            vec![(1028, named.as_slice()), (16, b"n")],
        ),
        (
            "cut off by the end",
            vec![(65536 - 32, &named[..32]), (16, b"n")],
        ),
        (
            "overwritten",
            vec![(1024, &named), (16, b"n"), (1030, b"!")],
        ),
        ("outside", vec![(65536, &named), (16, b"n")]),
    ] {
        let guest = inspect(&data, STORE);
        assert_eq!(variables(&guest), [], "{what}");
        assert_eq!(guest.notes, [""; 0], "{what}");
    }
    for elsewhere in [
        "(memory 1) (memory 1) (data (memory 1) (i32.const 0) MARK)",
        "(memory i64 1) (data (i64.const 0) MARK)",
        "(memory 1) (data MARK)",
        "(import \"env\" \"base\" (global i32)) (memory 1) (data (global.get 0) MARK)",
    ] {
        let mark = r#""\faFATHOM-WATCH-V1""#;
        let wat = format!("(module {})", elsewhere.replace("MARK", mark));
        let guest = probe::inspect(&wat::parse_str(wat).unwrap()).unwrap();
        assert_eq!(variables(&guest), [], "{elsewhere}");
        assert_eq!(guest.notes, [""; 0], "{elsewhere}");
    }
}

/// As many segments as a module may have, all over the same cells: neither memory nor time grows with their product.
#[test]
fn there_is_an_end_to_the_cells_that_are_looked_at() {
    let mut many = Vec::new();
    for _ in 0..300 {
        many.extend(cell(16, 1));
    }
    let guest = inspect(&[(1024, &many), (16, b"n")], "");
    assert_eq!(guest.variables[0].cells.len(), 256);
    assert_eq!(
        guest.notes,
        ["only the first 256 watch cells are looked at"]
    );

    let same = cell(16, 1);
    let segments: Vec<(u32, &[u8])> = (0..100_000u32)
        .map(|i| (1024 + 40 * (i % 1000), same.as_slice()))
        .collect();
    let guest = inspect(&segments, "");
    assert_eq!(guest.notes.len(), 2, "{:?}", guest.notes);

    // However often one of them is written, it is one, and another is not passed over for it.
    let mut segments = vec![(1024, same.as_slice()); 300];
    segments.extend([(2048, same.as_slice()), (16, b"n")]);
    let guest = inspect(&segments, "");
    assert_eq!(variables(&guest), [("n", &[1056, 2080][..], 0)]);
    assert_eq!(guest.notes, [""; 0]);
}

/// As many locals as a function may have, all of them constants, and many blocks at which they are forgotten: time grows
/// with the code, not with its product with the locals.
#[test]
fn there_is_an_end_to_the_time_that_locals_take() {
    const LOCALS: u32 = 49_999;
    let mut function = wasm_encoder::Function::new([(LOCALS, ValType::I32)]);
    let mut code = function.instructions();
    for local in (1..=LOCALS).cycle().take(200_000) {
        code.i32_const(1056).local_set(local);
    }
    for local in (1..=LOCALS).cycle().take(400_000) {
        code.local_get(local).drop();
    }
    code.local_get(LOCALS).local_get(0).i64_store(WORD);
    for local in (1..=LOCALS).cycle().take(200_000) {
        code.loop_(BlockType::Empty).i32_const(1056);
        code.local_set(local).end();
    }
    code.local_get(LOCALS).local_get(0).i64_store(WORD).end();

    let mut types = TypeSection::new();
    types.ty().function([ValType::I64], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut bodies = CodeSection::new();
    bodies.function(&function);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(1024), cell(16, 1));
    data.active(0, &ConstExpr::i32_const(16), *b"n");
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&memories);
    module.section(&bodies).section(&data);
    let guest = probe::inspect(&module.finish()).unwrap();
    // What is known before the blocks is not known after them.
    assert_eq!(variables(&guest), [("n", &[1056][..], 1)]);
}
