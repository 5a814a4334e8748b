package backend

import (
	"flag"
	"os"
	"testing"
)

// waiting is how many tests run at a time unless told otherwise: they wait for
// injected faults to pass much more than they work.
const waiting = "24"

func TestMain(m *testing.M) {
	flag.Parse()
	parallel := flag.Lookup("test.parallel")
	if parallel.Value.String() == parallel.DefValue {
		if err := parallel.Value.Set(waiting); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
