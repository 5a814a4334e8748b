package expr

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Where a key can carry no text of ours, its end can: a moment within an hour, to the
// microsecond, that follows from a name. There are 3,596,400,000 of them: whole
// milliseconds, which other programs choose, are none.

const (
	endPeriod      = time.Hour
	endsPerPeriod  = uint64(endPeriod/time.Millisecond) * endsPerMilli
	endsPerMilli   = uint64(time.Millisecond/time.Microsecond) - 1
	uniqueEndClock = "2006-01-02T15:04:05.000000Z07:00"
)

// endOffset is the moment of a name, from the beginning of an hour.
func endOffset(name string) time.Duration {
	sum := sha256.Sum256([]byte(name))
	n := binary.BigEndian.Uint64(sum[:8]) % endsPerPeriod
	return time.Duration(n/endsPerMilli)*time.Millisecond + time.Duration(n%endsPerMilli+1)*time.Microsecond
}

// uniqueEndFunc is unique_end(time, name): the first moment of the name at that time or
// later, so at most an hour later. A null time is an error: a key without an end would be
// taken for one that is not there.
var uniqueEndFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "time", Type: cty.String, AllowNull: true}, {Name: "name", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if args[0].IsNull() {
			return cty.NilVal, errors.New(`there is no end to begin from; write unique_end(coalesce(key.expires_at, timeadd(now(), "8760h")), key.name)`)
		}
		t, err := time.Parse(time.RFC3339, args[0].AsString())
		if err != nil {
			return cty.NilVal, errors.New("must be an RFC 3339 time")
		}
		end := t.UTC().Truncate(endPeriod).Add(endOffset(args[1].AsString()))
		if end.Before(t) {
			end = end.Add(endPeriod)
		}
		return cty.StringVal(end.Format(uniqueEndClock)), nil
	},
})

// hasUniqueEndFunc is has_unique_end(time, name): whether the time, as a provider tells it,
// is a moment of the name. What is no time is none.
var hasUniqueEndFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "time", Type: cty.String, AllowNull: true}, {Name: "name", Type: cty.String}},
	Type:   function.StaticReturnType(cty.Bool),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if args[0].IsNull() {
			return cty.False, nil
		}
		t, err := time.Parse(time.RFC3339, args[0].AsString())
		if err != nil {
			return cty.False, nil //nolint:nilerr // another form of time cannot be one of ours
		}
		t = t.UTC()
		return cty.BoolVal(t.Sub(t.Truncate(endPeriod)) == endOffset(args[1].AsString())), nil
	},
})
