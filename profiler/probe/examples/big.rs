//! scratch
use wasm_encoder::reencode::*;
struct R(u32);
impl Reencode for R {
    type Error = std::convert::Infallible;
    fn parse_function_section(
        &mut self,
        f: &mut wasm_encoder::FunctionSection,
        s: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        for _ in 0..self.0 {
            for t in s.clone() {
                f.function(t?);
            }
        }
        Ok(())
    }
    fn parse_code_section(
        &mut self,
        c: &mut wasm_encoder::CodeSection,
        s: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        for _ in 0..self.0 {
            for b in s.clone() {
                c.raw(b?.as_bytes());
            }
        }
        Ok(())
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let w = std::fs::read(&a[1]).unwrap();
    let mut m = wasm_encoder::Module::new();
    R(a[3].parse().unwrap())
        .parse_core_module(&mut m, wasmparser::Parser::new(0), &w)
        .unwrap();
    std::fs::write(&a[2], m.finish()).unwrap();
}
