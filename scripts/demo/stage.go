package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// stage is where the demo is told: numbered steps, the command of each, and
// what it answered. It is coloured on a terminal.
type stage struct {
	out      io.Writer
	coloured bool
	steps    int
}

func newStage(out *os.File) *stage {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &stage{out: out, coloured: terminal && os.Getenv("NO_COLOR") == ""}
}

const (
	bold  = "1"
	dim   = "2"
	green = "32"
)

func (s *stage) paint(style, text string) string {
	if !s.coloured {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (s *stage) title(text string) {
	fmt.Fprintf(s.out, "\n%s\n\n", s.paint(bold, text))
}

func (s *stage) step(text string) {
	s.steps++
	fmt.Fprintf(s.out, "%2d  %s\n", s.steps, s.paint(bold, text))
}

func (s *stage) command(text string) {
	fmt.Fprintf(s.out, "    %s\n", s.paint(green, "$ "+text))
}

// show shows what a command answered, less the head of vault's tables.
func (s *stage) show(text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, "\n")
		words := strings.Join(strings.Fields(line), " ")
		if words != "Key Value" && words != "--- -----" {
			fmt.Fprintf(s.out, "      %s\n", s.paint(dim, line))
		}
	}
}

func (s *stage) done(text string) {
	fmt.Fprintf(s.out, "\n%s\n\n", s.paint(bold, text))
}

func (s *stage) lines(lines ...string) {
	for _, line := range lines {
		fmt.Fprintf(s.out, "    %s\n", line)
	}
}
