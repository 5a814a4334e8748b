package paths

import (
	"time"

	"github.com/hashicorp/vault/sdk/framework"
)

// set stores a field in to when the request names it; named with null or an
// empty string, a field goes back to its default.
func set[T any](d *framework.FieldData, name string, to *T) {
	if value, ok := requestField(d, name); ok {
		*to, _ = value.(T)
	}
}

// setText is set for texts of a type of their own.
func setText[T ~string](d *framework.FieldData, name string, to *T) {
	if value, ok := requestField(d, name); ok {
		text, _ := value.(string)
		*to = T(text)
	}
}

// setSeconds is set for durations.
func setSeconds(d *framework.FieldData, name string, to *time.Duration) {
	if value, ok := requestField(d, name); ok {
		seconds, _ := value.(int)
		*to = time.Duration(seconds) * time.Second
	}
}

// requestField is the value of a field that the request names.
func requestField(d *framework.FieldData, name string) (any, bool) {
	raw, named := d.Raw[name]
	switch {
	case !named:
		return nil, false
	case isEmpty(raw):
		return d.GetDefaultOrZero(name), true
	default:
		return d.Get(name), true
	}
}

// providerInput is what the request says beside the endpoint's own fields: the
// provider's, for its definition to check. An empty string asks for the default
// as null does, since the command line cannot write null.
func providerInput(d *framework.FieldData) map[string]any {
	input := map[string]any{}
	for name, raw := range d.Raw {
		if _, own := d.Schema[name]; own {
			continue
		}
		if isEmpty(raw) {
			raw = nil
		}
		input[name] = raw
	}
	return input
}

// inSeconds is how Vault shows a duration.
func inSeconds(d time.Duration) int64 { return int64(d / time.Second) }

// shownTime is how times are shown: RFC 3339 in UTC.
func shownTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
