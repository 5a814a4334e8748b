//go:build bench

package main

import (
	"bytes"
	"fmt"
	"html"
)

// group is the bars that stand side by side.
type group struct {
	name string
	bars []bar
}

type bar struct {
	name  string
	value float64
}

var colours = []string{"#8c8c8c", "#1f6feb", "#d29922"}

// plot draws groups of bars, one below the other, as SVG.
func plot(title string, groups []group) string {
	const width, left, thick, gap, top = 760, 200, 14, 12, 60
	most, height := 0.0, top
	for _, g := range groups {
		height += len(g.bars)*thick + gap
		for _, b := range g.bars {
			most = max(most, b.value)
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", width, height+gap)
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" fill="white"/><text x="10" y="20" font-size="14">%s</text>`+"\n", html.EscapeString(title))
	for n, b := range legend(groups) {
		fmt.Fprintf(&out, `<rect x="%d" y="30" width="10" height="10" fill="%s"/><text x="%d" y="39">%s</text>`+"\n", left+n*150, colours[n%len(colours)], left+n*150+14, html.EscapeString(b))
	}
	y := top
	for _, g := range groups {
		fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-8, y+len(g.bars)*thick/2+4, html.EscapeString(g.name))
		for n, b := range g.bars {
			long := 0.0
			if most > 0 {
				long = b.value / most * (width - left - 70)
			}
			fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%.0f</text>`+"\n", left, y, long, thick-2, colours[n%len(colours)], left+long+4, y+thick-4, b.value)
			y += thick
		}
		y += gap
	}
	out.WriteString("</svg>\n")
	return out.String()
}

// legend is the bars' names, which all groups have in common.
func legend(groups []group) []string {
	var names []string
	for _, g := range groups {
		if len(g.bars) <= len(names) {
			continue
		}
		names = nil
		for _, b := range g.bars {
			names = append(names, b.name)
		}
	}
	return names
}
