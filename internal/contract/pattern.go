package contract

import (
	"fmt"
	"regexp/syntax"
)

// matching is a short text that matches pattern and holds number where the
// pattern leaves room for its digits. It is "" for a pattern that Go does not
// read; one with look-aheads, say.
func matching(pattern string, number int64) string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	text, free := instance(parsed.Simplify())
	digits := fmt.Sprint(number)
	for at := len(text) - 1; at >= 0 && digits != ""; at-- {
		if free[at] {
			text[at] = rune(digits[len(digits)-1])
			digits = digits[:len(digits)-1]
		}
	}
	return string(text)
}

// room is how often something that may be repeated without end is repeated.
const room = 8

// instance is a text of the expression, and which of its characters may be any
// digit.
func instance(e *syntax.Regexp) (text []rune, free []bool) {
	switch e.Op {
	case syntax.OpLiteral:
		return e.Rune, make([]bool, len(e.Rune))
	case syntax.OpCharClass:
		return []rune{member(e.Rune)}, []bool{hasDigits(e.Rune)}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []rune{'0'}, []bool{true}
	case syntax.OpCapture, syntax.OpAlternate:
		return instance(e.Sub[0])
	case syntax.OpConcat:
		for _, part := range e.Sub {
			more, moreFree := instance(part)
			text, free = append(text, more...), append(free, moreFree...)
		}
	case syntax.OpPlus, syntax.OpStar:
		for range room {
			more, moreFree := instance(e.Sub[0])
			text, free = append(text, more...), append(free, moreFree...)
		}
	}
	return text, free // anchors, and what may be absent, are empty
}

func hasDigits(ranges []rune) bool { return holds(ranges, '0') && holds(ranges, '9') }

func holds(ranges []rune, r rune) bool {
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i] <= r && r <= ranges[i+1] {
			return true
		}
	}
	return false
}

// member is a character of the class, a plain one where there is one.
func member(ranges []rune) rune {
	for _, r := range "0aA" {
		if holds(ranges, r) {
			return r
		}
	}
	if len(ranges) == 0 {
		return '0'
	}
	return ranges[0]
}
