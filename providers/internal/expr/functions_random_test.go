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

// TestDerivedPassword holds it against values that were computed apart, with Python's
// hmac, and finds that each seed and each text gives another.
func TestDerivedPassword(t *testing.T) {
	seed := []byte("the seed of the tests")
	for _, test := range []struct {
		of     string
		length int
		want   string
	}{
		{"vault-app-1", 32, "QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd"},
		{"a name", 16, "S3vgJu3yaZHBPEFC"},
	} {
		got, err := derivedPassword(seed, test.of, test.length)
		if err != nil || got != test.want {
			t.Errorf("%q: %q, %v", test.of, got, err)
		}
		if other, _ := derivedPassword([]byte("another seed"), test.of, test.length); other == got {
			t.Errorf("two seeds give %q", got)
		}
	}
}
