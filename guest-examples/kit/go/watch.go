// Package watch shows a variable of a function to Fathom, in one line:
//
//	var lines = watch.New("lines")
//	...
//	lines.Set(int64(len(list)))
//
// Each variable is a watch cell, a static that begins with a mark by which Fathom finds it in the compiled module.
// Nothing is imported, exported or called: the module runs everywhere as it did before, and where nobody looks Set costs
// one store. The bytes of a cell are described in the README of the kit.
package watch

// A Variable is a watch cell. Its layout is a contract with Fathom: on wasm a string is an address and a length of 64
// bits each.
type Variable struct {
	mark  [16]byte
	name  string
	value int64
}

// New makes a variable to be declared at the top level of a package: then the compiler, which inlines New, puts the whole
// cell into the module, and Set can be found. A variable made anywhere else, or compiled with -gcflags=-l, is not seen.
//
// The name is a string constant of 1 to 64 bytes without control characters. Variables of one name are one variable.
func New(name string) Variable {
	return Variable{
		mark: [16]byte{0xfa, 'F', 'A', 'T', 'H', 'O', 'M', '-', 'W', 'A', 'T', 'C', 'H', '-', 'V', '1'},
		name: name,
	}
}

// Set shows a value. Of two calls with nothing between them but assignments, the compiler keeps the second.
func (v *Variable) Set(value int64) {
	v.value = value
}
