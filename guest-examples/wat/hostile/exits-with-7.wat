;; Exits with code 7 from inside a function, so that no function returns. `step` is 1 at the end.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (global $step (export "step") (mut i32) (i32.const 0))
  (func (export "_start")
    (call $leave))
  (func $leave
    (global.set $step (i32.const 1))
    (call $proc_exit (i32.const 7))
    (global.set $step (i32.const 2))))
