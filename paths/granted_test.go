package paths

import (
	"encoding/json"
	"reflect"
	"testing"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/providers"
)

// TestGrantedNumbersAreExact: what decodes the answer into float64 alters none.
func TestGrantedNumbersAreExact(t *testing.T) {
	granted := providers.Values{"teams": []any{json.Number("9007199254740993"), json.Number("7")}}
	shown := describeKey(&ledger.Record{Granted: granted})["granted"]
	if want := (providers.Values{"teams": []any{"9007199254740993", json.Number("7")}}); !reflect.DeepEqual(shown, want) {
		t.Errorf("what the key may do is shown as %v, want %v", shown, want)
	}
}
