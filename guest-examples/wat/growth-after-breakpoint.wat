;; Knows early how far it will grow, and says so again when it is too late.
;;
;; By hand, for the number n on standard input: memory starts at 1 page and grows by one page n times.
;;   wanted       set to n once, before the first growth: all of the growth is still ahead
;;   entry:work   its parameter is n, at the same time
;;   reached      set after each growth, to 1, 2, ... n: its largest value is known when nothing is ahead any more
;; Both explain the peak of 1 + n pages perfectly; only `wanted` predicts it. Exits with 1 where a growth is refused.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  (memory (export "memory") 1)
  (global $wanted (export "wanted") (mut i32) (i32.const 0))
  (global $reached (export "reached") (mut i32) (i32.const 0))

  ;; 0: number of bytes read, 8: one buffer (address, length)
  (data (i32.const 8) "\00\04\00\00\10\00\00\00") ;; 16 bytes at 1024

  (func (export "_start")
    (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 0)))
    (call $work (call $number (i32.const 1024))))

  (func $work (export "work") (param $pages i32)
    (global.set $wanted (local.get $pages))
    (loop $growths
      (if (i32.lt_u (global.get $reached) (local.get $pages))
        (then
          (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1))
            (then (call $proc_exit (i32.const 1))))
          (global.set $reached (i32.add (global.get $reached) (i32.const 1)))
          (br $growths)))))

  ;; The decimal number at the beginning of a text.
  (func $number (param $text i32) (result i32)
    (local $value i32) (local $digit i32)
    (loop $digits
      (local.set $digit (i32.sub (i32.load8_u (local.get $text)) (i32.const 48)))
      (if (i32.le_u (local.get $digit) (i32.const 9))
        (then
          (local.set $value (i32.add (i32.mul (local.get $value) (i32.const 10)) (local.get $digit)))
          (local.set $text (i32.add (local.get $text) (i32.const 1)))
          (br $digits))))
    (local.get $value)))
