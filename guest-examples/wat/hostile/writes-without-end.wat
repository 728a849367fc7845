;; Writes 64 bytes after another to standard output, whatever the host says to that.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; 0: number of bytes written, 8: one buffer (address, length)
  (data (i32.const 8) "\00\04\00\00\40\00\00\00") ;; 64 bytes at 1024
  (data (i32.const 1024) "the quick brown fox jumps over the lazy dog, again and again ..\n")
  (func (export "_start")
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))
      (br $again))))
