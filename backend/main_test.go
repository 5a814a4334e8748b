package backend

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets many tests run at once: they mostly wait, for a provider that
// does not answer or for a pause before the next try.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "4"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
