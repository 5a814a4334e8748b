package backend

import "fmt"

// Mistake is an error that the caller can mend: its text is one sentence that
// says what to write or do instead. The endpoints answer it with status 400;
// every other error is a fault of the engine, its storage or the provider.
type Mistake struct{ text string }

func (m *Mistake) Error() string { return m.text }

func mistake(format string, args ...any) error {
	return &Mistake{text: fmt.Sprintf(format, args...)}
}
