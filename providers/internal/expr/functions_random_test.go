package expr

import (
	"regexp"
	"strings"
	"testing"
)

func TestRandomPassword(t *testing.T) {
	seen := map[string]bool{}
	for _, length := range []int{16, 17, 64, 128} {
		for range 200 {
			text := randomPassword(length)
			if len(text) != length || seen[text] || !regexp.MustCompile(`^[A-Za-z0-9]+$`).MatchString(text) {
				t.Fatalf("%q is no password of length %d, or came twice", text, length)
			}
			if !strings.ContainsAny(text, "0123456789") || strings.ToLower(text) == text || strings.ToUpper(text) == text {
				t.Fatalf("%q lacks a kind of characters", text)
			}
			seen[text] = true
		}
	}
}
