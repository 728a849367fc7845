;; Allocates exactly 100 bytes for every line of standard input, through an allocator with the names of C's.
;;
;; By hand, for n lines (newlines read):
;;   live bytes     64 before the first line, 64 + 100 n when all are read, 256 + 100 n at the peak, 0 at the end
;;   allocations    1 calloc, n malloc; then 1 realloc, of 64 to 256 bytes; n + 1 free
;;   bump pointer   4096 + (8 + 64) + n (8 + 104) + (8 + 256): an 8-byte header before each block, sizes rounded up to
;;                  8, nothing ever used again; committed memory is that rounded up to 64 KiB, and 64 KiB at least
;;   lines          1, 2, ... n: set after each allocation, so at its k-th value 64 + 100 k bytes are live, and
;;                  64 + 100 (k + 1) until the next one; at the last one 256 + 100 n until the end
;; Exits with 1 where a growth is refused.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  (memory (export "memory") 1)
  (global $lines (export "lines") (mut i32) (i32.const 0))
  (global $next (mut i32) (i32.const 4096))

  ;; 0: number of bytes read, 8: one buffer (address, length)
  (data (i32.const 8) "\00\04\00\00\00\08\00\00") ;; 2048 bytes at 1024

  (func (export "_start")
    (local $table i32) (local $last i32) (local $before i32)
    (local.set $table (call $calloc (i32.const 16) (i32.const 4)))
    (local.set $last (call $read_lines))
    (local.set $table (call $realloc (local.get $table) (i32.const 256)))
    ;; Each line's block begins with the address of the block before it.
    (loop $lines
      (if (local.get $last)
        (then
          (local.set $before (i32.load (local.get $last)))
          (call $free (local.get $last))
          (local.set $last (local.get $before))
          (br $lines))))
    (call $free (local.get $table)))

  ;; Returns the block of the last line, 0 where there is none.
  (func $read_lines (result i32)
    (local $last i32) (local $block i32) (local $at i32) (local $end i32)
    (loop $chunks
      (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 0)))
      (local.set $at (i32.const 1024))
      (local.set $end (i32.add (i32.const 1024) (i32.load (i32.const 0))))
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          (loop $bytes
            (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 10))
              (then
                (local.set $block (call $malloc (i32.const 100)))
                (i32.store (local.get $block) (local.get $last))
                (local.set $last (local.get $block))
                (global.set $lines (i32.add (global.get $lines) (i32.const 1)))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $bytes (i32.lt_u (local.get $at) (local.get $end))))
          (br $chunks))))
    (local.get $last))

  ;; Takes the next bytes and never gives them again.
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (local $block i32) (local $missing i32)
    (local.set $block (i32.add (global.get $next) (i32.const 8)))
    (global.set $next
      (i32.add (local.get $block)
        (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
    (local.set $missing
      (i32.sub
        (i32.shr_u (i32.add (global.get $next) (i32.const 65535)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
          (then (call $proc_exit (i32.const 1))))))
    (i32.store (i32.sub (local.get $block) (i32.const 8)) (local.get $size))
    (local.get $block))

  ;; The memory is zero already.
  (func $calloc (export "calloc") (param $count i32) (param $size i32) (result i32)
    (call $malloc (i32.mul (local.get $count) (local.get $size))))

  ;; Always moves.
  (func $realloc (export "realloc") (param $block i32) (param $size i32) (result i32)
    (local $moved i32) (local $kept i32)
    (local.set $moved (call $malloc (local.get $size)))
    (if (local.get $block)
      (then
        (local.set $kept (i32.load (i32.sub (local.get $block) (i32.const 8))))
        (if (i32.gt_u (local.get $kept) (local.get $size))
          (then (local.set $kept (local.get $size))))
        (memory.copy (local.get $moved) (local.get $block) (local.get $kept))
        (call $free (local.get $block))))
    (local.get $moved))

  (func $free (export "free") (param $block i32)))
