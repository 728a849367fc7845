;; Grows by two pages, sets `step` to 2, then traps. What was measured until then is kept: committed 3 pages of 64 KiB.
(module
  (memory (export "memory") 1)
  (global $step (export "step") (mut i32) (i32.const 0))
  (func (export "_start")
    (drop (memory.grow (i32.const 2)))
    (global.set $step (i32.const 2))
    (unreachable)))
