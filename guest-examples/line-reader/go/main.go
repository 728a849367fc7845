// Reads the lines of text into memory, works with them, lets go of them: the line reader in Go. Prints exactly what the
// Rust one prints.
//
// The text is standard input, or, where a directory is granted, each of its *.dat files in the order of their names.
// Only one text is in use at a time, but its memory is free again only when the garbage collector has noticed.
package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"fathom/watch"
)

// Lines of the current text read so far, for whoever watches this guest.
var lines = watch.New("lines")

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "line-reader:", err)
		os.Exit(1)
	}
}

func run() error {
	// By name; an error where no directory is granted.
	entries, err := os.ReadDir("/")
	if err != nil {
		return readAndReport("stdin", os.Stdin)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".dat") {
			continue
		}
		text, err := os.Open("/" + entry.Name())
		if err != nil {
			return err
		}
		err = readAndReport(entry.Name(), text)
		text.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func readAndReport(name string, text io.Reader) error {
	list, err := readLines(text)
	if err != nil {
		return err
	}
	report(name, list)
	return nil
}

// Every line becomes a string of its own in a slice that grows.
func readLines(text io.Reader) ([]string, error) {
	var list []string
	lines.Set(0)
	scanner := bufio.NewScanner(text)
	scanner.Buffer(nil, math.MaxInt)
	for scanner.Scan() {
		list = append(list, scanner.Text())
		lines.Set(int64(len(list)))
	}
	return list, scanner.Err()
}

// One line about one text.
func report(name string, list []string) {
	longest := 0
	for _, line := range list {
		longest = max(longest, len(line))
	}
	median := ""
	if len(list) > 0 {
		median = selectItem(list, len(list)/2)
	}
	fmt.Printf("%s: %d lines, longest %d bytes, median: %s\n", name, len(list), longest, median)
}

// Moves the item that sorting would put at wanted there (Hoare, "Algorithm 65: find", 1961). In place.
func selectItem(items []string, wanted int) string {
	low, high := 0, len(items)-1
	for low < high {
		pivot := items[wanted]
		i, j := low, high
		for i <= j {
			for items[i] < pivot {
				i++
			}
			for items[j] > pivot {
				j--
			}
			if i <= j {
				items[i], items[j] = items[j], items[i]
				i++
				j--
			}
		}
		if j < wanted {
			low = i
		}
		if wanted < i {
			high = j
		}
	}
	return items[wanted]
}
