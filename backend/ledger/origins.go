package ledger

import (
	"iter"

	"vault-plugin-secrets-apikeys/providers"
)

// recordOrigin is what records are counted by: what made them, and the location that
// lists them, as ListingScope.String has it.
type recordOrigin struct{ connection, provider, definition, scope string }

func originOf(r *Record) recordOrigin {
	return recordOrigin{r.Connection, r.Provider, r.Definition, r.Scope.String()}
}

const (
	// mostOrigins bounds how many origins are told apart by their locations; of those on
	// top, whose location is manyScopes, the records have to be read.
	mostOrigins = 10_000
	manyScopes  = "?"
)

// origins are those of the records in the index, each under a number that stands for it
// in the records. A number is given again when the last record of an origin is gone, so
// that they are as many as there were at a time, whatever came and went.
type origins struct {
	numbers map[recordOrigin]uint32
	// known are the origins by their numbers, scopes the locations, and alive how many
	// records there are.
	known  []recordOrigin
	scopes []providers.ListingScope
	alive  []int
	free   []uint32
}

func newOrigins() origins { return origins{numbers: map[recordOrigin]uint32{}} }

// begin counts a record, and is the number of its origin.
func (o *origins) begin(r *Record) uint32 {
	of := originOf(r)
	n, known := o.numbers[of]
	if !known && len(o.numbers) >= mostOrigins {
		of.scope = manyScopes
		n, known = o.numbers[of]
	}
	if !known {
		n = o.take(of, r.Scope)
	}
	o.alive[n]++
	return n
}

// take gives an origin a number.
func (o *origins) take(of recordOrigin, scope providers.ListingScope) (n uint32) {
	if last := len(o.free) - 1; last >= 0 {
		n, o.free = o.free[last], o.free[:last]
	} else {
		n = uint32(len(o.known))
		o.known, o.scopes, o.alive = append(o.known, of), append(o.scopes, scope), append(o.alive, 0)
	}
	o.known[n], o.scopes[n] = of, scope
	o.numbers[of] = n
	return n
}

// end takes a record out of the count.
func (o *origins) end(n uint32) {
	if o.alive[n]--; o.alive[n] > 0 {
		return
	}
	delete(o.numbers, o.known[n])
	if len(o.numbers) == 0 {
		*o = newOrigins()
		return
	}
	o.known[n], o.scopes[n] = recordOrigin{}, providers.ListingScope{}
	o.free = append(o.free, n)
}

// of is the origin with a number that a record has.
func (o *origins) of(n uint32) recordOrigin { return o.known[n] }

// all are the origins that have records, and how many.
func (o *origins) all() iter.Seq2[recordOrigin, int] {
	return func(yield func(recordOrigin, int) bool) {
		for of, n := range o.numbers {
			if !yield(of, o.alive[n]) {
				return
			}
		}
	}
}

// scopesOf are the locations of a connection's records, each once; sure is false where
// the records have to be read for that.
func (o *origins) scopesOf(connection string) (scopes map[string]providers.ListingScope, sure bool) {
	scopes = map[string]providers.ListingScope{}
	for of, n := range o.numbers {
		if of.connection != connection {
			continue
		}
		if of.scope == manyScopes {
			return nil, false
		}
		scopes[of.scope] = o.scopes[n]
	}
	return scopes, true
}
