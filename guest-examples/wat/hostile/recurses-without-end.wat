;; Calls itself until the stack is used up: a trap, not a crash of the host. Memory stays at one page.
(module
  (memory (export "memory") 1)
  (global $depth (export "depth") (mut i32) (i32.const 0))
  (func (export "_start")
    (drop (call $deeper (i32.const 1))))
  (func $deeper (param $depth i32) (result i32)
    (global.set $depth (local.get $depth))
    ;; The addition comes after the call, so this cannot become a loop.
    (i32.add (i32.const 1) (call $deeper (i32.add (local.get $depth) (i32.const 1))))))
