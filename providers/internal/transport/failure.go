package transport

import "time"

// Kind says what a failed call tells about the provider's state.
type Kind int

const (
	// Unknown: the request was sent and no answer that can be understood came
	// back; it may or may not have taken effect.
	Unknown Kind = iota
	// Refused: the provider answered no; nothing was created or changed.
	Refused
	// Unauthorized: the provider refused the connection's credential; nothing
	// was created or changed.
	Unauthorized
	// Throttled: the provider asked to come back later, by HTTP 429 or in the way
	// that the definition knows; nothing was created or changed.
	Throttled
	// Unreachable: the request never left: name look-up, connecting or TLS
	// failed, the rate limit had no room in time, or the breaker is open.
	Unreachable
)

// Failure is a request that came to no answer, or that a token endpoint refused.
// Its message holds no secret and no part of an answer.
type Failure struct {
	// Op is what the request was for, as request.op says it.
	Op string
	// Kind says whether the request may have taken effect.
	Kind Kind
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	// Message is a part of a sentence, for an operator.
	Message string
	// RetryAfter is how long to wait; 0 when nobody said.
	RetryAfter time.Duration
	// Err is the cause below, if any; its text is already part of Message.
	Err error
}

func (f *Failure) Error() string { return f.Message }

func (f *Failure) Unwrap() error { return f.Err }
