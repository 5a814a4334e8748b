package backend

import (
	"errors"
	"fmt"
)

// Mistake is an error that the caller can mend: its text is one sentence that
// says what to write or do instead. The endpoints answer it with status 400;
// every other error is a fault of the engine, its storage or the provider.
type Mistake struct{ err error }

func (m *Mistake) Error() string { return m.err.Error() }

// Unwrap is what the provider said, where the sentence tells of that.
func (m *Mistake) Unwrap() error { return errors.Unwrap(m.err) }

func mistake(format string, args ...any) error {
	return &Mistake{err: fmt.Errorf(format, args...)}
}
