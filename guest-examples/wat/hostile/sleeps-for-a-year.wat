;; Never ends, inside a call of the host that cannot be interrupted from the guest.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; One subscription: userdata; tag 0, a clock; clock 1, monotonic; nanoseconds; precision; flags 0, from now.
  (data (i32.const 16) "\01\00\00\00") ;; the clock's id, at offset 16
  (func (export "_start")
    (i64.store (i32.const 24) (i64.const 31536000000000000)) ;; 365 days, at offset 24
    (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))
