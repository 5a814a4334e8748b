package main

import (
	"regexp"
	"strings"
)

// notes are the comment that a definition begins with, but for its category: where the
// facts are from, where the provider says which rights the admin credential needs, or
// where that was looked for in vain, and what a reader has to know, what nobody has
// confirmed among it.
type notes struct{ Sources, Rights, NoRights, Text string }

// link finds addresses, which are shown as links when they stand in angle brackets.
var link = regexp.MustCompile(`https://[^\s;,()]*[^\s;,.()]`)

// startsParagraph finds the words that begin one without an empty line before it.
var startsParagraph = regexp.MustCompile(`^(Not confirmed|Rights|Rights not named in):`)

func notesOf(source string) notes {
	var n notes
	var paragraph []string
	end := func() {
		text := link.ReplaceAllString(strings.Join(paragraph, " "), "<$0>")
		paragraph = nil
		sources, isSources := strings.CutPrefix(text, "Sources: ")
		rights, isRights := strings.CutPrefix(text, "Rights: ")
		without, isWithout := strings.CutPrefix(text, "Rights not named in: ")
		switch {
		case text == "" || strings.HasPrefix(text, "Category: "):
		case isSources:
			n.Sources = sources
		case isRights:
			n.Rights = rights
		case isWithout:
			n.NoRights = without
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
		if comment = strings.TrimSpace(comment); comment == "" || startsParagraph.MatchString(comment) {
			end()
		}
		if comment != "" {
			paragraph = append(paragraph, comment)
		}
	}
	end()
	return n
}
