module fathom/watch

go 1.24
