;; Grows its memory by exactly the number of pages given, as first argument or, without one, on standard input.
;;
;; By hand: committed memory starts at 1 page and ends at 1 + pages, each of 64 KiB; one growth (none for 0).
;; There is no allocator. `pages` is set once, before the growth. Exits with 1 where the growth is refused, with 2
;; where there is no number.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  (memory (export "memory") 1)
  (global $pages (export "pages") (mut i32) (i32.const 0))

  ;; 0: number of arguments, 4: their bytes together, 8: number of bytes read, 16: one buffer (address, length)
  (data (i32.const 16) "\00\04\00\00\10\00\00\00") ;; 16 bytes at 1024
  ;; 1024: text from standard input; 2048: pointers to arguments; 32768: arguments, each with a zero behind it

  (func (export "_start")
    (local $text i32)
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (if (i32.gt_u (i32.load (i32.const 0)) (i32.const 1))
      (then
        (drop (call $args_get (i32.const 2048) (i32.const 32768)))
        (local.set $text (i32.load offset=2052 (i32.const 0))))
      (else
        ;; Standard input, at most 15 digits; the rest of the buffer is zero, as is the memory behind it.
        (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8)))
        (local.set $text (i32.const 1024))))
    (global.set $pages (call $number (local.get $text)))
    (if (i32.eq (memory.grow (global.get $pages)) (i32.const -1))
      (then (call $proc_exit (i32.const 1)))))

  ;; The decimal number at the beginning of a text.
  (func $number (param $text i32) (result i32)
    (local $value i32) (local $digit i32)
    (if (i32.gt_u (i32.sub (i32.load8_u (local.get $text)) (i32.const 48)) (i32.const 9))
      (then (call $proc_exit (i32.const 2))))
    (loop $digits
      (local.set $digit (i32.sub (i32.load8_u (local.get $text)) (i32.const 48)))
      (if (i32.le_u (local.get $digit) (i32.const 9))
        (then
          (local.set $value (i32.add (i32.mul (local.get $value) (i32.const 10)) (local.get $digit)))
          (local.set $text (i32.add (local.get $text) (i32.const 1)))
          (br $digits))))
    (local.get $value)))
