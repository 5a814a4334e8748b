package expr

import (
	"fmt"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// TestUniqueEnds: an end is no earlier than asked for, at most an hour later, no whole
// millisecond, the same for a name at any time, and known again however a provider writes
// it, so long as it keeps all of it.
func TestUniqueEnds(t *testing.T) {
	asked := time.Date(2026, 3, 1, 10, 59, 59, 999_999_000, time.UTC)
	offsets := map[time.Duration]string{}
	for n := range 2000 {
		name := fmt.Sprintf("name-%d", n)
		value, err := uniqueEndFunc.Call([]cty.Value{cty.StringVal(asked.Format(time.RFC3339Nano)), cty.StringVal(name)})
		if err != nil {
			t.Fatal(err)
		}
		end, err := time.Parse(time.RFC3339, value.AsString())
		if err != nil {
			t.Fatal(err)
		}
		if end.Before(asked) || end.Sub(asked) > time.Hour || end.Equal(end.Truncate(time.Millisecond)) || !end.Equal(end.Truncate(time.Microsecond)) {
			t.Errorf("%s ends %s", name, end)
		}
		offset := end.Sub(end.Truncate(time.Hour))
		if other, taken := offsets[offset]; taken {
			t.Errorf("%s and %s end alike", name, other)
		}
		offsets[offset] = name
		for written, want := range map[string]bool{
			value.AsString():                                 true,
			end.Format(time.RFC3339Nano):                     true,
			end.Add(24 * time.Hour).Format(time.RFC3339Nano): true,
			end.In(time.FixedZone("", 2*60*60)).Format("2006-01-02T15:04:05.000000000-07:00"): true,
			end.Format(time.RFC3339):                          false,
			end.Format("2006-01-02T15:04:05.000Z07:00"):       false,
			end.Add(time.Nanosecond).Format(time.RFC3339Nano): false,
		} {
			got, err := hasUniqueEndFunc.Call([]cty.Value{cty.StringVal(written), cty.StringVal(name)})
			if err != nil || got.True() != want {
				t.Errorf("%s, of %s: %#v (%v)", written, name, got, err)
			}
		}
	}
}
