package expr

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func mustExpression(t testing.TB, text string) hclsyntax.Expression {
	t.Helper()
	expr, found := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
	if found.HasErrors() {
		t.Fatal(found)
	}
	return expr
}

// RFC 6238, appendix B, the values for SHA-1; six of their eight digits.
func TestTOTP(t *testing.T) {
	key := []byte("12345678901234567890")
	for unix, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := totp(key, time.Unix(unix, 0)); got != want {
			t.Errorf("at %d the code is %s, not %s", unix, got, want)
		}
	}
}

func TestClockInExpressions(t *testing.T) {
	const seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // the key of the RFC
	s := Scope{}.At(func() time.Time { return time.Unix(1111111109, 0) }, nil)
	for text, want := range map[string]string{
		`now()`:                          "2005-03-18T01:58:29Z",
		`timeadd(now(), "1h")`:           "2005-03-18T02:58:29Z",
		`unix_ms(timeadd(now(), "30m"))`: "1111112909000",
		`totp("` + seed + `")`:           "081804",
		`totp("` + strings.ToLower(seed[:4]+" "+seed[4:]) + `==")`: "081804",
		`totp("not base32!")`: "",
		`totp("")`:            "",
		`try(now(), "none")`:  "2005-03-18T01:58:29Z",
	} {
		value, err := s.Evaluate(mustExpression(t, text))
		if got, _ := TextOf(value); got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %q (%v), not %q", text, got, err, want)
		}
	}
	if value, err := s.Evaluate(mustExpression(t, `totp(null)`)); err != nil || !value.IsNull() {
		t.Errorf("without a seed there is a code: %#v, %v", value, err)
	}
}
