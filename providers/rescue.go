package providers

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// rescue turns a panic under a method of Client into that call's error: a fault
// met by one definition must not end the plugin for all. Whatever was asked of
// the provider may have happened. To be deferred; it tells the line at fault and
// never what was panicked with, which may quote a value.
func rescue(op string, err *error) {
	if r := recover(); r != nil {
		*err = faultError(op)
	}
}

// faultError is the error of a call that panicked.
func faultError(op string) *Error {
	return &Error{Op: op, Kind: Unknown, Message: "the engine failed inside, at " + faultyLine() + "; please report this"}
}

// faultyLine is the innermost line of the panic that is being recovered from.
func faultyLine() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	panicked := false
	for {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			panicked = true
		case panicked && !strings.HasPrefix(frame.Function, "runtime."):
			return fmt.Sprintf("%s line %d", path.Base(frame.File), frame.Line)
		}
		if !more {
			return "an unknown line"
		}
	}
}
