;; Imports a function that no host has. It never starts; the error names `shop.discount`.
(module
  (import "shop" "discount" (func $discount (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $discount (i32.const 1)))))
