package paths

import (
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-apikeys/backend/usererror"
)

// Bounds of what a request may write: far beyond any use, and far below where
// arithmetic on times overflows, or storage refuses an entry.
const (
	longestDuration = 10 * 365 * 24 * time.Hour
	longestRequest  = time.Hour
	longestText     = 256 << 10
	longestList     = 1000

	slowestRate, fastestRate = 0.001, 10_000
)

// longest is how long a duration field may be.
func longest(name string) time.Duration {
	if name == "request_timeout" {
		return longestRequest
	}
	return longestDuration
}

// checkLength bounds texts and lists.
func checkLength(name string, value any) error {
	switch v := value.(type) {
	case string:
		if len(v) > longestText {
			return usererror.Errorf("%s must be at most %d bytes long", name, longestText)
		}
	case []string:
		if len(v) > longestList {
			return usererror.Errorf("%s must hold at most %d elements", name, longestList)
		}
		for _, element := range v {
			if err := checkLength(name, element); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRate bounds requests_per_second; 0 is no bound of the connection's own.
func checkRate(rate float64) error {
	if rate != 0 && !(rate >= slowestRate && rate <= fastestRate) { // not a number is neither
		return usererror.Errorf("requests_per_second must be from %g to %d, or 0 for the provider's own", slowestRate, fastestRate)
	}
	return nil
}

// valueOf is what the framework makes of a field's value; nil where it cannot.
func valueOf(name string, schema *framework.FieldSchema, raw any) (any, error) {
	data := framework.FieldData{Raw: map[string]any{name: raw}, Schema: map[string]*framework.FieldSchema{name: schema}}
	value, _, err := data.GetOkErr(name)
	return value, err
}
