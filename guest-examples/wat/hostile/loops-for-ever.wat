;; Never ends, and never calls the host.
(module
  (memory (export "memory") 1)
  (global $rounds (export "rounds") (mut i64) (i64.const 0))
  (func (export "_start")
    (loop $again
      (global.set $rounds (i64.add (global.get $rounds) (i64.const 1)))
      (br $again))))
