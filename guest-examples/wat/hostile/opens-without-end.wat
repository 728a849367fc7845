;; Opens the file `a` of the first granted directory and never closes it, again and again, until it may not.
;; Ends with code 7, or with 100 where it could not be opened once.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  ;; 4: descriptor of the file
  (data (i32.const 16) "a")
  ;; Opens it for reading; what the host answered.
  (func $open (result i32)
    (call $path_open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 4)))
  (func (export "_start")
    (if (call $open) (then (call $proc_exit (i32.const 100))))
    (loop $again
      (br_if $again (i32.eqz (call $open))))
    (call $proc_exit (i32.const 7))))
