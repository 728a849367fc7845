;; Writes 64 KiB after another into a file of the first granted directory until it may not.
;; Ends with the number of writes that were accepted, or with 100 where there is no directory to write into.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  ;; 0: number of bytes written, 4: descriptor of the file, 8: one buffer (address, length)
  (data (i32.const 8) "\00\00\01\00\00\00\01\00") ;; 64 KiB at 64 KiB
  (data (i32.const 16) "file")
  ;; Makes a file for writing; what the host answered.
  (func $make (param $name i32) (param $length i32) (result i32)
    (call $path_open (i32.const 3) (i32.const 0) (local.get $name) (local.get $length)
      (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 4)))
  (func (export "_start") (local $writes i32) (local $answer i32)
    (if (call $make (i32.const 16) (i32.const 4)) (then (call $proc_exit (i32.const 100))))
    (loop $again
      (local.set $answer
        (call $fd_write (i32.load (i32.const 4)) (i32.const 8) (i32.const 1) (i32.const 0)))
      (if (i32.eqz (local.get $answer))
        (then
          (local.set $writes (i32.add (local.get $writes) (i32.const 1)))
          (br $again))))
    ;; 51: no space left on the device
    (if (i32.ne (local.get $answer) (i32.const 51)) (then unreachable))
    (call $proc_exit (local.get $writes))))
