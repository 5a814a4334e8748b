package usererror

import (
	"errors"
	"fmt"
)

// Error is an error that the caller can mend: its text is one sentence that
// says what to write or do instead. The endpoints answer it with status 400;
// every other error is a fault of the engine, its storage or the provider.
type Error struct{ err error }

// Error is the sentence.
func (m *Error) Error() string { return m.err.Error() }

// Unwrap is what the provider said, where the sentence tells of that.
func (m *Error) Unwrap() error { return errors.Unwrap(m.err) }

// Errorf makes one as fmt.Errorf does; with %w its Unwrap is what the provider said.
func Errorf(format string, args ...any) error {
	return &Error{err: fmt.Errorf(format, args...)}
}
