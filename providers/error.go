package providers

import (
	"errors"
	"fmt"
	"time"

	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// Error is a failed call. Its text is made of the provider's status and
// message, never of its raw body, and holds no secret.
type Error struct {
	// Op is the definition's block: "issue", "revoke", …
	Op string
	// Kind says what the failure tells about the provider's state.
	Kind Kind
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	// Message is the provider's own sentence, or what was wrong with its answer.
	Message string
	// RetryAfter is how long the provider asked to wait; 0 when it did not say.
	RetryAfter time.Duration
	// Leftover is set when a failed issue left something to be undone.
	Leftover *Leftover
	// Made is set when a failed issue made a key whose answer cannot be used:
	// it is to be revoked, also where that seems to have been done.
	Made *Handle
	// Removed says that the provider said that it removed what Made names.
	Removed bool
	// Err is the cause below, if any; its text is already part of Message.
	Err error
}

// Error is one sentence that names the operation.
func (e *Error) Error() string {
	switch {
	case e.Kind == Unreachable:
		return fmt.Sprintf("%s: the provider cannot be reached: %s", e.Op, e.Message)
	case e.Kind == Unauthorized:
		return fmt.Sprintf("%s: the provider refused the connection's credential (status %d): %s", e.Op, e.Status, e.Message)
	case e.Kind == Refused && e.Status == 0:
		return fmt.Sprintf("%s: no request was sent: %s", e.Op, e.Message)
	case e.Status == 0:
		return fmt.Sprintf("%s: the provider gave no usable answer: %s", e.Op, e.Message)
	default:
		return fmt.Sprintf("%s: the provider answered status %d: %s", e.Op, e.Status, e.Message)
	}
}

// Unwrap is the cause below, or nil.
func (e *Error) Unwrap() error { return e.Err }

// NothingMade reports whether err proves that an issue created nothing. Any
// error that is not an *Error counts as no proof.
func NothingMade(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind != Unknown && e.Leftover == nil
}

// KindOf is the Kind of err, Unknown where err is not an *Error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unknown
}

// errorOf is the error of a request that the transport failed to carry out; nil
// for none.
func errorOf(f *transport.Failure) *Error {
	if f == nil {
		return nil
	}
	return &Error{Op: f.Op, Kind: f.Kind, Status: f.Status, Message: f.Message, RetryAfter: f.RetryAfter, Err: f.Err}
}

// failureOf is the error of a request whose answer another one needs, for who
// signs that one.
func failureOf(e *Error) *transport.Failure {
	if e == nil {
		return nil
	}
	return &transport.Failure{Op: e.Op, Kind: e.Kind, Status: e.Status, Message: e.Message, RetryAfter: e.RetryAfter, Err: e.Err}
}
