package transport

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	// tripAfter is how many failures in a row open the breaker.
	tripAfter = 5
	// openFor is how long an open breaker refuses, before it lets one request
	// through to see.
	openFor = 10 * time.Second
)

// health is what an attempt says of the host's health: well by default.
type health struct {
	ill   bool
	none  bool // the attempt says nothing, such as one that its caller cancelled
	cause string
}

var (
	errIll         = errors.New("the host failed")
	errSaysNothing = errors.New("the attempt says nothing of the host")
)

func (v health) err() error {
	switch {
	case v.none:
		return errSaysNothing
	case v.ill:
		return errIll
	default:
		return nil
	}
}

// breaker stops requests to a host that failed several times in a row, so that
// they fail at once and not each after its own timeout.
type breaker struct {
	circuit *gobreaker.CircuitBreaker[*attempt]

	mu       sync.Mutex
	failures int // in a row
	last     string
}

func newBreaker() *breaker {
	return &breaker{circuit: gobreaker.NewCircuitBreaker[*attempt](gobreaker.Settings{
		Timeout:     openFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsExcluded:  func(err error) bool { return errors.Is(err, errSaysNothing) },
	})}
}

// run sends by way of send and learns from its result; false where the breaker
// did not let it.
func (b *breaker) run(send func() *attempt) (*attempt, bool) {
	res, err := b.circuit.Execute(func() (*attempt, error) {
		res := send()
		if res.health.ill { // before the circuit opens, so that a refusal can say why
			b.failed(res.health.cause)
		}
		return res, res.health.err()
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, false
	}
	if err == nil && b.circuit.State() == gobreaker.StateClosed {
		b.recovered()
	}
	return res, true
}

func (b *breaker) open() bool { return b.circuit.State() == gobreaker.StateOpen }

// refusal is the error of a request that the breaker held back.
func (b *breaker) refusal(op string) *Failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &Failure{
		Op: op, Kind: Unreachable,
		Message: fmt.Sprintf("circuit breaker open after %d failures, last: %s", b.failures, b.last),
	}
}

func (b *breaker) failed(cause string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.last = cause
}

func (b *breaker) recovered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.last = 0, ""
}
