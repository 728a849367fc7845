module fathom/line-reader

go 1.24

require fathom/watch v0.0.0

replace fathom/watch => ../../kit/go
