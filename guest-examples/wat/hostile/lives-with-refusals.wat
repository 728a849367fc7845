;; Grows by one page after another until that is refused, asks twice more, and succeeds with what it has: three
;; refused growths, exit code 0.
(module
  (memory (export "memory") 1)
  (global $refused (export "refused") (mut i32) (i32.const 0))
  (func (export "_start")
    (loop $again
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1))
        (then (global.set $refused (i32.add (global.get $refused) (i32.const 1)))))
      (br_if $again (i32.lt_u (global.get $refused) (i32.const 3))))))
