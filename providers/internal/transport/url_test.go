package transport

import "testing"

func TestBaseURL(t *testing.T) {
	for text, allowed := range map[string]bool{
		"https://x.example/api":    true,
		"https://x.example:8443":   true,
		"http://127.0.0.1:80/x":    true,
		"http://localhost":         true,
		"http://[::1]:8080":        true,
		"http://x.example":         false,
		"http://127.0.0.1.evil.eu": false,
		"https://u:p@x.example":    false,
		"https://x.example?x=1":    false,
		"https://x.example/#x":     false,
		"https://x.example/a/../b": false,
		"ftp://x.example":          false,
		"x.example":                false,
		"https://":                 false,
		"":                         false,
	} {
		if _, err := ParseBaseURL(text, false); (err == nil) != allowed {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ParseBaseURL("http://x.example", true); err != nil {
		t.Errorf("allow_http is not heeded: %v", err)
	}
}

func TestOddSegments(t *testing.T) {
	if !HasOddSegment("/a/%2e%2E/b") || !HasOddSegment("/a//b") || HasOddSegment("/a/b/") {
		t.Error("odd segments are misjudged")
	}
}

func TestHeaderNames(t *testing.T) {
	for _, name := range []string{"Host", "content-length", "Connection", "X Y", "x:y", ""} {
		if CheckHeader(name, "v") == nil {
			t.Errorf("the header %q is taken", name)
		}
	}
}
