package backend

import "time"

// RotationState is what a connection's or static role's reader is told.
type RotationState struct {
	// LastRotated is when a rotation last succeeded; zero for never.
	LastRotated time.Time `json:"last_rotated,omitzero"`
	// NextRotation is when the next one comes by itself; zero for never.
	NextRotation time.Time `json:"-"`
	// Notice is what rotations left for the operator to do.
	Notice string `json:"notice,omitempty"`
	// Failures are those since the last success.
	Failures int `json:"failures,omitempty"`
	// LastError is why the last of them failed, and LastFailure when; empty and zero
	// after a success.
	LastError   string    `json:"last_error,omitempty"`
	LastFailure time.Time `json:"last_failure,omitzero"`
}

func (r *RotationState) failed(err error, now time.Time) {
	r.Failures++
	r.LastError, r.LastFailure = err.Error(), now
}
