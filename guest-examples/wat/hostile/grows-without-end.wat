;; Grows by one page after another and traps when that is refused: it needed more than it was given.
(module
  (memory (export "memory") 1)
  (global $pages (export "pages") (mut i32) (i32.const 1))
  (func (export "_start")
    (loop $again
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1))
        (then (unreachable)))
      (global.set $pages (memory.size))
      (br $again))))
