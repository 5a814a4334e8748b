package main

import (
	"regexp"
	"strings"
)

// notes are the comment that a definition begins with, but for its category: where the
// facts are from, where the provider says which rights the admin credential needs, and
// what a reader has to know, what nobody has confirmed among it.
type notes struct{ Sources, Rights, Text string }

// link finds addresses, which are shown as links when they stand in angle brackets.
var link = regexp.MustCompile(`https://[^\s;,()]*[^\s;,.()]`)

func notesOf(source string) notes {
	var n notes
	var paragraph []string
	end := func() {
		text := link.ReplaceAllString(strings.Join(paragraph, " "), "<$0>")
		paragraph = nil
		sources, isSources := strings.CutPrefix(text, "Sources: ")
		rights, isRights := strings.CutPrefix(text, "Rights: ")
		switch {
		case text == "" || strings.HasPrefix(text, "Category: "):
		case isSources:
			n.Sources = sources
		case isRights:
			n.Rights = rights
		case n.Text == "":
			n.Text = text
		default:
			n.Text += "\n\n" + text
		}
	}
	for line := range strings.Lines(source) {
		comment, is := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !is {
			break
		}
		if comment = strings.TrimSpace(comment); comment == "" || strings.HasPrefix(comment, "Not confirmed:") {
			end()
		}
		if comment != "" {
			paragraph = append(paragraph, comment)
		}
	}
	end()
	return n
}
